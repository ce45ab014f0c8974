"""Hubert under its published names."""

from __future__ import annotations

from speechgraft.plugins.hubert.config import HubertConfig
from speechgraft.registry import CTCModel, EncoderModel, SequenceClassificationModel


class HubertModel(EncoderModel):
    """Hubert alone: a waveform in, hidden states out."""

    model_type = "hubert"
    config: HubertConfig


class HubertForCTC(CTCModel):
    """Hubert with a head that scores tokens in each frame."""

    model_type = "hubert"
    config: HubertConfig


class HubertForSequenceClassification(SequenceClassificationModel):
    """Hubert with a head for whole utterances."""

    model_type = "hubert"
    config: HubertConfig
