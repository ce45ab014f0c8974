"""Parts of speech encoders, built from the groups of config fields that describe them.

What is built knows nothing of a config. A plugin whose config has these groups puts its encoder together
from what these functions give and from parts of its own.
"""

from __future__ import annotations

from torch import nn

from speechgraft.config import (
    FrontEndFields,
    MaskingFields,
    SpeechEncoderFields,
    SpeechTransformerFields,
    SqueezeFields,
)
from speechgraft.nn.activations import ACTIVATIONS
from speechgraft.nn.attention import SelfAttention
from speechgraft.nn.feed_forward import BottleneckAdapter, FeedForward
from speechgraft.nn.layers import PostNormEncoderLayer, PreNormEncoderLayer
from speechgraft.nn.speech.features import SpeechFeatures
from speechgraft.nn.speech.front_end import ConvFrontEnd, FeatureProjection
from speechgraft.nn.speech.positions import ConvPositions, WeightNormConv
from speechgraft.nn.speech.spec_augment import Spans, SpecAugment
from speechgraft.nn.speech.squeeze import Squeeze, Upsample
from speechgraft.nn.stack import EncoderStack


def is_exact(config: FrontEndFields) -> bool:
    """Whether padding changes nothing (`padding`)."""
    return config.padding == "exact"


def convolutions(config: FrontEndFields) -> ConvFrontEnd:
    """From the waveform to frames."""
    return ConvFrontEnd.published(
        config.conv_dim,
        config.conv_kernel,
        config.conv_stride,
        bias=config.conv_bias,
        norm=config.feat_extract_norm,
        activation=ACTIVATIONS[config.feat_extract_activation],
        exact=is_exact(config),
    )


def spec_augment(config: MaskingFields, size: int) -> SpecAugment:
    """What hides frames and features of hidden states of this width in training."""
    return SpecAugment(
        size,
        time=Spans(config.mask_time_prob, config.mask_time_length, config.mask_time_min_masks),
        feature=Spans(config.mask_feature_prob, config.mask_feature_length, config.mask_feature_min_masks),
        enabled=config.apply_spec_augment,
    )


def features(config: SpeechEncoderFields, norm: nn.LayerNorm | None, linear: nn.Linear | None) -> SpeechFeatures:
    """Convolutions over the waveform, a projection of the norm and linear layer handed in, SpecAugment."""
    projection = FeatureProjection(norm, linear, dropout=config.feat_proj_dropout)
    return SpeechFeatures(convolutions(config), projection, spec_augment(config, config.hidden_size))


def positions(config: SpeechEncoderFields, *, stride: int = 1) -> ConvPositions:
    """A wide convolution over the frames, with weight norm, at every `stride` of them."""
    size, kernel, groups = config.hidden_size, config.num_conv_pos_embeddings, config.num_conv_pos_embedding_groups
    conv = WeightNormConv(size, kernel, groups, stride=stride)
    return ConvPositions(conv, ACTIVATIONS[config.feat_extract_activation])


def squeeze(config: SqueezeFields) -> Squeeze:
    """The mean of every few frames, and positions at the same rate."""
    factor = config.squeeze_factor
    return Squeeze(positions(config, stride=factor), factor, exact=is_exact(config))


def upsample(config: SqueezeFields) -> Upsample:
    """Several frames of each squeezed one."""
    activation = ACTIVATIONS[config.feat_extract_activation]
    return Upsample(config.hidden_size, config.squeeze_factor, activation, exact=is_exact(config))


def layers(
    config: SpeechTransformerFields, *, layerdrop: float, norm_first: bool = False, adapter: int | None = None
) -> EncoderStack:
    """Layers of self-attention and feed-forward.

    Args:
        config: Sizes, dropouts, activation.
        layerdrop: Probability with which a layer is left out in training.
        norm_first: Whether norms come before attention and feed-forward instead of after each.
        adapter: Width of the bottleneck at the end of each layer whose norms come first; `None`: there is none.
    """
    size, eps, dropout = config.hidden_size, config.layer_norm_eps, config.hidden_dropout

    def layer() -> PreNormEncoderLayer | PostNormEncoderLayer:
        attention = SelfAttention(size, config.num_attention_heads, dropout=config.attention_dropout)
        feed_forward = FeedForward(
            size,
            config.intermediate_size,
            ACTIVATIONS[config.hidden_act],
            inner_dropout=config.activation_dropout,
            dropout=dropout,
        )
        if not norm_first:
            return PostNormEncoderLayer(attention, feed_forward, size=size, eps=eps, dropout=dropout)
        bottleneck = None if adapter is None else BottleneckAdapter(size, adapter)
        return PreNormEncoderLayer(attention, feed_forward, bottleneck, size=size, eps=eps, dropout=dropout)

    return EncoderStack((layer() for _ in range(config.num_hidden_layers)), layerdrop=layerdrop)
