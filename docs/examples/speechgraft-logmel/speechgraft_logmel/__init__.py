"""An encoder of log-mel features: the hook through which speechgraft finds it. Nothing here imports torch."""

from __future__ import annotations

from collections.abc import Iterable

from speechgraft.registry import EncoderEntry, hookimpl


@hookimpl
def speechgraft_encoders() -> Iterable[EncoderEntry]:
    """The one encoder of this package."""
    yield EncoderEntry(
        name="logmel",
        config="speechgraft_logmel.config:LogMelConfig",
        adapter="speechgraft_logmel.config:ADAPTER",
        factory="speechgraft_logmel.encoder:LogMelEncoder",
        weights="speechgraft_logmel.weights:weight_map",
        extractor="speechgraft_logmel.extractor:LogMelFeatureExtractor",
        input_kind="features",
        stride=4,
        gradient_checkpointing=True,
        tiny={
            "num_mel_bins": 6,
            "hidden_size": 8,
            "num_hidden_layers": 1,
            "num_attention_heads": 2,
            "intermediate_size": 12,
            "num_conv_pos_embeddings": 4,
            "num_conv_pos_embedding_groups": 2,
        },
        draw="speechgraft_logmel.strategies:configs",
        summary="log-mel features, strided convolutions and a transformer",
    )
