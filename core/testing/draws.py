"""Strategies of options for the field groups of configs, at sizes that run in milliseconds.

What a plugin's own strategy of configs is put together from; see `speechgraft.config.groups`.
"""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from speechgraft.config import ACTIVATION_NAMES

Options = dict[str, Any]

ACTIVATIONS = st.sampled_from(ACTIVATION_NAMES)
RATES = st.sampled_from([0.0, 0.1, 0.4])
EPSILONS = st.sampled_from([1e-5, 1e-3])


def sizes(widths: tuple[int, ...] = (8, 16), *, layers: tuple[int, int] = (0, 2)) -> st.SearchStrategy[Options]:
    """Options of `SizeFields`; one, two and four heads divide the widths."""
    return st.fixed_dictionaries(
        {
            "hidden_size": st.sampled_from(widths),
            "num_hidden_layers": st.integers(*layers),
            "num_attention_heads": st.sampled_from([1, 2, 4]),
            "intermediate_size": st.integers(4, 24),
            "hidden_act": ACTIVATIONS,
        }
    )


@st.composite
def front_ends(draw: st.DrawFn) -> Options:
    """Options of `FrontEndFields`, with the exact padding alone."""
    layers = draw(st.integers(1, 3))

    def each(low: int, high: int) -> tuple[int, ...]:
        return tuple(draw(st.lists(st.integers(low, high), min_size=layers, max_size=layers)))

    return {
        "conv_dim": each(5, 9),
        "conv_kernel": each(1, 6),
        "conv_stride": each(1, 4),
        "conv_bias": draw(st.booleans()),
        "feat_extract_norm": draw(st.sampled_from(["group", "layer"])),
        "feat_extract_activation": draw(ACTIVATIONS),
        "feat_proj_dropout": draw(RATES),
    }


def positions() -> st.SearchStrategy[Options]:
    """Options of `ConvPositionFields`, for widths that four divides."""
    return st.fixed_dictionaries(
        {
            "num_conv_pos_embeddings": st.integers(1, 9),
            "num_conv_pos_embedding_groups": st.sampled_from([1, 2, 4]),
        }
    )


def masking() -> st.SearchStrategy[Options]:
    """Options of `MaskingFields`."""
    return st.fixed_dictionaries(
        {
            "apply_spec_augment": st.booleans(),
            "mask_time_prob": RATES,
            "mask_time_length": st.integers(1, 12),
            "mask_time_min_masks": st.integers(0, 3),
            "mask_feature_prob": RATES,
            "mask_feature_length": st.integers(1, 20),
            "mask_feature_min_masks": st.integers(0, 3),
        }
    )


def dropouts() -> st.SearchStrategy[Options]:
    """The dropouts of `SpeechTransformerFields`."""
    return st.fixed_dictionaries(dict.fromkeys(("hidden_dropout", "activation_dropout", "attention_dropout"), RATES))
