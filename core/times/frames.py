"""Which moments the frames of an encoder stand for."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from speechgraft.contracts import Encoder
from speechgraft.ctc import samples_per_frame


def frame_moments(encoder: Encoder, frames: int, rate: int) -> NDArray[np.float64]:
    """Seconds of the middle of each frame: of all that the first one sees, and from there on a stride each.

    Args:
        encoder: One of waveforms. Its strides are measured, so that whatever shortens its frames (an adapter) or
            widens them counts.
        frames: How many there are.
        rate: Samples a second.

    Returns:
        (frames,).
    """
    middle = encoder.minimum_length / 2
    moments: NDArray[np.float64] = (middle + samples_per_frame(encoder) * np.arange(frames)) / rate
    return moments
