"""Configs of speech encoders have the published names and defaults and exchange files with the reference."""

from __future__ import annotations

import json
from dataclasses import fields
from typing import Any

import attrs
import pytest
import transformers
from hypothesis import given, settings
from hypothesis import strategies as st

from speechgraft.config import Config
from speechgraft.errors import ConfigError
from speechgraft.plugins.hubert.config import HubertConfig
from speechgraft.plugins.sew.config import SEWConfig
from speechgraft.plugins.sew_d.config import SEWDConfig


@attrs.frozen
class Kind:
    """A config class of ours, the reference's of the same name, and draws of the fields that it has alone."""

    ours: type[Config]
    published: Any
    own: dict[str, st.SearchStrategy[Any]]


KINDS = {
    "hubert": Kind(
        HubertConfig,
        transformers.HubertConfig,
        {
            "do_stable_layer_norm": st.just(True),
            "adapter_attn_dim": st.none() | st.integers(1, 9),
            "feat_proj_layer_norm": st.booleans(),
            "conv_pos_batch_norm": st.booleans(),
        },
    ),
    "sew": Kind(SEWConfig, transformers.SEWConfig, {"squeeze_factor": st.integers(1, 5)}),
    "sew-d": Kind(
        SEWDConfig,
        transformers.SEWDConfig,
        {
            "squeeze_factor": st.integers(1, 5),
            "max_position_embeddings": st.integers(20, 600),
            "position_buckets": st.sampled_from([-1, 0, 2, 7, 36]),
            "share_att_key": st.booleans(),
            "relative_attention": st.booleans(),
            "pos_att_type": st.sampled_from([["p2c", "c2p"], ["c2p"], ["p2c"], []]),
            "norm_rel_ebd": st.sampled_from(["layer_norm", "none"]),
            "feature_layer_norm_eps": st.sampled_from([1e-5, 1e-3]),
        },
    ),
}
every_kind = pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)


@st.composite
def options(draw: st.DrawFn, kind: Kind) -> dict[str, Any]:
    heads, groups, layers = draw(st.integers(1, 4)), draw(st.integers(1, 4)), draw(st.integers(1, 4))
    sizes = st.lists(st.integers(1, 9), min_size=layers, max_size=layers)
    return {
        "hidden_size": heads * groups * draw(st.integers(1, 4)),
        "num_attention_heads": heads,
        "num_conv_pos_embedding_groups": groups,
        "conv_dim": draw(sizes),
        "conv_stride": draw(sizes),
        "conv_kernel": draw(sizes),
        "feat_extract_norm": draw(st.sampled_from(["group", "layer"])),
        "mask_time_prob": draw(st.floats(0, 1)),
        "hidden_dropout": draw(st.sampled_from([0, 1, 0.25])),
        "ctc_loss_reduction": draw(st.sampled_from(["sum", "mean"])),
        "eos_token_id": draw(st.none() | st.integers(0, 9)),
        **draw(st.fixed_dictionaries(kind.own)),
    }


def in_file(config: Any) -> dict[str, Any]:
    """What the reference writes of a config."""
    return json.loads(config.to_json_string(use_diff=False))


@every_kind
@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_files_go_both_ways_between_the_reference_and_here(kind: Kind, data: st.DataObject) -> None:
    drawn = data.draw(options(kind))
    published = in_file(kind.published(**drawn))
    config = kind.ours.from_dict(published)
    assert config.unknown_keys == ()
    assert all(
        getattr(config, key) == (tuple(value) if isinstance(value, list) else value) for key, value in drawn.items()
    )
    written = config.to_dict()
    assert {key: written[key] for key in published} == published
    back = in_file(kind.published(**written))
    assert {key: back[key] for key in published} == published
    assert kind.ours.from_dict(json.loads(json.dumps(written))) == config


@every_kind
def test_every_published_field_is_there_with_the_published_default(kind: Kind) -> None:
    published, ours = kind.published(), kind.ours()
    carried = kind.ours.from_dict(in_file(published)).extras
    names = {field.name for field in fields(published)} - carried.keys()
    assert {name for name in names if getattr(ours, name) != getattr(published, name)} == set()
    assert {"conv_dim", "ctc_loss_reduction", *kind.own} - {"adapter_attn_dim"} <= names


@every_kind
@pytest.mark.parametrize(
    ("wrong", "problem"),
    [
        ({"num_attention_heads": 7}, "$.num_attention_heads: 7 heads do not divide hidden_size 768"),
        ({"num_conv_pos_embedding_groups": 7}, "$.num_conv_pos_embedding_groups: 7 groups do not divide"),
        ({"conv_stride": (2,)}, "$.conv_stride: 1 values, but conv_dim has"),
        ({"conv_kernel": ()}, "$.conv_kernel: expected at least one item, got none"),
        ({"conv_dim": (4, 0)}, "$.conv_dim[1]: expected a value above 0"),
        ({"hidden_act": "gelo"}, "$.hidden_act: expected one of 'gelu'"),
        ({"hidden_dropout": 1.5}, "$.hidden_dropout: expected a value from 0 to 1, got 1.5"),
        ({"feat_extract_norm": "batch"}, "$.feat_extract_norm: expected one of 'group', 'layer'"),
        ({"padding": "loose"}, "$.padding: expected one of 'exact', 'reference'"),
    ],
)
def test_what_cannot_be_built_is_refused(kind: Kind, wrong: dict[str, Any], problem: str) -> None:
    with pytest.raises(ConfigError) as caught:
        kind.ours(**wrong)
    assert [line for line in caught.value.problems if line.startswith(problem)]


@every_kind
def test_padding_that_a_file_does_not_speak_of_is_exact(kind: Kind) -> None:
    published = in_file(kind.published())
    assert "padding" not in published
    assert kind.ours.from_dict(published).padding == "exact"
    assert kind.ours.from_dict(kind.ours(padding="reference").to_dict()).padding == "reference"
