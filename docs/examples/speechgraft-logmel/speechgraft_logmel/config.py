"""The config of the encoder: field groups of speechgraft's, and what is this encoder's own."""

from __future__ import annotations

from typing import ClassVar

from speechgraft.config import (
    ConfigAdapter,
    ConvPositionFields,
    LayerDropFields,
    SpeechTransformerFields,
    activation,
    config_class,
    field,
    not_empty,
    positive,
    rule,
)


@config_class
class LogMelConfig(ConvPositionFields, SpeechTransformerFields, LayerDropFields):
    """Strided convolutions over log-mel features (Wang et al. 2020, section 3.1), then a transformer."""

    model_type: ClassVar[str] = "logmel"

    num_mel_bins: int = field(default=80, validator=positive)
    """Bins of a frame that goes in, as many as the feature extractor gives."""

    conv_kernel: tuple[int, ...] = field(default=(3, 3), validator=[not_empty, positive])
    """Kernel of each convolution, in frames of its input; odd, for half of it is padded on both sides."""

    conv_stride: tuple[int, ...] = field(default=(2, 2), validator=[not_empty, positive])
    """Stride of each convolution; their product is the feature frames of a frame that comes out (4: 40 ms)."""

    conv_activation: str = field(default="gelu", validator=activation)
    """Activation after each convolution, and after the one that tells positions apart."""

    @rule
    def kernels_match_strides(self) -> str | None:
        """One kernel for each stride."""
        kernels, strides = len(self.conv_kernel), len(self.conv_stride)
        return None if kernels == strides else f"conv_kernel: {kernels} values, but conv_stride has {strides}"

    @rule
    def kernels_have_a_middle(self) -> str | None:
        """What is padded on both sides is the same."""
        even = [kernel for kernel in self.conv_kernel if kernel % 2 == 0]
        return f"conv_kernel: {even[0]}, expected odd numbers" if even else None


ADAPTER = ConfigAdapter(LogMelConfig)
