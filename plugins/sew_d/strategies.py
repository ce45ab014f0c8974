"""Drawn configs for the contract tests: every choice of the encoder, at sizes that run in milliseconds."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from speechgraft.plugins.sew_d.config import SEWDConfig
from speechgraft.testing.draws import EPSILONS, dropouts, front_ends, masking, positions, sizes


@st.composite
def configs(draw: st.DrawFn) -> SEWDConfig:
    """Configs that promise every property, so with the exact padding alone."""
    return SEWDConfig(
        **draw(sizes()),
        **draw(front_ends()),
        **draw(positions()),
        **draw(masking()),
        **draw(dropouts()),
        **draw(_distances()),
        squeeze_factor=draw(st.integers(1, 3)),
        share_att_key=draw(st.booleans()),
        relative_attention=draw(st.sampled_from([True, True, False])),
        pos_att_type=draw(st.sampled_from([("p2c", "c2p"), ("c2p",), ("p2c",), ()])),
        norm_rel_ebd=draw(st.sampled_from(["layer_norm", "none"])),
        layer_norm_eps=draw(EPSILONS),
        feature_layer_norm_eps=draw(EPSILONS),
    )


def _distances() -> st.SearchStrategy[dict[str, Any]]:
    """Logarithmic buckets, buckets of one distance each, or no buckets."""
    buckets = st.integers(2, 8)
    logarithmic = buckets.flatmap(lambda count: st.tuples(st.just(count), st.integers(count // 2 + 2, 24)))
    others = st.tuples(buckets, st.just(-1)) | st.tuples(st.just(-1), st.integers(1, 8))
    return (logarithmic | others).map(lambda pair: {"position_buckets": pair[0], "max_position_embeddings": pair[1]})
