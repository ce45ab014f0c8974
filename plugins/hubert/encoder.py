"""Hubert's encoder (Hsu et al. 2021): convolutions, positions, transformer."""

from __future__ import annotations

from torch import nn

from speechgraft import speech
from speechgraft.contracts import EncoderOutput
from speechgraft.nn.activations import ACTIVATIONS
from speechgraft.nn.speech.context import SpeechContext
from speechgraft.nn.speech.encoder import WaveformEncoder
from speechgraft.nn.speech.features import Frames, SpeechFeatures
from speechgraft.nn.speech.init import init_speech
from speechgraft.nn.speech.positions import ConvPositions, FrameBatchNorm
from speechgraft.plugins.hubert.config import HubertConfig


class HubertEncoder(WaveformEncoder):
    """A waveform in, hidden states of about 20 ms a frame out.

    Args:
        config: Sizes and choices, read while building.
    """

    def __init__(self, config: HubertConfig) -> None:
        super().__init__(features(config))
        self.config = config
        self.output_size = config.hidden_size
        self.context = context(config)

    def hear(self, frames: Frames, *, keep_states: bool, keep_weights: bool) -> EncoderOutput:
        """Frames through the transformer."""
        result = self.context(frames.hidden, frames.mask, keep_states=keep_states, keep_weights=keep_weights)
        return EncoderOutput(
            last_hidden_state=result.hidden,
            hidden_states=result.hidden_states,
            attentions=result.attentions,
            frame_mask=frames.mask,
        )

    def init_weights(self, module: nn.Module) -> None:
        """First values, as published."""
        init_speech(module, std=self.config.initializer_range, zero_bias=True)


def features(config: HubertConfig) -> SpeechFeatures:
    """Convolutions over the waveform, a projection that may normalise first, SpecAugment."""
    channels = config.conv_dim[-1]
    norm = nn.LayerNorm(channels, eps=config.layer_norm_eps) if config.feat_proj_layer_norm else None
    return speech.features(config, norm, nn.Linear(channels, config.hidden_size))


def context(config: HubertConfig) -> SpeechContext:
    """Positions and transformer layers, normalised before each part (`do_stable_layer_norm`) or after it."""
    norm_first = config.do_stable_layer_norm
    return SpeechContext(
        positions(config),
        nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps),
        speech.layers(config, layerdrop=config.layerdrop, norm_first=norm_first, adapter=config.adapter_attn_dim),
        dropout=config.hidden_dropout,
        norm_last=norm_first,
    )


def positions(config: HubertConfig) -> ConvPositions:
    """A wide convolution over the frames, with weight norm or behind a batch norm."""
    if not config.conv_pos_batch_norm:
        return speech.positions(config)
    size, kernel, groups = config.hidden_size, config.num_conv_pos_embeddings, config.num_conv_pos_embedding_groups
    plain = nn.Conv1d(size, size, kernel, padding=kernel // 2, groups=groups)
    norm = FrameBatchNorm(size, exact=speech.is_exact(config))
    return ConvPositions(plain, ACTIVATIONS[config.feat_extract_activation], norm)
