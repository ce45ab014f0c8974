"""BART (Lewis et al., 2020): the decoder half, with the cross-attention that it was pretrained with."""

from __future__ import annotations

from collections.abc import Iterable

from speechgraft.registry import DecoderEntry, hookimpl


@hookimpl
def speechgraft_decoders() -> Iterable[DecoderEntry]:
    """The one decoder of this family."""
    yield DecoderEntry(
        name="bart",
        config="speechgraft.plugins.bart.config:BartConfig",
        adapter="speechgraft.plugins.bart.config:ADAPTER",
        factory="speechgraft.plugins.bart.decoder:BartDecoder",
        weights="speechgraft.plugins.bart.weights:weight_map",
        models=("speechgraft.plugins.bart.models:BartForCausalLM",),
        cross_attention="native",
        positions="learned",
        gradient_checkpointing=True,
        tiny={
            "vocab_size": 37,
            "d_model": 16,
            "decoder_layers": 2,
            "decoder_attention_heads": 2,
            "decoder_ffn_dim": 32,
            "max_position_embeddings": 64,
        },
        draw="speechgraft.plugins.bart.strategies:configs",
        summary="the decoder half of BART, with its own cross-attention",
    )
