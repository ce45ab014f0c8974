"""The decoders of mBART and of Speech2Text2: the hook through which speechgraft finds them. It imports no torch."""

from __future__ import annotations

from collections.abc import Iterable

from speechgraft.registry import DecoderEntry, hookimpl

_TINY = {
    "vocab_size": 37,
    "d_model": 16,
    "decoder_layers": 2,
    "decoder_attention_heads": 2,
    "decoder_ffn_dim": 32,
}


@hookimpl
def speechgraft_decoders() -> Iterable[DecoderEntry]:
    """The two decoders of this package."""
    yield DecoderEntry(
        name="mbart",
        config="speechgraft_mbart.mbart.config:MBartConfig",
        adapter="speechgraft_mbart.mbart.config:ADAPTER",
        factory="speechgraft_mbart.mbart.decoder:build",
        weights="speechgraft_mbart.mbart.weights:weight_map",
        tokenizer="speechgraft_mbart.mbart.tokenizer:load_tokenizer",
        cross_attention="native",
        positions="learned",
        gradient_checkpointing=True,
        tiny={**_TINY, "max_position_embeddings": 64},
        draw="speechgraft_mbart.mbart.strategies:configs",
        summary="the decoder half of mBART and mBART-50, with its own cross-attention",
    )
    yield DecoderEntry(
        name="speech_to_text_2",
        config="speechgraft_mbart.speech2text2.config:Speech2Text2Config",
        adapter="speechgraft_mbart.speech2text2.config:ADAPTER",
        factory="speechgraft_mbart.speech2text2.decoder:build",
        weights="speechgraft_mbart.speech2text2.weights:weight_map",
        tokenizer="speechgraft_mbart.speech2text2.tokenizer:load_tokenizer",
        cross_attention="native",
        positions="sinusoidal",
        gradient_checkpointing=True,
        tiny={**_TINY, "max_target_positions": 64},
        draw="speechgraft_mbart.speech2text2.strategies:configs",
        summary="Speech2Text2's decoder, with its own cross-attention",
    )
