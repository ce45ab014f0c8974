"""Drawn configs for the contract tests: every choice of the encoder, at sizes that run in milliseconds."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from speechgraft.config import ACTIVATION_NAMES
from speechgraft.plugins.wav2vec2.config import Wav2Vec2Config

_RATES = st.sampled_from([0.0, 0.1, 0.4])


@st.composite
def configs(draw: st.DrawFn) -> Wav2Vec2Config:
    """Configs that promise every property, so with the exact padding alone."""
    size = draw(st.sampled_from([8, 16]))
    return Wav2Vec2Config(
        hidden_size=size,
        num_hidden_layers=draw(st.integers(0, 2)),
        num_attention_heads=draw(st.sampled_from([1, 2, 4])),
        intermediate_size=draw(st.integers(4, 24)),
        hidden_act=draw(st.sampled_from(ACTIVATION_NAMES)),
        do_stable_layer_norm=draw(st.booleans()),
        layer_norm_eps=draw(st.sampled_from([1e-5, 1e-3])),
        num_conv_pos_embeddings=draw(st.integers(1, 9)),
        num_conv_pos_embedding_groups=draw(st.sampled_from([1, 2, 4])),
        **draw(_front_ends()),
        **draw(_adapters(size)),
        **draw(_noises()),
    )


@st.composite
def _front_ends(draw: st.DrawFn) -> dict[str, Any]:
    layers = draw(st.integers(1, 3))

    def each(low: int, high: int) -> tuple[int, ...]:
        return tuple(draw(st.lists(st.integers(low, high), min_size=layers, max_size=layers)))

    return {
        "conv_dim": each(5, 9),
        "conv_kernel": each(1, 6),
        "conv_stride": each(1, 4),
        "conv_bias": draw(st.booleans()),
        "feat_extract_norm": draw(st.sampled_from(["group", "layer"])),
        "feat_extract_activation": draw(st.sampled_from(ACTIVATION_NAMES)),
    }


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


def _noises() -> st.SearchStrategy[dict[str, Any]]:
    """Dropouts, LayerDrop and SpecAugment: what training alone does."""
    return st.fixed_dictionaries(
        {
            "hidden_dropout": _RATES,
            "activation_dropout": _RATES,
            "attention_dropout": _RATES,
            "feat_proj_dropout": _RATES,
            "layerdrop": _RATES,
            "apply_spec_augment": st.booleans(),
            "mask_time_prob": _RATES,
            "mask_time_length": st.integers(1, 12),
            "mask_time_min_masks": st.integers(0, 3),
            "mask_feature_prob": _RATES,
            "mask_feature_length": st.integers(1, 20),
            "mask_feature_min_masks": st.integers(0, 3),
        }
    )
