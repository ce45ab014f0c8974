"""From a waveform to what a transformer reads: convolutions, a projection, SpecAugment."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from speechgraft.nn.masks import length_mask
from speechgraft.nn.speech.front_end import ConvFrontEnd, FeatureProjection
from speechgraft.nn.speech.lengths import Length
from speechgraft.nn.speech.spec_augment import SpecAugment


class Frames(NamedTuple):
    """Frames of a batch of utterances.

    *Shapes:* `hidden` (batch, frames, size), zero where a frame is padding; `features` (batch, frames,
    channels), before the projection; `lengths` (batch,), and `mask` (batch, frames), bool, or `None`
    where every frame counts.
    """

    hidden: Tensor
    features: Tensor
    lengths: Tensor | None
    mask: Tensor | None


class SpeechFeatures(nn.Module):
    """Convolutions over the waveform, a projection to the transformer's width, and SpecAugment.

    Args:
        convs: From samples to frames.
        projection: From channels to the transformer's width.
        spec_augment: What hides frames and features in training.
    """

    def __init__(self, convs: ConvFrontEnd, projection: FeatureProjection, spec_augment: SpecAugment) -> None:
        super().__init__()
        self.convs = convs
        self.projection = projection
        self.spec_augment = spec_augment

    def forward(self, waveform: Tensor, samples: Tensor | None, masked: Tensor | None = None) -> Frames:
        """*Shapes:* `waveform` (batch, samples); `samples` (batch,); `masked` (batch, frames), bool."""
        features = self.convs(waveform, samples)  # (batch, frames, channels)
        lengths = None if samples is None else self.convs.output_lengths(samples)
        hidden, features = self.projection(features)  # (batch, frames, size)
        hidden = self.spec_augment(hidden, lengths, masked)
        if lengths is None:
            return Frames(hidden, features, None, None)
        mask = length_mask(lengths, hidden.shape[1])
        return Frames(torch.where(mask[..., None], hidden, 0.0), features, lengths, mask)

    def output_lengths(self, lengths: Length) -> Length:
        """Frames that come out of so many samples."""
        return self.convs.output_lengths(lengths)

    def input_length(self, frames: int) -> int:
        """The fewest samples from which so many frames come out."""
        return self.convs.input_length(frames)
