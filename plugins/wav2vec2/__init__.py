"""Wav2Vec2: an encoder of raw speech (Baevski et al., 2020)."""

from __future__ import annotations

from collections.abc import Iterable

from speechgraft.registry import EncoderEntry, hookimpl


@hookimpl
def speechgraft_encoders() -> Iterable[EncoderEntry]:
    """The one encoder of this family."""
    yield EncoderEntry(
        name="wav2vec2",
        config="speechgraft.plugins.wav2vec2.config:Wav2Vec2Config",
        adapter="speechgraft.plugins.wav2vec2.config:ADAPTER",
        factory="speechgraft.plugins.wav2vec2.encoder:Wav2Vec2Encoder",
        weights="speechgraft.plugins.wav2vec2.weights:weight_map",
        ctc_model="speechgraft.plugins.wav2vec2.models:Wav2Vec2ForCTC",
        models=(
            "speechgraft.plugins.wav2vec2.models:Wav2Vec2Model",
            "speechgraft.plugins.wav2vec2.models:Wav2Vec2ForCTC",
            "speechgraft.plugins.wav2vec2.models:Wav2Vec2ForSequenceClassification",
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
        draw="speechgraft.plugins.wav2vec2.strategies:configs",
        summary="raw 16 kHz speech, a frame every 20 ms; group or layer norm, optional adapter",
    )
