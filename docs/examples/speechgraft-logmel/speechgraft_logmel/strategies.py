"""Drawn configs for the compatibility kit: every choice of the encoder, at sizes that run in milliseconds."""

from __future__ import annotations

from hypothesis import strategies as st
from speechgraft.testing.draws import ACTIVATIONS, EPSILONS, RATES, dropouts, positions, sizes

from speechgraft_logmel.config import LogMelConfig


@st.composite
def configs(draw: st.DrawFn) -> LogMelConfig:
    """Configs of encoders."""
    convs = draw(st.lists(st.tuples(st.sampled_from([1, 3, 5]), st.integers(1, 3)), min_size=1, max_size=3))
    return LogMelConfig(
        **draw(sizes()),
        **draw(positions()),
        **draw(dropouts()),
        num_mel_bins=draw(st.integers(1, 7)),
        conv_kernel=tuple(kernel for kernel, _ in convs),
        conv_stride=tuple(stride for _, stride in convs),
        conv_activation=draw(ACTIVATIONS),
        layerdrop=draw(RATES),
        layer_norm_eps=draw(EPSILONS),
    )
