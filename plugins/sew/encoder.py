"""SEW's encoder (Wu et al. 2022): convolutions, squeeze, transformer, up-sampling."""

from __future__ import annotations

from torch import Tensor, nn

from speechgraft import speech
from speechgraft.contracts import Encoder, EncoderOutput, lengths_of
from speechgraft.nn.speech.context import SpeechContext
from speechgraft.nn.speech.features import SpeechFeatures
from speechgraft.nn.speech.init import init_speech
from speechgraft.plugins.sew.config import SEWConfig


class SEWEncoder(Encoder):
    """A waveform in, hidden states of about 20 ms a frame out, through a transformer at a lower rate.

    Args:
        config: Sizes and choices, read while building.
    """

    input_kind = "waveform"

    def __init__(self, config: SEWConfig) -> None:
        super().__init__()
        self.config = config
        self.output_size = config.hidden_size
        self.features = features(config)
        self.squeeze = speech.squeeze(config)
        self.context = context(config)
        self.upsample = speech.upsample(config)

    @property
    def minimum_length(self) -> int:
        """Samples from which one squeezed frame comes out."""
        return self.features.input_length(self.squeeze.factor)

    @property
    def feature_encoder(self) -> nn.Module:
        """The convolutions over the waveform."""
        return self.features.convs

    def output_lengths(self, input_lengths: Tensor) -> Tensor:
        """Frames that come out of so many samples. *Shapes:* (batch,) to (batch,)."""
        return self.features.output_lengths(input_lengths)

    def forward(
        self,
        inputs: Tensor,
        attention_mask: Tensor | None = None,
        *,
        mask_time_indices: Tensor | None = None,
        output_attentions: bool = False,
        output_hidden_states: bool = False,
    ) -> EncoderOutput:
        """Encode a right-padded batch of waveforms; hidden states and attentions are those of the squeezed frames.

        *Shapes:* `inputs` (batch, samples); `attention_mask` (batch, samples);
        `mask_time_indices` (batch, frames), bool, frames that SpecAugment masks.
        """
        samples = None if attention_mask is None else lengths_of(attention_mask)
        frames = self.features(inputs, samples, mask_time_indices)
        squeezed = self.squeeze(frames.hidden, frames.lengths)
        result = self.context(
            squeezed.hidden, squeezed.mask, keep_states=output_hidden_states, keep_weights=output_attentions
        )
        return EncoderOutput(
            last_hidden_state=self.upsample(squeezed._replace(hidden=result.hidden), frames.hidden.shape[1]),
            hidden_states=result.hidden_states,
            attentions=result.attentions,
            frame_mask=frames.mask,
            state_mask=squeezed.mask,
        )

    def init_weights(self, module: nn.Module) -> None:
        """First values, as published."""
        init_speech(module, std=self.config.initializer_range, zero_bias=True)


def features(config: SEWConfig) -> SpeechFeatures:
    """Convolutions over the waveform, a norm, a projection where the width is to change, SpecAugment."""
    channels, size = config.conv_dim[-1], config.hidden_size
    norm = nn.LayerNorm(channels, eps=config.layer_norm_eps)
    return speech.features(config, norm, nn.Linear(channels, size) if channels != size else None)


def context(config: SEWConfig) -> SpeechContext:
    """A norm and transformer layers, normalised after each part."""
    return SpeechContext(
        None,
        nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps),
        speech.layers(config, layerdrop=config.layerdrop),
        dropout=config.hidden_dropout,
    )
