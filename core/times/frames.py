"""Which moments the frames of an encoder stand for, and which frames those of a memory."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from speechgraft.contracts import Connector, Encoder
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


def frames_of_memory(connector: Connector, frames: int) -> list[tuple[int, int]]:
    """For each frame of the memory that so many encoder frames give, the first and the last of those it is made of.

    A frame belongs to the last one of the memory that there is once it has been heard; where a connector makes
    more frames than it is given, those between are of the next.
    """
    lengths = connector.output_lengths(torch.arange(1, frames + 1))
    owners = lengths.numpy() - 1  # (frames,), never falling
    memory = np.arange(owners[-1] + 1)
    first = np.searchsorted(owners, memory, side="left")
    last = np.maximum(np.searchsorted(owners, memory, side="right") - 1, first)
    return list(zip(first.tolist(), last.tolist(), strict=True))
