"""How long a convolution's output is, forwards and backwards."""

from __future__ import annotations

from typing import NamedTuple, TypeVar

from torch import Tensor

Length = TypeVar("Length", int, Tensor)


class ConvShape(NamedTuple):
    """Kernel, stride and padding (on both sides) of a convolution, in places of its input."""

    kernel: int
    stride: int
    padding: int = 0

    def output_length(self, length: Length) -> Length:
        """Places that come out of `length` places, 0 where the input is too short."""
        frames = (length + 2 * self.padding - self.kernel) // self.stride + 1
        return frames.clamp(min=0) if isinstance(frames, Tensor) else max(frames, 0)

    def input_length(self, frames: int) -> int:
        """The fewest places from which `frames` come out."""
        return max((frames - 1) * self.stride + self.kernel - 2 * self.padding, 1)
