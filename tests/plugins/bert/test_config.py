"""The BERT config has the published names and defaults and exchanges files with the reference."""

from __future__ import annotations

import json
from dataclasses import fields
from typing import Any

import pytest
import transformers
from hypothesis import given, settings
from hypothesis import strategies as st

from speechgraft.errors import ConfigError
from speechgraft.plugins.bert.config import BertConfig


@st.composite
def options(draw: st.DrawFn) -> dict[str, Any]:
    heads, vocabulary = draw(st.integers(1, 4)), draw(st.integers(2, 99))
    return {
        "vocab_size": vocabulary,
        "hidden_size": heads * draw(st.integers(1, 9)),
        "num_attention_heads": heads,
        "num_hidden_layers": draw(st.integers(1, 3)),
        "hidden_act": draw(st.sampled_from(["gelu", "relu", "gelu_new"])),
        "hidden_dropout_prob": draw(st.floats(0, 1)),
        "pad_token_id": draw(st.none() | st.integers(0, vocabulary - 1)),
        "is_decoder": draw(st.booleans()),
        "tie_word_embeddings": draw(st.booleans()),
        "num_labels": draw(st.integers(1, 4)),
    }


@given(options())
@settings(max_examples=50)
def test_files_go_both_ways_between_the_reference_and_here(drawn: dict[str, Any]) -> None:
    published = json.loads(transformers.BertConfig(**drawn).to_json_string(use_diff=False))
    config = BertConfig.from_dict(published)
    assert config.unknown_keys == ()
    written = config.to_dict()
    assert {key: written[key] for key in published} == published
    back = json.loads(transformers.BertConfig(**written).to_json_string(use_diff=False))
    assert {key: back[key] for key in published} == published
    assert BertConfig.from_dict(written) == config == config.copy()


def test_every_published_field_is_a_field_or_carried_with_the_published_default() -> None:
    published, ours = transformers.BertConfig(), BertConfig()
    carried = BertConfig.from_dict(json.loads(published.to_json_string(use_diff=False))).extras
    names = [field.name for field in fields(published) if field.name not in carried]
    assert {name for name in names if getattr(ours, name) != getattr(published, name)} == set()


@pytest.mark.parametrize(
    ("wrong", "problem"),
    [
        ({"num_attention_heads": 7}, "$.num_attention_heads: 7 heads do not divide hidden_size 768"),
        (
            {"position_embedding_type": "relative_key"},
            "$.position_embedding_type: relative positions are not available",
        ),
        ({"pad_token_id": 30522}, "$.pad_token_id: 30522 is not one of the 30522 tokens"),
        ({"hidden_dropout_prob": -0.1}, "$.hidden_dropout_prob: expected a value from 0 to 1, got -0.1"),
    ],
)
def test_what_cannot_be_built_is_refused(wrong: dict[str, Any], problem: str) -> None:
    with pytest.raises(ConfigError) as caught:
        BertConfig(**wrong)
    assert [line for line in caught.value.problems if line.startswith(problem)]


def test_why_its_cross_attention_has_no_choice_of_a_beginning_is_said() -> None:
    with pytest.raises(
        ConfigError,
        match=r"\$.cross_attention_init: a layer norm follows each cross-attention here, .*; gpt2 has this option",
    ):
        BertConfig(cross_attention_init="zero")
