"""Drawn configs for the contract tests: every choice of encoder and decoder, at sizes that run in milliseconds."""

from __future__ import annotations

from hypothesis import strategies as st

from speechgraft.config import ACTIVATION_NAMES
from speechgraft.plugins.bert.config import BertConfig

_RATES = st.sampled_from([0.0, 0.1, 0.4])


def decoder_configs() -> st.SearchStrategy[BertConfig]:
    """Configs of decoders; the width of the memory is left to the pair."""
    return _configs(layers=st.integers(1, 3))


def encoder_configs() -> st.SearchStrategy[BertConfig]:
    """Configs of encoders, which may be embeddings alone."""
    return _configs(layers=st.integers(0, 3))


@st.composite
def _configs(draw: st.DrawFn, *, layers: st.SearchStrategy[int]) -> BertConfig:
    vocab_size = draw(st.integers(9, 40))
    return BertConfig(
        vocab_size=vocab_size,
        hidden_size=draw(st.sampled_from([8, 12, 16])),
        num_hidden_layers=draw(layers),
        num_attention_heads=draw(st.sampled_from([1, 2, 4])),
        intermediate_size=draw(st.integers(4, 24)),
        hidden_act=draw(st.sampled_from(ACTIVATION_NAMES)),
        hidden_dropout_prob=draw(_RATES),
        attention_probs_dropout_prob=draw(_RATES),
        max_position_embeddings=draw(st.integers(16, 40)),
        type_vocab_size=draw(st.integers(1, 3)),
        layer_norm_eps=draw(st.sampled_from([1e-12, 1e-5])),
        pad_token_id=draw(st.none() | st.integers(0, vocab_size - 1)),
        tie_word_embeddings=draw(st.booleans()),
        chunk_size_feed_forward=draw(st.integers(0, 3)),
    )
