"""Batches as the model takes them, made ahead of it in a thread of their own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from queue import Full, Queue
from threading import Event, Thread
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import attrs
import numpy as np

from speechgraft.losses import IGNORED
from speechgraft.train.data import Draw, Order, SpeechDataset, generator

if TYPE_CHECKING:
    from torch import Tensor

    from speechgraft.train.augment import Augment

Item = TypeVar("Item")

Extractor = Callable[..., Any]
"""Makes named tensors of a list of waveforms, as `Wav2Vec2FeatureExtractor` does."""


@attrs.frozen(eq=False)
class Batch:
    """Some utterances."""

    inputs: dict[str, Tensor]
    """What the model takes by name: (batch, samples) each, the attention mask among them."""

    labels: Tensor
    """(batch, tokens), the end token included, -100 behind it."""

    seconds: float
    """Audio in it, padding not counted."""

    def to(self, device: Any) -> Batch:
        """The same batch on another device."""
        moved = {name: value.to(device, non_blocking=True) for name, value in self.inputs.items()}
        return Batch(moved, self.labels.to(device, non_blocking=True), self.seconds)


@attrs.frozen(eq=False)
class StepBatches:
    """What one process works on in one step."""

    step: int
    """Its number; the first is 0."""

    batches: tuple[Batch, ...]
    """The process's own."""

    tokens: int
    """Label tokens of all processes' batches."""

    utterances: int
    """Utterances of all processes' batches."""


@attrs.frozen(kw_only=True)
class Loader:
    """Makes each step's batches: a function of the step, whatever was made before."""

    dataset: SpeechDataset
    """The recordings."""

    labels: Sequence[Sequence[int]]
    """Label tokens of each row, the end token included."""

    extractor: Extractor
    """Makes the model's inputs."""

    order: Order
    """Which utterances a step takes."""

    augment: Augment | None = None
    """How recordings are varied."""

    rank: int = 0
    """This process."""

    processes: int = 1
    """How many share each step."""

    def steps(self, first: int, end: int) -> Iterator[StepBatches]:
        """The steps from `first` up to `end`, which is not one of them."""
        for step in range(first, end):
            planned = self.order.step(step)
            draws = [draw for batch in planned for draw in batch]
            tokens = sum(len(self.labels[draw.index]) for draw in draws)
            own = tuple(self._batch(batch) for batch in planned[self.rank :: self.processes])
            yield StepBatches(step, own, tokens, len(draws))

    def _batch(self, draws: Sequence[Draw]) -> Batch:
        rows = [self._samples(draw) for draw in draws]
        return make_batch(rows, [self.labels[draw.index] for draw in draws], self.extractor, self.dataset.rate)

    def _samples(self, draw: Draw) -> np.ndarray[Any, Any]:
        samples = self.dataset.samples(draw.index)
        if self.augment is None:
            return samples
        return self.augment(samples, self.dataset.rate, generator(self.order.seed, draw))


def make_batch(
    rows: Sequence[np.ndarray[Any, Any]], labels: Sequence[Sequence[int]], extractor: Extractor, rate: int
) -> Batch:
    """One batch of waveforms and their label tokens."""
    import torch

    inputs = extractor(list(rows), padding=True, return_attention_mask=True, return_tensors="pt", sampling_rate=rate)
    padded = torch.full((len(labels), max(map(len, labels))), IGNORED)
    for row, tokens in zip(padded, labels, strict=True):
        row[: len(tokens)] = torch.tensor(tokens)
    return Batch(dict(inputs), padded, sum(map(len, rows)) / rate)


class Ahead(Generic[Item]):
    """Iterates over `items`, which a thread makes up to `depth` ahead of whoever takes them.

    A context manager: leaving it ends the thread. What making an item raises is raised where it is taken.
    """

    def __init__(self, items: Iterable[Item], depth: int = 4) -> None:
        self._queue: Queue[tuple[bool, Any]] = Queue(depth)
        self._stop = Event()
        self._thread = Thread(target=self._make, args=(items,), name="batches", daemon=True)

    def __enter__(self) -> Iterator[Item]:
        self._thread.start()
        return self._take()

    def __exit__(self, *exception: object) -> None:
        self._stop.set()
        self._thread.join()

    def _take(self) -> Iterator[Item]:
        while True:
            is_item, value = self._queue.get()
            if is_item:
                yield value
            elif value is None:
                return
            else:
                raise value

    def _make(self, items: Iterable[Item]) -> None:
        try:
            for item in items:
                if not self._put((True, item)):
                    return
            self._put((False, None))
        except BaseException as error:  # noqa: BLE001 - raised again by the thread that takes
            self._put((False, error))

    def _put(self, entry: tuple[bool, Any]) -> bool:
        while not self._stop.is_set():
            try:
                self._queue.put(entry, timeout=0.1)
            except Full:
                continue
            return True
        return False
