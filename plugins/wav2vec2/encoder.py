"""wav2vec 2.0's encoder (Baevski et al. 2020): convolutions, positions, transformer, adapter."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from speechgraft.contracts import Encoder, EncoderOutput, lengths_of
from speechgraft.nn.activations import ACTIVATIONS
from speechgraft.nn.attention import SelfAttention
from speechgraft.nn.feed_forward import FeedForward
from speechgraft.nn.init import init_common, init_conv, init_uniform
from speechgraft.nn.layers import PostNormEncoderLayer, PreNormEncoderLayer
from speechgraft.nn.masks import key_mask, length_mask
from speechgraft.nn.speech.adapter import ConvAdapter
from speechgraft.nn.speech.front_end import ChannelNorm, ConvFrontEnd, ConvLayer, FeatureProjection, TimeNorm
from speechgraft.nn.speech.positions import ConvPositions
from speechgraft.nn.speech.spec_augment import Spans, SpecAugment
from speechgraft.nn.stack import EncoderStack
from speechgraft.plugins.wav2vec2.config import Wav2Vec2Config


class Wav2Vec2Encoder(Encoder):
    """A waveform in, hidden states of about 20 ms a frame out.

    Args:
        config: Sizes and choices, read while building.
    """

    input_kind = "waveform"

    def __init__(self, config: Wav2Vec2Config) -> None:
        super().__init__()
        size = config.hidden_size
        self.config = config
        self.output_size = config.output_hidden_size or size
        self.init_std = config.initializer_range
        self.front_end = front_end(config)
        self.projection = FeatureProjection(
            config.conv_dim[-1], size, eps=config.layer_norm_eps, dropout=config.feat_proj_dropout
        )
        self.spec_augment = spec_augment(config)
        self.positions = ConvPositions(
            size,
            config.num_conv_pos_embeddings,
            config.num_conv_pos_embedding_groups,
            ACTIVATIONS[config.feat_extract_activation],
        )
        self.norm = nn.LayerNorm(size, eps=config.layer_norm_eps)
        self.dropout = nn.Dropout(config.hidden_dropout)
        self.norm_last = config.do_stable_layer_norm
        self.stack = stack(config)
        self.adapter = adapter(config) if config.add_adapter else None

    @property
    def minimum_length(self) -> int:
        """Samples from which one frame comes out."""
        frames = 1 if self.adapter is None else self.adapter.minimum_length
        return self.front_end.input_length(frames)

    @property
    def feature_encoder(self) -> nn.Module:
        """The convolutions over the waveform."""
        return self.front_end

    def output_lengths(self, input_lengths: Tensor) -> Tensor:
        """Frames that come out of so many samples. *Shapes:* (batch,) to (batch,)."""
        frames = self.front_end.output_lengths(input_lengths)
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
        `mask_time_indices` (batch, frames before the adapter), bool, frames that SpecAugment masks.
        """
        samples = None if attention_mask is None else lengths_of(attention_mask)
        features = self.front_end(inputs, samples)  # (batch, frames, conv_dim)
        lengths = None if samples is None else self.front_end.output_lengths(samples)
        hidden, features = self.projection(features)
        hidden = self.spec_augment(hidden, lengths, mask_time_indices)
        mask = None if lengths is None else length_mask(lengths, hidden.shape[1])  # (batch, frames)
        if mask is not None:
            hidden = torch.where(mask[..., None], hidden, 0.0)

        hidden = hidden + self.positions(hidden)
        hidden = self.dropout(hidden if self.norm_last else self.norm(hidden))
        result = self.stack(hidden, key_mask(mask), keep_states=output_hidden_states, keep_weights=output_attentions)
        hidden = self.norm(result.hidden) if self.norm_last else result.hidden
        if self.adapter is not None:
            hidden, lengths = self.adapter(hidden, lengths)
            mask = None if lengths is None else length_mask(lengths, hidden.shape[1])
        return EncoderOutput(
            last_hidden_state=hidden,
            extract_features=features,
            hidden_states=result.hidden_states,
            attentions=result.attentions,
            frame_mask=mask,
        )

    def init_weights(self, module: nn.Module) -> None:
        """First values, as published: see `speechgraft.nn.init`."""
        match module:
            case ConvPositions():
                module.reset_parameters()
            case SpecAugment():
                nn.init.uniform_(module.embedding)
            case nn.Conv1d():
                init_conv(module)
            case nn.Linear() if module is self.projection.linear:
                init_uniform(module)
            case _:
                init_common(module, std=self.init_std)


def front_end(config: Wav2Vec2Config) -> ConvFrontEnd:
    """Convolutions, the first with a norm over time (`group`) or each with one over channels (`layer`)."""
    activation = ACTIVATIONS[config.feat_extract_activation]
    layers = []
    for index, (size, kernel, stride) in enumerate(
        zip(config.conv_dim, config.conv_kernel, config.conv_stride, strict=True)
    ):
        conv = nn.Conv1d(config.conv_dim[index - 1] if index else 1, size, kernel, stride, bias=config.conv_bias)
        norm: TimeNorm | ChannelNorm | None = None
        if config.feat_extract_norm == "layer":
            norm = ChannelNorm(size)
        elif index == 0:
            norm = TimeNorm(size)
        layers.append(ConvLayer(conv, norm, activation))
    return ConvFrontEnd(layers, exact=config.padding == "exact")


def spec_augment(config: Wav2Vec2Config) -> SpecAugment:
    """Spans over frames and over channels, as the config says."""
    return SpecAugment(
        config.hidden_size,
        time=Spans(config.mask_time_prob, config.mask_time_length, config.mask_time_min_masks),
        feature=Spans(config.mask_feature_prob, config.mask_feature_length, config.mask_feature_min_masks),
        enabled=config.apply_spec_augment,
    )


def stack(config: Wav2Vec2Config) -> EncoderStack:
    """Transformer layers, normalised before each part (`do_stable_layer_norm`) or after it."""
    layer = PreNormEncoderLayer if config.do_stable_layer_norm else PostNormEncoderLayer
    return EncoderStack(
        (
            layer(
                SelfAttention(config.hidden_size, config.num_attention_heads, dropout=config.attention_dropout),
                FeedForward(
                    config.hidden_size,
                    config.intermediate_size,
                    ACTIVATIONS[config.hidden_act],
                    inner_dropout=config.activation_dropout,
                    dropout=config.hidden_dropout,
                ),
                size=config.hidden_size,
                eps=config.layer_norm_eps,
                dropout=config.hidden_dropout,
            )
            for _ in range(config.num_hidden_layers)
        ),
        layerdrop=config.layerdrop,
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
        exact=config.padding == "exact",
    )
