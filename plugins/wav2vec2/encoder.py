"""wav2vec 2.0's encoder (Baevski et al. 2020): convolutions, positions, transformer, adapter."""

from __future__ import annotations

from torch import nn

from speechgraft import speech
from speechgraft.contracts import EncoderOutput
from speechgraft.nn.init import init_uniform
from speechgraft.nn.masks import length_mask
from speechgraft.nn.speech.adapter import ConvAdapter
from speechgraft.nn.speech.context import SpeechContext
from speechgraft.nn.speech.encoder import WaveformEncoder
from speechgraft.nn.speech.features import Frames, SpeechFeatures
from speechgraft.nn.speech.init import init_speech
from speechgraft.plugins.wav2vec2.config import Wav2Vec2Config


class Wav2Vec2Encoder(WaveformEncoder):
    """A waveform in, hidden states of about 20 ms a frame out.

    Args:
        config: Sizes and choices, read while building.
    """

    def __init__(self, config: Wav2Vec2Config) -> None:
        super().__init__(features(config))
        self.config = config
        self.output_size = config.output_hidden_size or config.hidden_size
        self.context = context(config)
        self.adapter = adapter(config) if config.add_adapter else None

    def hear(self, frames: Frames, *, keep_states: bool, keep_weights: bool) -> EncoderOutput:
        """Frames through the transformer, and through the adapter where there is one."""
        result = self.context(frames.hidden, frames.mask, keep_states=keep_states, keep_weights=keep_weights)
        hidden, mask = result.hidden, frames.mask
        if self.adapter is not None:
            hidden, lengths = self.adapter(hidden, frames.lengths)
            mask = None if lengths is None else length_mask(lengths, hidden.shape[1])
        return EncoderOutput(
            last_hidden_state=hidden,
            extract_features=frames.features,
            hidden_states=result.hidden_states,
            attentions=result.attentions,
            frame_mask=mask,
        )

    def init_weights(self, module: nn.Module) -> None:
        """First values, as published."""
        if module is self.features.projection.linear:
            init_uniform(module)
        else:
            init_speech(module, std=self.config.initializer_range)


def features(config: Wav2Vec2Config) -> SpeechFeatures:
    """Convolutions over the waveform, a normalised projection, SpecAugment."""
    channels = config.conv_dim[-1]
    norm = nn.LayerNorm(channels, eps=config.layer_norm_eps)
    return speech.features(config, norm, nn.Linear(channels, config.hidden_size))


def context(config: Wav2Vec2Config) -> SpeechContext:
    """Positions and transformer layers, normalised before each part (`do_stable_layer_norm`) or after it."""
    norm_first = config.do_stable_layer_norm
    return SpeechContext(
        speech.positions(config),
        nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps),
        speech.layers(config, layerdrop=config.layerdrop, norm_first=norm_first, adapter=config.adapter_attn_dim),
        dropout=config.hidden_dropout,
        norm_last=norm_first,
    )


def adapter(config: Wav2Vec2Config) -> ConvAdapter:
    """Strided convolutions behind the transformer."""
    return ConvAdapter(
        config.hidden_size,
        config.output_hidden_size or config.hidden_size,
        layers=config.num_adapter_layers,
        kernel=config.adapter_kernel_size,
        stride=config.adapter_stride,
        layerdrop=config.layerdrop,
        exact=speech.is_exact(config),
    )
