"""SEW-D: SEW with disentangled attention (Wu et al., 2022)."""

from __future__ import annotations

from collections.abc import Iterable

from speechgraft.registry import EncoderEntry, hookimpl


@hookimpl
def speechgraft_encoders() -> Iterable[EncoderEntry]:
    """The one encoder of this family."""
    yield EncoderEntry(
        name="sew-d",
        config="speechgraft.plugins.sew_d.config:SEWDConfig",
        adapter="speechgraft.plugins.sew_d.config:ADAPTER",
        factory="speechgraft.plugins.sew_d.encoder:SEWDEncoder",
        weights="speechgraft.plugins.sew_d.weights:weight_map",
        ctc_model="speechgraft.plugins.sew_d.models:SEWDForCTC",
        models=(
            "speechgraft.plugins.sew_d.models:SEWDModel",
            "speechgraft.plugins.sew_d.models:SEWDForCTC",
            "speechgraft.plugins.sew_d.models:SEWDForSequenceClassification",
        ),
        input_kind="waveform",
        stride=320,
        gradient_checkpointing=True,
        tiny={
            "hidden_size": 16,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "intermediate_size": 32,
            "max_position_embeddings": 16,
            "position_buckets": 4,
            "conv_dim": (8, 8, 8),
            "conv_kernel": (8, 3, 2),
            "conv_stride": (4, 2, 2),
            "num_conv_pos_embeddings": 8,
            "num_conv_pos_embedding_groups": 2,
            "mask_time_length": 2,
            "mask_feature_length": 2,
        },
        draw="speechgraft.plugins.sew_d.strategies:configs",
        summary="raw 16 kHz speech, a frame every 20 ms; its transformer sees half of them, by content and distance",
    )
