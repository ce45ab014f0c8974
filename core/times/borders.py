"""Where one word ends and the next begins, by the sound between the moments in which they are known to be heard."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Span = tuple[float, float]
"""Seconds of a beginning and an end."""

# Loudness is measured in windows of 20 ms, one every 10 ms, as is usual for speech.
_STEP: Final = 0.01
_WINDOW: Final = 0.02

# Decibels: what is no louder above the quietest moments is a pause, but never what is near to the loudest.
_ABOVE_QUIETEST: Final = 6.0
_BELOW_LOUDEST: Final = (45.0, 25.0)

REACH: Final = 2.0
"""Seconds that a word may begin before, or go on behind, the moments in which it is known to be heard."""


def between_words(heard: Sequence[Span], samples: NDArray[np.floating[Any]], rate: int) -> list[Span]:
    """Beginnings and ends of words.

    Models tell in which frames a word is heard, often in one near its beginning alone. The border to the next is
    the longest pause between those frames or, where speech goes on, the quietest moment.

    Args:
        heard: For each word the seconds in which it is known to be heard, in order.
        samples: (samples,) of the audio.
        rate: Samples a second.

    Returns:
        As many spans, which never overlap and lie in the audio.
    """
    if not heard:
        return []
    seconds = len(samples) / rate
    middles = [(max(0.0, min(begin, seconds)), max(0.0, min(end, seconds))) for begin, end in heard]
    sound = _Sound(samples, rate)
    gaps = [sound.gap(0.0, middles[0][0], edge=0.0)]
    gaps += [sound.gap(one[1], other[0]) for one, other in pairwise(middles)]
    gaps.append(sound.gap(middles[-1][1], seconds, edge=seconds))
    return [
        (max(before[1], begin - REACH), min(after[0], end + REACH))
        for (begin, end), before, after in zip(middles, gaps, gaps[1:], strict=False)
    ]


class _Sound:
    """The loudness of a recording over time."""

    def __init__(self, samples: NDArray[np.floating[Any]], rate: int) -> None:
        self._loudness = _loudness(samples, rate)  # (steps,), decibels
        quietest, loudest = np.percentile(self._loudness, [3, 98])
        low, high = (loudest - below for below in _BELOW_LOUDEST)
        self._quiet = self._loudness < np.clip(quietest + _ABOVE_QUIETEST, low, high)

    def gap(self, begin: float, end: float, edge: float | None = None) -> Span:
        """The longest pause between two times; without one the quietest moment, or the edge of the recording."""
        if end <= begin:
            middle = (begin + end) / 2
            return (middle, middle) if edge is None else (edge, edge)
        first = min(int(begin / _STEP), len(self._loudness) - 1)
        last = max(first + 1, int(np.ceil(end / _STEP)))
        pauses = _runs(self._quiet[first:last])
        if pauses:
            start, stop = max(pauses, key=lambda run: run[1] - run[0])
            return max(begin, (first + start) * _STEP), min(end, (first + stop) * _STEP)
        if edge is not None:
            return edge, edge
        moment = (first + int(self._loudness[first:last].argmin()) + 0.5) * _STEP
        moment = min(max(moment, begin), end)
        return moment, moment


def _loudness(samples: NDArray[np.floating[Any]], rate: int) -> NDArray[np.float64]:
    """Decibels of each step. *Shapes:* (samples,) to (steps,)."""
    step, half = max(1, round(_STEP * rate)), max(1, round(_WINDOW * rate / 2))
    summed = np.concatenate([[0.0], np.cumsum(np.square(samples, dtype=np.float64))])
    middles = np.arange(0, len(samples), step) + step // 2
    begins, ends = (np.clip(middles + side, 0, len(samples)) for side in (-half, half))
    power = (summed[ends] - summed[begins]) / np.maximum(ends - begins, 1)
    decibels: NDArray[np.float64] = 10 * np.log10(np.maximum(power, 1e-12))
    return decibels


def _runs(flags: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """First place and the one behind the last of each run of true. *Shapes:* (steps,)."""
    steps = np.diff(np.concatenate([[0], flags.astype(np.int8), [0]]))
    return list(zip(np.nonzero(steps == 1)[0].tolist(), np.nonzero(steps == -1)[0].tolist(), strict=True))
