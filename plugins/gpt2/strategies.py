"""Drawn configs for the contract tests: every choice of the decoder, at sizes that run in milliseconds."""

from __future__ import annotations

from hypothesis import strategies as st

from speechgraft.plugins.gpt2.config import GPT2Config
from speechgraft.testing.draws import ACTIVATIONS, EPSILONS, RATES


@st.composite
def configs(draw: st.DrawFn) -> GPT2Config:
    """Configs; the width of the memory is left to the pair."""
    vocab_size = draw(st.integers(9, 40))
    tokens = st.none() | st.integers(0, vocab_size - 1)
    return GPT2Config(
        vocab_size=vocab_size,
        n_positions=draw(st.integers(16, 40)),
        n_embd=draw(st.sampled_from([8, 12, 16])),
        n_layer=draw(st.integers(1, 3)),
        n_head=draw(st.sampled_from([1, 2, 4])),
        n_inner=draw(st.none() | st.integers(4, 24)),
        activation_function=draw(ACTIVATIONS),
        resid_pdrop=draw(RATES),
        embd_pdrop=draw(RATES),
        attn_pdrop=draw(RATES),
        layer_norm_epsilon=draw(EPSILONS),
        scale_attn_weights=draw(st.booleans()),
        scale_attn_by_inverse_layer_idx=draw(st.booleans()),
        reorder_and_upcast_attn=draw(st.booleans()),
        cross_attention_init=draw(st.sampled_from(["normal", "zero"])),
        bos_token_id=draw(tokens),
        eos_token_id=draw(tokens),
        tie_word_embeddings=draw(st.booleans()),
        chunk_size_feed_forward=draw(st.integers(0, 3)),
    )
