"""SEW: an encoder of raw speech that squeezes its frames before the transformer (Wu et al., 2022)."""

from __future__ import annotations

from collections.abc import Iterable

from speechgraft.registry import EncoderEntry, hookimpl


@hookimpl
def speechgraft_encoders() -> Iterable[EncoderEntry]:
    """The one encoder of this family."""
    yield EncoderEntry(
        name="sew",
        config="speechgraft.plugins.sew.config:SEWConfig",
        adapter="speechgraft.plugins.sew.config:ADAPTER",
        factory="speechgraft.plugins.sew.encoder:SEWEncoder",
        weights="speechgraft.plugins.sew.weights:weight_map",
        ctc_model="speechgraft.plugins.sew.models:SEWForCTC",
        models=(
            "speechgraft.plugins.sew.models:SEWModel",
            "speechgraft.plugins.sew.models:SEWForCTC",
            "speechgraft.plugins.sew.models:SEWForSequenceClassification",
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
        draw="speechgraft.plugins.sew.strategies:configs",
        summary="raw 16 kHz speech, a frame every 20 ms; the transformer sees every two frames as one",
    )
