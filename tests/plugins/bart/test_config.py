"""The BART config has the published names and defaults and exchanges files with the reference."""

from __future__ import annotations

import json
from dataclasses import fields
from typing import Any

import pytest
import transformers
from hypothesis import given, settings
from hypothesis import strategies as st

from speechgraft.errors import ConfigError
from speechgraft.plugins.bart.config import BartConfig

OLD_FILE = {
    "model_type": "bart",
    "_num_labels": 3,
    "activation_dropout": 0.1,
    "add_bias_logits": False,
    "add_final_layer_norm": False,
    "classif_dropout": 0.0,
    "d_model": 16,
    "decoder_attention_heads": 4,
    "decoder_layers": 2,
    "early_stopping": True,
    "encoder_layers": 3,
    "extra_pos_embeddings": 2,
    "force_bos_token_to_be_generated": True,
    "forced_bos_token_id": 0,
    "gradient_checkpointing": False,
    "normalize_before": False,
    "normalize_embedding": True,
    "num_beams": 4,
    "num_hidden_layers": 3,
    "output_past": False,
    "prefix": " ",
    "save_step": 58,
    "static_position_embeddings": False,
    "task_specific_params": {"summarization": {"num_beams": 4}},
    "vocab_size": 50,
}
"""The keys of files of 2020."""


@st.composite
def options(draw: st.DrawFn) -> dict[str, Any]:
    heads, vocabulary = draw(st.integers(1, 4)), draw(st.integers(2, 99))
    return {
        "vocab_size": vocabulary,
        "d_model": heads * draw(st.integers(1, 9)),
        "decoder_attention_heads": heads,
        "decoder_layers": draw(st.integers(1, 3)),
        "decoder_layerdrop": draw(st.floats(0, 1)),
        "encoder_layers": draw(st.integers(1, 3)),
        "encoder_ffn_dim": draw(st.integers(1, 9)),
        "activation_function": draw(st.sampled_from(["gelu", "relu", "gelu_new"])),
        "scale_embedding": draw(st.booleans()),
        "init_std": draw(st.floats(0, 1)),
        "pad_token_id": draw(st.none() | st.integers(0, vocabulary - 1)),
        "forced_eos_token_id": draw(st.none() | st.integers(0, 9) | st.lists(st.integers(0, 9), min_size=1)),
        "is_decoder": draw(st.booleans()),
        "is_encoder_decoder": draw(st.booleans()),
        "tie_word_embeddings": draw(st.booleans()),
        "num_labels": draw(st.integers(1, 4)),
    }


@given(options())
@settings(max_examples=50)
def test_files_go_both_ways_between_the_reference_and_here(drawn: dict[str, Any]) -> None:
    published = json.loads(transformers.BartConfig(**drawn).to_json_string(use_diff=False))
    config = BartConfig.from_dict(published)
    assert config.unknown_keys == ()
    written = config.to_dict()
    assert {key: written[key] for key in published} == published
    back = json.loads(transformers.BartConfig(**written).to_json_string(use_diff=False))
    assert {key: back[key] for key in published} == published
    assert BartConfig.from_dict(written) == config == config.copy()


def test_every_published_field_is_a_field_or_carried_with_the_published_default() -> None:
    published, ours = transformers.BartConfig(), BartConfig()
    carried = BartConfig.from_dict(json.loads(published.to_json_string(use_diff=False))).extras
    names = [field.name for field in fields(published) if field.name not in carried]
    assert {name for name in names if getattr(ours, name) != getattr(published, name)} == set()


def test_second_names_are_the_published_ones() -> None:
    """They say something of the encoder half, as over there, but for the width, which both halves have."""
    sizes = {"encoder_layers": 2, "decoder_layers": 3, "encoder_attention_heads": 4, "d_model": 8}
    published = transformers.BartConfig(**sizes)
    ours = BartConfig(**sizes, decoder_attention_heads=2, init_std=0.5)
    for name in published.attribute_map:
        assert getattr(ours, name) == getattr(published, name), name
    assert ours.initializer_range == 0.5


def test_old_files_are_read_and_written_back_with_all_their_keys() -> None:
    config = BartConfig.from_dict(OLD_FILE)
    assert config.unknown_keys == () and config.encoder_layers == 3
    written = config.to_dict()
    kept = OLD_FILE.keys() - {"num_hidden_layers"}
    assert {key: written[key] for key in kept} == {key: OLD_FILE[key] for key in kept}


@pytest.mark.parametrize(
    ("wrong", "problem"),
    [
        ({"decoder_attention_heads": 7}, "$.decoder_attention_heads: 7 heads do not divide d_model 1024"),
        ({"decoder_layers": 0}, "$.decoder_layers: expected a value above 0, got 0"),
        ({"pad_token_id": 50265}, "$.pad_token_id: 50265 is not one of the 50265 tokens"),
        ({"cross_attention_hidden_size": 768}, "$.cross_attention_hidden_size: 768, but BART's own cross-attention"),
        ({"decoder_layerdrop": 1.1}, "$.decoder_layerdrop: expected a value from 0 to 1, got 1.1"),
        ({"decoder_layer": 2}, "$.decoder_layer: BartConfig has no such field; did you mean 'decoder_layers'"),
    ],
)
def test_what_cannot_be_built_is_refused(wrong: dict[str, Any], problem: str) -> None:
    with pytest.raises(ConfigError) as caught:
        BartConfig(**wrong)
    assert [line for line in caught.value.problems if line.startswith(problem)], caught.value.problems


@pytest.mark.parametrize(
    ("key", "value"),
    [("normalize_before", True), ("static_position_embeddings", True), ("extra_pos_embeddings", 0)],
)
def test_a_file_of_what_is_nearly_bart_is_refused(key: str, value: object) -> None:
    with pytest.raises(ConfigError) as caught:
        BartConfig.from_dict({**OLD_FILE, key: value})
    assert any(line.startswith(f"$.{key}: expected") for line in caught.value.problems)


def test_a_memory_of_its_own_width_may_be_stated() -> None:
    assert BartConfig(d_model=64, cross_attention_hidden_size=64).cross_attention_hidden_size == 64


def test_why_its_cross_attention_has_no_choice_of_a_beginning_is_said() -> None:
    with pytest.raises(
        ConfigError,
        match=r"\$.cross_attention_init: cross-attention is pretrained here, and begins as the checkpoint has it",
    ):
        BartConfig(cross_attention_init="zero")
