"""SEW-D's encoder (Wu et al. 2022): convolutions, a squeeze, disentangled attention, up-sampling."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from speechgraft import speech
from speechgraft.nn.activations import ACTIVATIONS
from speechgraft.nn.disentangled import DisentangledAttention, RelativePositions
from speechgraft.nn.feed_forward import FeedForward
from speechgraft.nn.layers import PostNormEncoderLayer
from speechgraft.nn.masks import key_mask
from speechgraft.nn.speech.encoder import SqueezedEncoder
from speechgraft.nn.speech.features import SpeechFeatures
from speechgraft.nn.speech.init import init_speech
from speechgraft.nn.stack import EncoderStack, StackOutput
from speechgraft.plugins.sew_d.config import SEWDConfig


class SEWDEncoder(SqueezedEncoder):
    """A waveform in, hidden states of about 20 ms a frame out; the transformer runs at a lower rate.

    Args:
        config: Sizes and choices, read while building.
    """

    def __init__(self, config: SEWDConfig) -> None:
        super().__init__(features(config), squeezed=config.squeeze_factor)
        self.config = config
        self.output_size = config.hidden_size
        self.squeeze = speech.squeeze(config)
        self.distances = distances(config) if config.reads_distances else None
        self.stack = EncoderStack(layer(config) for _ in range(config.num_hidden_layers))
        self.upsample = speech.upsample(config)

    def hear_squeezed(
        self, hidden: Tensor, mask: Tensor | None, *, keep_states: bool, keep_weights: bool
    ) -> StackOutput:
        """Squeezed frames through the transformer, whose layers share the vectors of distances."""
        shared = () if self.distances is None else (self.distances(hidden.shape[1]),)
        result: StackOutput = self.stack(
            hidden, key_mask(mask), *shared, keep_states=keep_states, keep_weights=keep_weights
        )
        return result

    def init_weights(self, module: nn.Module) -> None:
        """First values, as published."""
        init_speech(module, std=self.config.initializer_range, zero_bias=True)


def features(config: SEWDConfig) -> SpeechFeatures:
    """Convolutions over the waveform, a norm, a projection where the width is to change, SpecAugment."""
    channels, size = config.conv_dim[-1], config.hidden_size
    norm = nn.LayerNorm(channels, eps=config.feature_layer_norm_eps)
    return speech.features(config, norm, nn.Linear(channels, size) if channels != size else None)


def distances(config: SEWDConfig) -> RelativePositions:
    """Vectors of the distances between squeezed frames, which all layers share."""
    buckets, longest = config.position_buckets, config.max_position_embeddings
    normalised = config.norm_rel_ebd == "layer_norm"
    return RelativePositions(
        config.hidden_size,
        buckets if buckets > 0 else longest,
        longest=longest if buckets > 0 and longest > 0 else None,
        norm=nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps) if normalised else None,
    )


def layer(config: SEWDConfig) -> PostNormEncoderLayer:
    """One layer: disentangled attention and feed-forward, normalised after each."""
    size, heads, dropout = config.hidden_size, config.num_attention_heads, config.activation_dropout
    attention = DisentangledAttention(
        size,
        heads,
        scale=score_scale(size // heads, 1 + len(set(config.pos_att_type))),
        terms=config.pos_att_type if config.relative_attention else (),
        shared=config.share_att_key,
        dropout=config.attention_dropout,
        position_dropout=dropout,
    )
    feed_forward = FeedForward(size, config.intermediate_size, ACTIVATIONS[config.hidden_act], dropout=dropout)
    return PostNormEncoderLayer(attention, feed_forward, size=size, eps=config.layer_norm_eps, dropout=dropout)


def score_scale(head_size: int, terms: int) -> float:
    """One over the root of the products that a score adds up (He et al. 2021, section 3.1).

    The root is rounded to single precision, whatever the model's is, as in the published implementation.
    """
    return 1 / torch.tensor(float(head_size * terms), dtype=torch.float32, device="cpu").sqrt().item()
