"""Drawn configs for the contract tests: every choice of the encoder, at sizes that run in milliseconds."""

from __future__ import annotations

from hypothesis import strategies as st

from speechgraft.plugins.hubert.config import HubertConfig
from speechgraft.testing.draws import EPSILONS, RATES, dropouts, front_ends, masking, positions, sizes


@st.composite
def configs(draw: st.DrawFn) -> HubertConfig:
    """Configs that promise every property, so with the exact padding alone."""
    stable = draw(st.booleans())
    return HubertConfig(
        **draw(sizes()),
        **draw(front_ends()),
        **draw(positions()),
        **draw(masking()),
        **draw(dropouts()),
        layerdrop=draw(RATES),
        layer_norm_eps=draw(EPSILONS),
        do_stable_layer_norm=stable,
        adapter_attn_dim=draw(st.sampled_from([None, 3])) if stable else None,
        feat_proj_layer_norm=draw(st.booleans()),
        conv_pos_batch_norm=draw(st.booleans()),
    )
