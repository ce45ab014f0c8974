"""GPT-2 (Radford et al., 2019): a language model that becomes a decoder of any memory."""

from __future__ import annotations

from collections.abc import Iterable

from speechgraft.registry import DecoderEntry, hookimpl


@hookimpl
def speechgraft_decoders() -> Iterable[DecoderEntry]:
    """The one decoder of this family."""
    yield DecoderEntry(
        name="gpt2",
        config="speechgraft.plugins.gpt2.config:GPT2Config",
        adapter="speechgraft.plugins.gpt2.config:ADAPTER",
        factory="speechgraft.plugins.gpt2.decoder:GPT2Decoder",
        weights="speechgraft.plugins.gpt2.weights:weight_map",
        models=("speechgraft.plugins.gpt2.models:GPT2LMHeadModel",),
        cross_attention="injected",
        identity=True,
        positions="learned",
        gradient_checkpointing=True,
        tiny={
            "vocab_size": 37,
            "n_positions": 64,
            "n_embd": 16,
            "n_layer": 2,
            "n_head": 2,
            "bos_token_id": 0,
            "eos_token_id": 1,
        },
        draw="speechgraft.plugins.gpt2.strategies:configs",
        summary="GPT-2 with fresh cross-attention layers, which may begin as nothing",
    )
