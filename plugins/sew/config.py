"""The config of SEW encoders, with the published names and defaults."""

from __future__ import annotations

from typing import ClassVar

from speechgraft.config import (
    ConfigAdapter,
    LayerDropFields,
    SqueezeFields,
    config_class,
)


@config_class
class SEWConfig(SqueezeFields, LayerDropFields):
    """A SEW encoder: convolutions over the waveform, then transformer layers at half their rate (Wu et al., 2022).

    The defaults are those of the published signature; `asapp/sew-tiny-100k` has 512 for `hidden_size`.
    """

    model_type: ClassVar[str] = "sew"


ADAPTER = ConfigAdapter(SEWConfig)
