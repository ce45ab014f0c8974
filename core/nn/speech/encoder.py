"""What encoders of a waveform share: features of it, and lengths; how frames hear each other is each one's own."""

from __future__ import annotations

from abc import abstractmethod

from torch import Tensor, nn

from speechgraft.contracts import Encoder, EncoderOutput, lengths_of
from speechgraft.nn.speech.adapter import ConvAdapter
from speechgraft.nn.speech.features import Frames, SpeechFeatures
from speechgraft.nn.speech.squeeze import Squeeze, Upsample
from speechgraft.nn.stack import StackOutput


class WaveformEncoder(Encoder):
    """Features of a waveform, and frames that hear each other in a way of the child's own.

    A child sets `config` and `output_size`, and may set `adapter`, which shortens the frames at the end.

    Args:
        features: From the waveform to frames.
        squeezed: Frames of which the child makes one before they hear each other.
    """

    input_kind = "waveform"

    def __init__(self, features: SpeechFeatures, *, squeezed: int = 1) -> None:
        super().__init__()
        self.features = features
        self.squeezed = squeezed
        self.adapter: ConvAdapter | None = None

    @property
    def minimum_length(self) -> int:
        """Samples from which one frame comes out, a squeezed one where frames are squeezed."""
        frames = 1 if self.adapter is None else self.adapter.minimum_length
        return self.features.input_length(frames * self.squeezed)

    @property
    def feature_encoder(self) -> nn.Module:
        """The convolutions over the waveform."""
        return self.features.convs

    def output_lengths(self, input_lengths: Tensor) -> Tensor:
        """Frames that come out of so many samples. *Shapes:* (batch,) to (batch,)."""
        frames = self.features.output_lengths(input_lengths)
        return frames if self.adapter is None else self.adapter.output_lengths(frames)

    def forward(
        self,
        inputs: Tensor,
        attention_mask: Tensor | None = None,
        *,
        mask_time_indices: Tensor | None = None,
        output_attentions: bool = False,
        output_hidden_states: bool = False,
    ) -> EncoderOutput:
        """Encode a right-padded batch of waveforms.

        *Shapes:* `inputs` (batch, samples); `attention_mask` (batch, samples);
        `mask_time_indices` (batch, frames before an adapter), bool, frames that SpecAugment masks.
        """
        samples = None if attention_mask is None else lengths_of(attention_mask)
        frames = self.features(inputs, samples, mask_time_indices)
        return self.hear(frames, keep_states=output_hidden_states, keep_weights=output_attentions)

    @abstractmethod
    def hear(self, frames: Frames, *, keep_states: bool, keep_weights: bool) -> EncoderOutput:
        """Frames that have heard each other, in the width `output_size`.

        Args:
            frames: What `features` gave.
            keep_states: Whether the output has `hidden_states`.
            keep_weights: Whether the output has `attentions`.
        """


class SqueezedEncoder(WaveformEncoder):
    """An encoder whose frames hear each other at a lower rate and are as many as before in the end (Wu et al. 2022).

    `hidden_states` and `attentions` are those of the squeezed frames. A child sets what follows too.

    Attributes:
        squeeze: Several frames to one.
        upsample: One to several again.
    """

    squeeze: Squeeze
    upsample: Upsample

    def hear(self, frames: Frames, *, keep_states: bool, keep_weights: bool) -> EncoderOutput:
        """Frames that have heard each other at the lower rate."""
        squeezed = self.squeeze(frames.hidden, frames.lengths)
        result = self.hear_squeezed(squeezed.hidden, squeezed.mask, keep_states=keep_states, keep_weights=keep_weights)
        return EncoderOutput(
            last_hidden_state=self.upsample(squeezed._replace(hidden=result.hidden), frames.hidden.shape[1]),
            hidden_states=result.hidden_states,
            attentions=result.attentions,
            frame_mask=frames.mask,
            state_mask=squeezed.mask,
        )

    @abstractmethod
    def hear_squeezed(
        self, hidden: Tensor, mask: Tensor | None, *, keep_states: bool, keep_weights: bool
    ) -> StackOutput:
        """Squeezed frames that have heard each other.

        *Shapes:* `hidden` (batch, squeezed frames, size) to the same; `mask` (batch, squeezed frames), bool.
        """
