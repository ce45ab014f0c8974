"""wav2vec 2.0 under its published names."""

from __future__ import annotations

from speechgraft.plugins.wav2vec2.config import Wav2Vec2Config
from speechgraft.registry import CTCModel, EncoderModel, SequenceClassificationModel


class Wav2Vec2Model(EncoderModel):
    """wav2vec 2.0 alone: a waveform in, hidden states out."""

    model_type = "wav2vec2"
    config: Wav2Vec2Config


class Wav2Vec2ForCTC(CTCModel):
    """wav2vec 2.0 with a head that scores tokens in each frame."""

    model_type = "wav2vec2"
    config: Wav2Vec2Config


class Wav2Vec2ForSequenceClassification(SequenceClassificationModel):
    """wav2vec 2.0 with a head for whole utterances."""

    model_type = "wav2vec2"
    config: Wav2Vec2Config
