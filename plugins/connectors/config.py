"""The configs of the connectors that ship here."""

from __future__ import annotations

from typing import ClassVar, Literal

from speechgraft.config import ConfigAdapter, Settings, activation, config_class, field, positive, rule


@config_class
class LinearConfig(Settings):
    """The projection of published checkpoints. A pair without any connector in its config has it too."""

    model_type: ClassVar[str] = "linear"

    initializer_range: float = field(default=0.02, validator=positive)
    """Deviation of the normal distribution that the weight begins with."""


@config_class
class ConvConfig(Settings):
    """A length adapter: strided convolutions over the frames (Li et al. 2021, section 2; Wang et al. 2020)."""

    model_type: ClassVar[str] = "conv"

    num_layers: int = field(default=2, validator=positive)
    """Convolutions. Each divides the number of frames by `stride`, rounded up."""

    kernel_size: int = field(default=3, validator=positive)
    """Kernel of each convolution, in frames of its input; at least `stride`, so that every frame is heard."""

    stride: int = field(default=2, validator=positive)
    """Frames of its input that each convolution makes one of."""

    hidden_size: int | None = field(default=None, validator=positive)
    """Channels of each convolution; `None`: the width of the memory."""

    hidden_act: str = field(default="gelu", validator=activation)
    """Activation after each convolution."""

    @rule
    def kernel_spans_stride(self) -> str | None:
        """A kernel shorter than its stride leaves frames out."""
        if self.kernel_size >= self.stride:
            return None
        return f"kernel_size: {self.kernel_size} is less than the stride of {self.stride}, so that frames are left out"


@config_class
class StackConfig(Settings):
    """Frames side by side as one (Sak et al. 2015, section 3), projected to the width of the memory."""

    model_type: ClassVar[str] = "stack"

    num_frames: int = field(default=4, validator=positive)
    """Frames that are made one; the last ones of a row are filled up with zeros."""


@config_class
class MLPConfig(Settings):
    """A perceptron with one hidden layer on each frame, as Ma et al. (2024) put it before language models."""

    model_type: ClassVar[str] = "mlp"

    hidden_size: int | None = field(default=None, validator=positive)
    """Width of the hidden layer; `None`: that of the memory."""

    hidden_act: str = field(default="gelu", validator=activation)
    """Activation of the hidden layer."""

    norm: Literal["layer", "none"] = field(default="layer")
    """Whether frames are normalised (Ba et al. 2016) before the hidden layer."""

    layer_norm_eps: float = field(default=1e-5, validator=positive)
    """What keeps that norm from a division by zero."""


LINEAR = ConfigAdapter(LinearConfig)
CONV = ConfigAdapter(ConvConfig)
STACK = ConfigAdapter(StackConfig)
MLP = ConfigAdapter(MLPConfig)
