"""The config of wav2vec2 encoders, with the published names and defaults."""

from __future__ import annotations

from typing import ClassVar

from speechgraft.config import (
    ConfigAdapter,
    FileKeys,
    LayerDropFields,
    NormOrderFields,
    SpeechEncoderFields,
    SpeechHeadFields,
    config_class,
    field,
    key_set,
    positive,
    rule,
)

_OF_PRE_TRAINING = key_set(
    """
    codevector_dim contrastive_logits_temperature diversity_loss_weight feat_quantizer_dropout num_codevector_groups
    num_codevectors_per_group num_negatives proj_codevector_dim tdnn_dilation tdnn_dim tdnn_kernel xvector_output_dim
    """
)
"""What configures pre-training and the heads of speaker verification, not the encoder."""


@config_class
class Wav2Vec2Config(
    SpeechEncoderFields,
    LayerDropFields,
    NormOrderFields,
    SpeechHeadFields,
):
    """A wav2vec 2.0 encoder: convolutions over the waveform, then transformer layers (Baevski et al., 2020).

    The defaults are those of `facebook/wav2vec2-base-960h`.
    """

    model_type: ClassVar[str] = "wav2vec2"
    file_keys: ClassVar[FileKeys] = FileKeys(carried=_OF_PRE_TRAINING)

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
