"""SEW under its published names."""

from __future__ import annotations

from speechgraft.plugins.sew.config import SEWConfig
from speechgraft.registry import CTCModel, EncoderModel, SequenceClassificationModel


class SEWModel(EncoderModel):
    """SEW alone: a waveform in, hidden states out."""

    model_type = "sew"
    config: SEWConfig


class SEWForCTC(CTCModel):
    """SEW with a head that scores tokens in each frame."""

    model_type = "sew"
    config: SEWConfig


class SEWForSequenceClassification(SequenceClassificationModel):
    """SEW with a head for whole utterances."""

    model_type = "sew"
    config: SEWConfig
