"""Drawn configs for the contract tests: every choice of the encoder, at sizes that run in milliseconds."""

from __future__ import annotations

from hypothesis import strategies as st

from speechgraft.plugins.sew.config import SEWConfig
from speechgraft.testing.draws import EPSILONS, RATES, dropouts, front_ends, masking, positions, sizes


@st.composite
def configs(draw: st.DrawFn) -> SEWConfig:
    """Configs that promise every property, so with the exact padding alone; with and without a projection."""
    front_end = draw(front_ends())
    size = draw(sizes())
    if draw(st.booleans()):
        front_end["conv_dim"] = (*front_end["conv_dim"][:-1], size["hidden_size"])
    return SEWConfig(
        **size,
        **front_end,
        **draw(positions()),
        **draw(masking()),
        **draw(dropouts()),
        layerdrop=draw(RATES),
        layer_norm_eps=draw(EPSILONS),
        squeeze_factor=draw(st.integers(1, 3)),
    )
