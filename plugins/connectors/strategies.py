"""Drawn configs for the contract tests: every choice of the connectors, at sizes that run in milliseconds."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from speechgraft.plugins.connectors.config import ConvConfig, LinearConfig, MLPConfig, StackConfig
from speechgraft.testing.draws import ACTIVATIONS, EPSILONS

# So wide that an activation which is flat on one side leaves something.
_WIDTHS = st.none() | st.integers(4, 9)


def linear() -> st.SearchStrategy[LinearConfig]:
    """Configs of `linear`."""
    return st.builds(LinearConfig, initializer_range=st.sampled_from([0.02, 0.5]))


@st.composite
def conv(draw: st.DrawFn) -> ConvConfig:
    """Configs of `conv`, with even and odd kernels from the stride on."""
    stride = draw(st.integers(1, 3))
    options: dict[str, Any] = {"num_layers": draw(st.integers(1, 2)), "hidden_size": draw(_WIDTHS)}
    kernel = draw(st.integers(stride, stride + 4))
    return ConvConfig(stride=stride, kernel_size=kernel, hidden_act=draw(ACTIVATIONS), **options)


def stack() -> st.SearchStrategy[StackConfig]:
    """Configs of `stack`."""
    return st.builds(StackConfig, num_frames=st.integers(1, 6))


def mlp() -> st.SearchStrategy[MLPConfig]:
    """Configs of `mlp`."""
    return st.builds(
        MLPConfig,
        hidden_size=_WIDTHS,
        hidden_act=ACTIVATIONS,
        norm=st.sampled_from(["layer", "none"]),
        layer_norm_eps=EPSILONS,
    )
