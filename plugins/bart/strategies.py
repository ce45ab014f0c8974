"""Drawn configs for the contract tests: every choice of the decoder, at sizes that run in milliseconds."""

from __future__ import annotations

from hypothesis import strategies as st

from speechgraft.config import ACTIVATION_NAMES
from speechgraft.plugins.bart.config import BartConfig

_RATES = st.sampled_from([0.0, 0.1, 0.4])


@st.composite
def configs(draw: st.DrawFn) -> BartConfig:
    """Configs of decoders; what says `encoder_` has its defaults, for nothing reads it."""
    vocab_size = draw(st.integers(9, 40))
    tokens = st.none() | st.integers(0, vocab_size - 1)
    return BartConfig(
        vocab_size=vocab_size,
        d_model=draw(st.sampled_from([8, 12, 16])),
        decoder_layers=draw(st.integers(1, 3)),
        decoder_attention_heads=draw(st.sampled_from([1, 2, 4])),
        decoder_ffn_dim=draw(st.integers(4, 24)),
        decoder_layerdrop=draw(_RATES),
        activation_function=draw(st.sampled_from(ACTIVATION_NAMES)),
        dropout=draw(_RATES),
        attention_dropout=draw(_RATES),
        activation_dropout=draw(_RATES),
        max_position_embeddings=draw(st.integers(16, 40)),
        scale_embedding=draw(st.booleans()),
        pad_token_id=draw(tokens),
        forced_eos_token_id=draw(tokens),
        tie_word_embeddings=draw(st.booleans()),
        chunk_size_feed_forward=draw(st.integers(0, 3)),
    )
