"""Fields that several published configs share, as groups to inherit from.

A config lists the groups that apply before `Config`. A model whose default differs states the field
again, with a docstring of its own.
"""

from __future__ import annotations

from math import prod
from typing import ClassVar, Literal

from speechgraft.config.fields import config_class, field, rule
from speechgraft.config.keys import FileKeys, key_set
from speechgraft.config.model import Config
from speechgraft.config.validators import activation, non_negative, not_empty, positive, probability


@config_class
class SizeFields(Config):
    """Sizes of a transformer."""

    hidden_size: int = field(default=768, validator=positive)
    """Width of the hidden states."""

    num_hidden_layers: int = field(default=12, validator=non_negative)
    """Transformer layers."""

    num_attention_heads: int = field(default=12, validator=positive)
    """Attention heads of each layer; they divide `hidden_size`."""

    intermediate_size: int = field(default=3072, validator=positive)
    """Width inside the feed-forward of each layer."""

    hidden_act: str = field(default="gelu", validator=activation)
    """Activation inside the feed-forward."""

    initializer_range: float = field(default=0.02, validator=non_negative)
    """Standard deviation of new weights of linear layers."""

    @rule
    def heads_divide_width(self) -> str | None:
        """Each head takes an equal part of the width."""
        if self.hidden_size % self.num_attention_heads == 0:
            return None
        return f"num_attention_heads: {self.num_attention_heads} heads do not divide hidden_size {self.hidden_size}"


@config_class
class SpeechTransformerFields(SizeFields):
    """A transformer over frames of speech: its sizes, dropouts and norms."""

    # No published model ever read it.
    file_keys: ClassVar[FileKeys] = FileKeys(carried=key_set("hidden_dropout_prob"))

    hidden_dropout: float = field(default=0.1, validator=probability)
    """Dropout after the embeddings' norm, each attention and each feed-forward."""

    activation_dropout: float = field(default=0.1, validator=probability)
    """Dropout inside the feed-forward, after the activation."""

    attention_dropout: float = field(default=0.1, validator=probability)
    """Dropout of attention weights."""

    layer_norm_eps: float = field(default=1e-5, validator=positive)
    """Added to variances in layer norms."""


@config_class
class NormOrderFields(Config):
    """Whether layers normalise first or last, and the small adapters that those which do so first may have."""

    do_stable_layer_norm: bool = field(default=False)
    """Whether layer norms come before attention and feed-forward (large models) or after (base models)."""

    adapter_attn_dim: int | None = field(default=None, validator=positive)
    """Width of a small adapter at the end of each layer, one set a language (Pratap et al. 2023); `None`: none."""

    @rule
    def attention_adapters_need_stable_norms(self) -> str | None:
        """The published layers have a place for the adapter where norms come first alone."""
        if self.adapter_attn_dim is None or self.do_stable_layer_norm:
            return None
        return f"adapter_attn_dim: {self.adapter_attn_dim} is read where do_stable_layer_norm is true alone"


@config_class
class LayerDropFields(Config):
    """Leaving out whole layers (Fan et al. 2020)."""

    layerdrop: float = field(default=0.1, validator=probability)
    """Probability of leaving out a layer in a training step."""


@config_class
class FrontEndFields(Config):
    """Convolutions from the waveform to frames (Baevski et al. 2020, section 2)."""

    # What files of 2020 and 2021 hold beside; no published model ever read it.
    file_keys: ClassVar[FileKeys] = FileKeys(
        derived=("num_feat_extract_layers",),
        carried=key_set("do_normalize feat_extract_dropout freeze_feat_extract_train"),
    )

    feat_extract_norm: Literal["group", "layer"] = field(default="group")
    """`"group"`: each channel of the first convolution is normalised over time; `"layer"`: each frame of every one."""

    feat_extract_activation: str = field(default="gelu", validator=activation)
    """Activation after each convolution of the front end and after the positional convolution."""

    conv_dim: tuple[int, ...] = field(default=(512,) * 7, validator=[not_empty, positive])
    """Channels of each convolution of the front end."""

    conv_stride: tuple[int, ...] = field(default=(5, 2, 2, 2, 2, 2, 2), validator=[not_empty, positive])
    """Stride of each convolution; their product is the samples between frames (320: 20 ms at 16 kHz)."""

    conv_kernel: tuple[int, ...] = field(default=(10, 3, 3, 3, 3, 2, 2), validator=[not_empty, positive])
    """Kernel of each convolution, in samples or frames of its input."""

    conv_bias: bool = field(default=False)
    """Whether the convolutions of the front end have a bias."""

    feat_proj_dropout: float = field(default=0.0, validator=probability)
    """Dropout after the projection from convolution channels to `hidden_size`."""

    padding: Literal["exact", "reference"] = field(default="exact")
    """Whether padding changes nothing (`"exact"`: norms over time count the valid samples of a row alone) or the
    padded row gives the numbers of the reference implementation (`"reference"`)."""

    @property
    def num_feat_extract_layers(self) -> int:
        """Convolutions of the front end; files repeat it."""
        return len(self.conv_dim)

    @property
    def inputs_to_logits_ratio(self) -> int:
        """Samples from one frame to the next, before an adapter."""
        return prod(self.conv_stride)

    @rule
    def strides_match_channels(self) -> str | None:
        """One stride for each convolution."""
        return self._unlike_channels("conv_stride")

    @rule
    def kernels_match_channels(self) -> str | None:
        """One kernel for each convolution."""
        return self._unlike_channels("conv_kernel")

    def _unlike_channels(self, name: str) -> str | None:
        found, expected = len(getattr(self, name)), len(self.conv_dim)
        return None if found == expected else f"{name}: {found} values, but conv_dim has {expected}"


