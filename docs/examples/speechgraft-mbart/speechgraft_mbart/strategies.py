"""Drawn options that the configs of both decoders have, at sizes that run in milliseconds."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from speechgraft.testing.draws import ACTIVATIONS, RATES


@st.composite
def decoder_options(draw: st.DrawFn) -> dict[str, Any]:
    """Options of `DecoderFields`."""
    vocab_size = draw(st.integers(9, 40))
    return {
        "vocab_size": vocab_size,
        "d_model": draw(st.sampled_from([8, 12, 16])),
        "decoder_layers": draw(st.integers(1, 3)),
        "decoder_attention_heads": draw(st.sampled_from([1, 2, 4])),
        "decoder_ffn_dim": draw(st.integers(4, 24)),
        "decoder_layerdrop": draw(RATES),
        "activation_function": draw(ACTIVATIONS),
        "dropout": draw(RATES),
        "attention_dropout": draw(RATES),
        "activation_dropout": draw(RATES),
        "scale_embedding": draw(st.booleans()),
        "pad_token_id": draw(st.none() | st.integers(0, vocab_size - 1)),
        "tie_word_embeddings": draw(st.booleans()),
        "chunk_size_feed_forward": draw(st.integers(0, 3)),
    }
