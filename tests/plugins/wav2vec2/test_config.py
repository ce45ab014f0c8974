"""The wav2vec2 config has the published names and defaults and exchanges files with the reference."""

from __future__ import annotations

import json
from dataclasses import fields
from typing import Any

import pytest
import transformers
from hypothesis import given, settings
from hypothesis import strategies as st

from speechgraft.errors import ConfigError
from speechgraft.plugins.wav2vec2.config import Wav2Vec2Config


@st.composite
def options(draw: st.DrawFn) -> dict[str, Any]:
    heads, groups, layers = draw(st.integers(1, 4)), draw(st.integers(1, 4)), draw(st.integers(1, 4))
    width = heads * groups * draw(st.integers(1, 4))
    sizes = st.lists(st.integers(1, 9), min_size=layers, max_size=layers)
    adapter = draw(st.booleans())
    return {
        "hidden_size": width,
        "num_attention_heads": heads,
        "num_conv_pos_embedding_groups": groups,
        "conv_dim": draw(sizes),
        "conv_stride": draw(sizes),
        "conv_kernel": draw(sizes),
        "add_adapter": adapter,
        "output_hidden_size": draw(st.integers(1, 64)) if adapter else None,
        "feat_extract_norm": draw(st.sampled_from(["group", "layer"])),
        "mask_time_prob": draw(st.floats(0, 1)),
        "hidden_dropout": draw(st.sampled_from([0, 1, 0.25])),
        "eos_token_id": draw(st.none() | st.integers(0, 9)),
    }


@given(options())
@settings(max_examples=50)
def test_files_go_both_ways_between_the_reference_and_here(drawn: dict[str, Any]) -> None:
    published = json.loads(transformers.Wav2Vec2Config(**drawn).to_json_string(use_diff=False))
    config = Wav2Vec2Config.from_dict(published)
    assert config.unknown_keys == ()
    written = config.to_dict()
    assert {key: written[key] for key in published} == published
    back = json.loads(transformers.Wav2Vec2Config(**written).to_json_string(use_diff=False))
    assert {key: back[key] for key in published} == published
    assert Wav2Vec2Config.from_dict(written) == config


@given(options())
def test_reading_what_was_written_gives_an_equal_config(drawn: dict[str, Any]) -> None:
    config = Wav2Vec2Config(**drawn)
    assert Wav2Vec2Config.from_dict(json.loads(json.dumps(config.to_dict()))) == config


def test_every_published_field_is_a_field_or_carried_with_the_published_default() -> None:
    published, ours = transformers.Wav2Vec2Config(), Wav2Vec2Config()
    carried = Wav2Vec2Config.from_dict(json.loads(published.to_json_string(use_diff=False))).extras
    differing = {
        field.name
        for field in fields(published)
        if field.name not in carried and getattr(ours, field.name) != getattr(published, field.name)
    }
    assert differing == {"output_hidden_size"}


@pytest.mark.parametrize(
    ("wrong", "problem"),
    [
        ({"num_attention_heads": 7}, "$.num_attention_heads: 7 heads do not divide hidden_size 768"),
        ({"num_conv_pos_embedding_groups": 7}, "$.num_conv_pos_embedding_groups: 7 groups do not divide"),
        ({"conv_stride": (2,)}, "$.conv_stride: 1 values, but conv_dim has 7"),
        ({"conv_kernel": ()}, "$.conv_kernel: expected at least one item, got none"),
        ({"conv_kernel": (10, 3, 3, 3, 3, 2, 0)}, "$.conv_kernel[6]: expected a value above 0"),
        ({"output_hidden_size": 8}, "$.output_hidden_size: 8 differs from hidden_size 768, which only an adapter"),
        ({"adapter_attn_dim": 16}, "$.adapter_attn_dim: 16 is read where do_stable_layer_norm is true alone"),
        ({"hidden_act": "gelo"}, "$.hidden_act: expected one of 'gelu'"),
        ({"layerdrop": 1.5}, "$.layerdrop: expected a value from 0 to 1, got 1.5"),
        ({"feat_extract_norm": "batch"}, "$.feat_extract_norm: expected one of 'group', 'layer'"),
    ],
)
def test_what_cannot_be_built_is_refused(wrong: dict[str, Any], problem: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Wav2Vec2Config(**wrong)
    assert [line for line in caught.value.problems if line.startswith(problem)]


def test_a_file_that_contradicts_itself_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"\$\.num_feat_extract_layers: the other values make this 7"):
        Wav2Vec2Config.from_dict({"num_feat_extract_layers": 6})
