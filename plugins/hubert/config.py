"""The config of Hubert encoders, with the published names and defaults."""

from __future__ import annotations

from typing import ClassVar

from speechgraft.config import (
    ConfigAdapter,
    LayerDropFields,
    NormOrderFields,
    SpeechEncoderFields,
    SpeechHeadFields,
    config_class,
    field,
)


@config_class
class HubertConfig(
    SpeechEncoderFields,
    LayerDropFields,
    NormOrderFields,
    SpeechHeadFields,
):
    """A Hubert encoder: convolutions over the waveform, then transformer layers (Hsu et al., 2021).

    The defaults are those of `facebook/hubert-base-ls960`.
    """

    model_type: ClassVar[str] = "hubert"

    feat_proj_layer_norm: bool = field(default=True)
    """Whether each frame is normalised between the convolutions and the projection to `hidden_size`."""

    conv_pos_batch_norm: bool = field(default=False)
    """Whether a batch norm stands before the positional convolution, which then has no weight norm."""


ADAPTER = ConfigAdapter(HubertConfig)
