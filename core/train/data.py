"""Recordings in memory, and the order in which training sees them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from threading import Lock

import attrs
import numpy as np
from numpy.typing import NDArray

from speechgraft.audio import read_audio
from speechgraft.errors import InputError
from speechgraft.train.augment import Augment
from speechgraft.train.manifest import Row

_SHOWN = 10
"""The most problems that one message lists."""

Reader = Callable[[Path, int], NDArray[np.float32]]


def read_samples(path: Path, rate: int) -> NDArray[np.float32]:
    """Mono samples of a recording at `rate`."""
    return read_audio(path, rate).samples


class SpeechDataset:
    """The recordings of a manifest, decoded when first asked for and kept in memory as 16-bit integers.

    What a file of 16-bit samples at `rate` holds comes back exactly; softer recordings keep their precision.

    Args:
        rows: The utterances.
        rate: Samples a second.
        cache_bytes: Memory for decoded recordings; those beyond it are read each time.
        read: Gives the samples of a path at a rate.

    Raises:
        InputError: Recordings are missing or no audio; the message lists them with their manifest lines.
    """

    def __init__(
        self, rows: Sequence[Row], rate: int = 16_000, *, cache_bytes: int = 4 << 30, read: Reader = read_samples
    ) -> None:
        self.rows = tuple(rows)
        self.rate = rate
        self.seconds = _durations(self.rows, rate, read)
        self._read = read
        self._room = cache_bytes
        self._kept: dict[int, tuple[NDArray[np.int16], np.float32]] = {}
        self._lock = Lock()

    def __len__(self) -> int:
        return len(self.rows)

    def samples(self, index: int) -> NDArray[np.float32]:
        """The samples of one utterance, a fresh array. *Shape:* (samples,).

        Raises:
            InputError: The recording cannot be read; the message names its manifest line.
        """
        kept = self._kept.get(index)
        if kept is not None:
            return kept[0] * kept[1]
        row = self.rows[index]
        try:
            samples = self._read(row.audio, self.rate)
        except InputError as error:
            raise InputError(f"{row.place}: {error}") from None
        return self._keep(index, samples)

    def _keep(self, index: int, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        packed = _packed(samples)
        with self._lock:
            if packed[0].nbytes <= self._room and index not in self._kept:
                self._kept[index] = packed
                self._room -= packed[0].nbytes
        # Not `samples`: an utterance is the same on its first reading and on later ones.
        return packed[0] * packed[1]


def _packed(samples: NDArray[np.float32]) -> tuple[NDArray[np.int16], np.float32]:
    """Integers and the value of one."""
    peak = float(np.abs(samples).max(initial=0.0))
    unit = np.float32(1 / 32768 if 0.05 < peak <= 32767 / 32768 else max(peak, 1e-9) / 32767)
    return np.rint(samples / unit).clip(-32768, 32767).astype(np.int16), unit


def _durations(rows: Sequence[Row], rate: int, read: Reader) -> NDArray[np.float64]:
    """Seconds of each recording, from its header; all files that are no audio in one error."""
    seconds, problems = np.zeros(len(rows)), []
    for index, row in enumerate(rows):
        try:
            seconds[index] = _duration(row.audio, rate, read)
        except InputError as error:
            problems.append(f"{row.place}: {error}")
    if problems:
        shown = "\n  ".join(problems[:_SHOWN])
        more = f"\n  and {len(problems) - _SHOWN} more" if len(problems) > _SHOWN else ""
        raise InputError(f"{len(problems)} of {len(rows)} recordings cannot be read:\n  {shown}{more}")
    return seconds


def _duration(path: Path, rate: int, read: Reader) -> float:
    import soundfile

    if read is read_samples:
        try:
            info = soundfile.info(str(path))
        except (soundfile.SoundFileError, OSError, TypeError):
            info = None
        if info is not None and info.frames > 0:
            return float(info.frames / info.samplerate)
    # Only this says in words what is wrong; and some headers do not tell the length.
    return len(read(path, rate)) / rate


@attrs.frozen
class Draw:
    """One utterance of a batch."""

    index: int
    """Its row."""

    number: int
    """How many were drawn before it in this run: together with the seed, what its augmentation depends on."""


@attrs.frozen(kw_only=True)
class Order:
    """Which utterances each step takes: a function of the seed and the step, so that a run goes on where it stopped.

    Utterances are drawn without replacement, epoch after epoch, in blocks of some steps; within a
    block those of like length share a batch, and the batches are shuffled.
    """

    seconds: NDArray[np.float64]
    """Of each utterance."""

    batch_size: int
    """Utterances a batch."""

    batches_per_step: int = 1
    """Batches a step, those of all processes together."""

    seed: int = 0
    """Seed of the order."""

    augment: Augment | None = None
    """What changes durations after they were drawn."""

    curriculum_steps: int = 0
    """Steps over which the longest duration allowed grows from that of the shortest tenth to the longest."""

    block_batches: int = 48
    """Batches a block, at least."""

    @property
    def block_steps(self) -> int:
        """Steps a block."""
        return -(-self.block_batches // self.batches_per_step)

    def step(self, number: int) -> list[list[Draw]]:
        """The batches of one step, the first of which is 0."""
        block, place = divmod(number, self.block_steps)
        return self.block(block)[place * self.batches_per_step :][: self.batches_per_step]

    def longest(self, step: int) -> float:
        """The longest duration allowed at a step, in seconds."""
        high = float(self.seconds.max())
        if step >= self.curriculum_steps:
            return high
        low = float(np.quantile(self.seconds, 0.1))
        return low + (high - low) * step / self.curriculum_steps

    def block(self, block: int) -> list[list[Draw]]:
        """All batches of one block."""
        count = self.block_steps * self.batches_per_step * self.batch_size
        allowed = np.flatnonzero(self.seconds <= self.longest(block * self.block_steps))
        numbers = np.arange(block * count, (block + 1) * count)
        draws = [
            Draw(int(index), int(number)) for index, number in zip(self._drawn(allowed, numbers), numbers, strict=True)
        ]
        draws.sort(key=self._length)
        batches = [draws[begin : begin + self.batch_size] for begin in range(0, count, self.batch_size)]
        order = np.random.default_rng((self.seed, 1, block)).permutation(len(batches))
        return [batches[place] for place in order]

    def _drawn(self, allowed: NDArray[np.int64], numbers: NDArray[np.int64]) -> NDArray[np.int64]:
        """The utterance of each number: a permutation of those allowed for each epoch."""
        epochs, places = np.divmod(numbers, len(allowed))
        drawn = np.empty_like(numbers)
        for epoch in np.unique(epochs):
            order = np.random.default_rng((self.seed, 0, int(epoch))).permutation(allowed)
            drawn[epochs == epoch] = order[places[epochs == epoch]]
        return drawn

    def _length(self, draw: Draw) -> float:
        seconds = float(self.seconds[draw.index])
        if self.augment is None:
            return seconds
        return self.augment.length(seconds, generator(self.seed, draw))


def generator(seed: int, draw: Draw) -> np.random.Generator:
    """The random numbers that the augmentation of one draw uses."""
    return np.random.default_rng((seed, 2, draw.number))