@config_class
class ConvPositionFields(SizeFields):
    """Relative positions by a grouped convolution over the frames."""

    num_conv_pos_embeddings: int = field(default=128, validator=positive)
    """Kernel of the convolution that tells positions apart, in frames."""

    num_conv_pos_embedding_groups: int = field(default=16, validator=positive)
    """Groups of that convolution; they divide `hidden_size`."""

    @rule
    def position_groups_divide_width(self) -> str | None:
        """Each group of the positional convolution takes an equal part of the width."""
        groups = self.num_conv_pos_embedding_groups
        if self.hidden_size % groups == 0:
            return None
        return f"num_conv_pos_embedding_groups: {groups} groups do not divide hidden_size {self.hidden_size}"


@config_class
class MaskingFields(Config):
    """SpecAugment on hidden states (Park et al. 2019)."""

    # Of the training code that checkpoints came from; no published model ever read them.
    file_keys: ClassVar[FileKeys] = FileKeys(
        carried=key_set(
            """
            mask_channel_length mask_channel_min_space mask_channel_other mask_channel_prob mask_channel_selection
            mask_time_min_space mask_time_other mask_time_selection no_mask_channel_overlap no_mask_time_overlap
            """
        )
    )

    apply_spec_augment: bool = field(default=True)
    """Whether frames and features are masked in training, after SpecAugment (Park et al., 2019)."""

    mask_time_prob: float = field(default=0.05, validator=probability)
    """Share of frames that masks along time would cover if none overlapped."""

    mask_time_length: int = field(default=10, validator=positive)
    """Frames of one mask along time."""

    mask_time_min_masks: int = field(default=2, validator=non_negative)
    """The fewest masks along time of an utterance, where `mask_time_prob` is above 0."""

    mask_feature_prob: float = field(default=0.0, validator=probability)
    """Share of features that masks along the feature axis would cover if none overlapped."""

    mask_feature_length: int = field(default=10, validator=positive)
    """Features of one mask along the feature axis."""

    mask_feature_min_masks: int = field(default=0, validator=non_negative)
    """The fewest masks along the feature axis of an utterance, where `mask_feature_prob` is above 0."""


@config_class
class SpeechEncoderFields(FrontEndFields, ConvPositionFields, MaskingFields, SpeechTransformerFields):
    """What wav2vec 2.0 and its kin have in common; `speechgraft.speech` builds their parts from it."""


@config_class
class SpeechHeadFields(Config):
    """Heads on a speech encoder: CTC (Graves et al. 2006) and the classification of whole utterances."""

    vocab_size: int | None = field(default=32, validator=positive)
    """Tokens of a CTC head; `None` where there is none. The encoder itself does not read it."""

    final_dropout: float = field(default=0.1, validator=probability)
    """Dropout before a CTC head."""

    ctc_loss_reduction: Literal["sum", "mean"] = field(default="sum", runtime=True)
    """`"sum"` of the CTC loss over the batch, or `"mean"` over its rows, each divided by its number of labels."""

    ctc_zero_infinity: bool = field(default=False, runtime=True)
    """Whether an infinite CTC loss (labels that do not fit into the frames) and its gradient count as zero."""

    use_weighted_layer_sum: bool = field(default=False)
    """Whether classification reads a learned average of all hidden states instead of the last one."""

    classifier_proj_size: int = field(default=256, validator=positive)
    """Width of the projection before classification averages over time."""

    pad_token_id: int | None = field(default=0, runtime=True)
    """The padding token of a vocabulary on top of the encoder, which is also CTC's blank."""

    bos_token_id: int | None = field(default=1, runtime=True)
    """The token that begins a text."""

    eos_token_id: int | list[int] | None = field(default=2, runtime=True)
    """The token, or any of the tokens, that ends a text."""


@config_class
class SqueezeFields(SpeechEncoderFields, SpeechHeadFields):
    """A transformer at a lower rate, behind a deep and narrow front end (Wu et al. 2022)."""

    squeeze_factor: int = field(default=2, validator=positive)
    """Frames that the transformer sees as one; as many are made of each behind it."""

    conv_dim: tuple[int, ...] = field(
        default=(64, 128, 128, 128, 128, 256, 256, 256, 256, 512, 512, 512, 512), validator=[not_empty, positive]
    )
    """Channels of each convolution of the front end."""

    conv_stride: tuple[int, ...] = field(
        default=(5, 2, 1, 2, 1, 2, 1, 2, 1, 2, 1, 2, 1), validator=[not_empty, positive]
    )
    """Stride of each convolution; their product is the samples between frames (320: 20 ms at 16 kHz)."""

    conv_kernel: tuple[int, ...] = field(
        default=(10, 3, 1, 3, 1, 3, 1, 3, 1, 2, 1, 2, 1), validator=[not_empty, positive]
    )
    """Kernel of each convolution, in samples or frames of its input."""

    ctc_loss_reduction: Literal["sum", "mean"] = field(default="mean", runtime=True)
    """`"sum"` of the CTC loss over the batch, or `"mean"` over its rows, each divided by its number of labels."""
