"""SEW-D's encoder (Wu et al. 2022): convolutions, a squeeze, disentangled attention, up-sampling."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from speechgraft import speech
from speechgraft.contracts import Encoder, EncoderOutput, lengths_of
from speechgraft.nn.activations import ACTIVATIONS
from speechgraft.nn.disentangled import DisentangledAttention, RelativePositions
from speechgraft.nn.feed_forward import FeedForward
from speechgraft.nn.layers import PostNormEncoderLayer
from speechgraft.nn.masks import key_mask
from speechgraft.nn.speech.features import SpeechFeatures
from speechgraft.nn.speech.init import init_speech
from speechgraft.nn.stack import EncoderStack
from speechgraft.plugins.sew_d.config import SEWDConfig


class SEWDEncoder(Encoder):
    """A waveform in, hidden states of about 20 ms a frame out; the transformer runs at a lower rate.

    Args:
        config: Sizes and choices, read while building.
    """

    input_kind = "waveform"

    def __init__(self, config: SEWDConfig) -> None:
        super().__init__()
        self.config = config
        self.output_size = config.hidden_size
        self.features = features(config)
        self.squeeze = speech.squeeze(config)
        self.distances = distances(config) if config.reads_distances else None
        self.stack = EncoderStack(layer(config) for _ in range(config.num_hidden_layers))
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
        """Encode a right-padded batch of waveforms; `hidden_states` and `attentions` are those of squeezed frames.

        *Shapes:* `inputs` (batch, samples); `attention_mask` (batch, samples);
        `mask_time_indices` (batch, frames), bool, frames that SpecAugment masks.
        """
        samples = None if attention_mask is None else lengths_of(attention_mask)
        frames = self.features(inputs, samples, mask_time_indices)
        squeezed = self.squeeze(frames.hidden, frames.lengths)
        shared = () if self.distances is None else (self.distances(squeezed.hidden.shape[1]),)
        result = self.stack(
            squeezed.hidden,
            key_mask(squeezed.mask),
            *shared,
            keep_states=output_hidden_states,
            keep_weights=output_attentions,
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
