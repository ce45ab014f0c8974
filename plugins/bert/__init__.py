"""BERT (Devlin et al., 2019): an encoder of text, and a decoder of any memory (Rothe et al., 2020)."""

from __future__ import annotations

from collections.abc import Iterable

from speechgraft.registry import DecoderEntry, EncoderEntry, hookimpl

_TINY = {
    "vocab_size": 37,
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "max_position_embeddings": 64,
}


@hookimpl
def speechgraft_encoders() -> Iterable[EncoderEntry]:
    """The one encoder of this family."""
    yield EncoderEntry(
        name="bert",
        config="speechgraft.plugins.bert.config:BertConfig",
        adapter="speechgraft.plugins.bert.config:ADAPTER",
        factory="speechgraft.plugins.bert.encoder:BertEncoder",
        weights="speechgraft.plugins.bert.weights:encoder_weights",
        models=("speechgraft.plugins.bert.models:BertModel",),
        input_kind="tokens",
        stride=1,
        gradient_checkpointing=True,
        tiny=_TINY,
        draw="speechgraft.plugins.bert.strategies:encoder_configs",
        summary="text, read in both directions, a hidden state for each token",
    )


@hookimpl
def speechgraft_decoders() -> Iterable[DecoderEntry]:
    """The one decoder of this family."""
    yield DecoderEntry(
        name="bert",
        config="speechgraft.plugins.bert.config:BertConfig",
        adapter="speechgraft.plugins.bert.config:ADAPTER",
        factory="speechgraft.plugins.bert.decoder:BertDecoder",
        weights="speechgraft.plugins.bert.weights:decoder_weights",
        models=("speechgraft.plugins.bert.models:BertLMHeadModel",),
        cross_attention="injected",
        positions="learned",
        gradient_checkpointing=True,
        tiny=_TINY,
        draw="speechgraft.plugins.bert.strategies:decoder_configs",
        summary="BERT read from left to right, with fresh cross-attention layers",
    )
