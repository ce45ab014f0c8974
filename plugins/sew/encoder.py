"""SEW's encoder (Wu et al. 2022): convolutions, squeeze, transformer, up-sampling."""

from __future__ import annotations

from torch import Tensor, nn

from speechgraft import speech
from speechgraft.nn.speech.context import SpeechContext
from speechgraft.nn.speech.encoder import SqueezedEncoder
from speechgraft.nn.speech.features import SpeechFeatures
from speechgraft.nn.speech.init import init_speech
from speechgraft.nn.stack import StackOutput
from speechgraft.plugins.sew.config import SEWConfig


class SEWEncoder(SqueezedEncoder):
    """A waveform in, hidden states of about 20 ms a frame out, through a transformer at a lower rate.

    Args:
        config: Sizes and choices, read while building.
    """

    def __init__(self, config: SEWConfig) -> None:
        super().__init__(features(config), squeezed=config.squeeze_factor)
        self.config = config
        self.output_size = config.hidden_size
        self.squeeze = speech.squeeze(config)
        self.context = context(config)
        self.upsample = speech.upsample(config)

    def hear_squeezed(
        self, hidden: Tensor, mask: Tensor | None, *, keep_states: bool, keep_weights: bool
    ) -> StackOutput:
        """Squeezed frames through the transformer."""
        result: StackOutput = self.context(hidden, mask, keep_states=keep_states, keep_weights=keep_weights)
        return result

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
