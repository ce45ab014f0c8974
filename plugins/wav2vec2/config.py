"""The config of wav2vec2 encoders, with the published names and defaults."""

from __future__ import annotations

from math import prod
from typing import ClassVar, Literal

from speechgraft.config import (
    Config,
    ConfigAdapter,
    FileKeys,
    activation,
    config_class,
    field,
    key_set,
    non_negative,
    not_empty,
    only,
    positive,
    probability,
    rule,
)

_OF_OTHER_HEADS = key_set(
    """
    classifier_proj_size codevector_dim contrastive_logits_temperature ctc_loss_reduction ctc_zero_infinity
    diversity_loss_weight feat_quantizer_dropout final_dropout num_codevector_groups num_codevectors_per_group
    num_negatives proj_codevector_dim tdnn_dilation tdnn_dim tdnn_kernel use_weighted_layer_sum vocab_size
    xvector_output_dim
    """
)
"""What configures pre-training and heads that sit on the encoder, not the encoder."""

_OF_OLD_FILES = key_set(
    """
    do_normalize feat_extract_dropout freeze_feat_extract_train hidden_dropout_prob mask_channel_length
    mask_channel_min_space mask_channel_other mask_channel_prob mask_channel_selection mask_time_min_space
    mask_time_other mask_time_selection no_mask_channel_overlap no_mask_time_overlap
    """
)
"""What files of 2020 and 2021 hold beside; no published model ever read it."""


@config_class
class Wav2Vec2Config(Config):
    """A wav2vec 2.0 encoder: convolutions over the waveform, then transformer layers (Baevski et al., 2020).

    The defaults are those of `facebook/wav2vec2-base-960h`.
    """

    model_type: ClassVar[str] = "wav2vec2"
    file_keys: ClassVar[FileKeys] = FileKeys(
        carried=_OF_OTHER_HEADS | _OF_OLD_FILES, derived=("num_feat_extract_layers",)
    )

    hidden_size: int = field(default=768, validator=positive)
    """Width of the transformer's hidden states."""

    num_hidden_layers: int = field(default=12, validator=non_negative)
    """Transformer layers."""

    num_attention_heads: int = field(default=12, validator=positive)
    """Attention heads of each layer; they divide `hidden_size`."""

    intermediate_size: int = field(default=3072, validator=positive)
    """Width inside the feed-forward of each layer."""

    hidden_act: str = field(default="gelu", validator=activation)
    """Activation inside the feed-forward."""

    hidden_dropout: float = field(default=0.1, validator=probability)
    """Dropout after the embeddings' norm, each attention and each feed-forward."""

    activation_dropout: float = field(default=0.1, validator=probability)
    """Dropout inside the feed-forward, after the activation."""

    attention_dropout: float = field(default=0.1, validator=probability)
    """Dropout of attention weights."""

    feat_proj_dropout: float = field(default=0.0, validator=probability)
    """Dropout after the projection from convolution channels to `hidden_size`."""

    layerdrop: float = field(default=0.1, validator=probability)
    """Probability of leaving out a layer in a training step."""

    initializer_range: float = field(default=0.02, validator=non_negative)
    """Standard deviation of new weights of linear layers."""

    layer_norm_eps: float = field(default=1e-5, validator=positive)
    """Added to variances in layer norms."""

    feat_extract_norm: Literal["group", "layer"] = field(default="group")
    """`"group"`: each channel of the first convolution is normalised over time; `"layer"`: each frame of every one."""

    feat_extract_activation: str = field(default="gelu", validator=activation)
    """Activation after each convolution of the front end."""

    conv_dim: tuple[int, ...] = field(default=(512,) * 7, validator=[not_empty, positive])
    """Channels of each convolution of the front end."""

    conv_stride: tuple[int, ...] = field(default=(5, 2, 2, 2, 2, 2, 2), validator=[not_empty, positive])
    """Stride of each convolution; their product is the samples between frames (320: 20 ms at 16 kHz)."""

    conv_kernel: tuple[int, ...] = field(default=(10, 3, 3, 3, 3, 2, 2), validator=[not_empty, positive])
    """Kernel of each convolution, in samples or frames of its input."""

    conv_bias: bool = field(default=False)
    """Whether the convolutions of the front end have a bias."""

    num_conv_pos_embeddings: int = field(default=128, validator=positive)
    """Kernel of the convolution that tells positions apart, in frames."""

    num_conv_pos_embedding_groups: int = field(default=16, validator=positive)
    """Groups of that convolution; they divide `hidden_size`."""

    do_stable_layer_norm: bool = field(default=False)
    """Whether layer norms come before attention and feed-forward (large models) or after (base models)."""

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

    pad_token_id: int | None = field(default=0, runtime=True)
    """The padding token of a vocabulary on top of the encoder, which is also CTC's blank."""

    bos_token_id: int | None = field(default=1, runtime=True)
    """The token that begins a text."""

    eos_token_id: int | list[int] | None = field(default=2, runtime=True)
    """The token, or any of the tokens, that ends a text."""

    add_adapter: bool = field(default=False)
    """Whether strided convolutions shorten the output, for a decoder to attend to."""

    adapter_kernel_size: int = field(default=3, validator=positive)
    """Kernel of each convolution of the adapter, in frames."""

    adapter_stride: int = field(default=2, validator=positive)
    """Stride of each convolution of the adapter."""

    num_adapter_layers: int = field(default=3, validator=positive)
    """Convolutions of the adapter."""

    output_hidden_size: int | None = field(default=None, validator=positive)
    """Width of the adapter's output; `None`: `hidden_size`."""

    adapter_attn_dim: int | None = field(
        default=None, validator=only(None, "attention adapters are not available yet for this encoder")
    )
    """Width of the adapters inside each attention block. Only `None` is taken."""

    padding: Literal["exact", "reference"] = field(default="exact")
    """Whether group norm counts the valid samples of a row alone (`"exact"`: padding changes nothing) or the
    padded row (`"reference"`: the numbers of the reference implementation)."""

    @property
    def num_feat_extract_layers(self) -> int:
        """Convolutions of the front end; files repeat it."""
        return len(self.conv_dim)

    @property
    def inputs_to_logits_ratio(self) -> int:
        """Samples from one frame to the next, before an adapter."""
        return prod(self.conv_stride)

    @rule
    def heads_divide_width(self) -> str | None:
        """Each head takes an equal part of the width."""
        if self.hidden_size % self.num_attention_heads == 0:
            return None
        return f"num_attention_heads: {self.num_attention_heads} heads do not divide hidden_size {self.hidden_size}"

    @rule
    def position_groups_divide_width(self) -> str | None:
        """Each group of the positional convolution takes an equal part of the width."""
        groups = self.num_conv_pos_embedding_groups
        if self.hidden_size % groups == 0:
            return None
        return f"num_conv_pos_embedding_groups: {groups} groups do not divide hidden_size {self.hidden_size}"

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

    @rule
    def output_width_needs_adapter(self) -> str | None:
        """Nothing but an adapter changes the width of the output."""
        if self.add_adapter or self.output_hidden_size in (None, self.hidden_size):
            return None
        return (
            f"output_hidden_size: {self.output_hidden_size} differs from hidden_size {self.hidden_size}, "
            "which only an adapter can do; set add_adapter to true"
        )


ADAPTER = ConfigAdapter(Wav2Vec2Config)
