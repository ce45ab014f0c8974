"""Hubert: an encoder of raw speech, trained to predict hidden units (Hsu et al., 2021)."""

from __future__ import annotations

from collections.abc import Iterable

from speechgraft.registry import EncoderEntry, hookimpl


@hookimpl
def speechgraft_encoders() -> Iterable[EncoderEntry]:
    """The one encoder of this family."""
    yield EncoderEntry(
        name="hubert",
        config="speechgraft.plugins.hubert.config:HubertConfig",
        adapter="speechgraft.plugins.hubert.config:ADAPTER",
        factory="speechgraft.plugins.hubert.encoder:HubertEncoder",
        weights="speechgraft.plugins.hubert.weights:weight_map",
        ctc_model="speechgraft.plugins.hubert.models:HubertForCTC",
        models=(
            "speechgraft.plugins.hubert.models:HubertModel",
            "speechgraft.plugins.hubert.models:HubertForCTC",
            "speechgraft.plugins.hubert.models:HubertForSequenceClassification",
        ),
        input_kind="waveform",
        stride=320,
        gradient_checkpointing=True,
        tiny={
            "hidden_size": 16,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "intermediate_size": 32,
            "conv_dim": (8, 8, 8),
            "conv_kernel": (8, 3, 2),
            "conv_stride": (4, 2, 2),
            "num_conv_pos_embeddings": 8,
            "num_conv_pos_embedding_groups": 2,
            "mask_time_length": 2,
            "mask_feature_length": 2,
        },
        draw="speechgraft.plugins.hubert.strategies:configs",
        summary="raw 16 kHz speech, a frame every 20 ms; group or layer norm, weight or batch norm before positions",
    )
