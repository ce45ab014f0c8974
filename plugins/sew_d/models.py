"""SEW-D under its published names."""

from __future__ import annotations

from speechgraft.plugins.sew_d.config import SEWDConfig
from speechgraft.registry import CTCModel, EncoderModel, SequenceClassificationModel


class SEWDModel(EncoderModel):
    """SEW-D alone: a waveform in, hidden states out."""

    model_type = "sew-d"
    config: SEWDConfig


class SEWDForCTC(CTCModel):
    """SEW-D with a head that scores tokens in each frame."""

    model_type = "sew-d"
    config: SEWDConfig


class SEWDForSequenceClassification(SequenceClassificationModel):
    """SEW-D with a head for whole utterances."""

    model_type = "sew-d"
    config: SEWDConfig
