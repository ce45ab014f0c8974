"""Drawn configs for the contract tests: every choice of the encoder, at sizes that run in milliseconds."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from speechgraft.plugins.wav2vec2.config import Wav2Vec2Config
from speechgraft.testing.draws import EPSILONS, RATES, dropouts, front_ends, masking, positions, sizes


@st.composite
def configs(draw: st.DrawFn) -> Wav2Vec2Config:
    """Configs that promise every property, so with the exact padding alone."""
    size = draw(sizes())
    stable = draw(st.booleans())
    return Wav2Vec2Config(
        **size,
        **draw(front_ends()),
        **draw(positions()),
        **draw(masking()),
        **draw(dropouts()),
        **draw(_adapters(size["hidden_size"])),
        layerdrop=draw(RATES),
        layer_norm_eps=draw(EPSILONS),
        do_stable_layer_norm=stable,
        adapter_attn_dim=draw(st.sampled_from([None, 3])) if stable else None,
    )


def _adapters(size: int) -> st.SearchStrategy[dict[str, Any]]:
    adapter = st.fixed_dictionaries(
        {
            "add_adapter": st.just(True),
            "output_hidden_size": st.sampled_from([None, size, 8, 12]),
            "adapter_kernel_size": st.integers(1, 4),
            "adapter_stride": st.integers(1, 3),
            "num_adapter_layers": st.integers(1, 2),
        }
    )
    return st.just({}) | adapter
