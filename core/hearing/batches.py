"""Recordings through a model, in batches of like length; what the model fails for is found out one by one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import attrs
import numpy as np
import torch

from speechgraft.audio import Audio
from speechgraft.audio.ahead import length_batches
from speechgraft.errors import InputError
from speechgraft.generation.streaming import Outlet
from speechgraft.hearing.contract import Batch, Heard, Hearing, evaluating

SILENCE = 1e-4
"""Audio without a sample above this, of full scale 1, is silence: -80 dB, three steps of 16 bit."""

_SILENT = f"silence: no sample above {SILENCE:g} of full scale"

_BATCH_SECONDS = 160

Results = dict[int, Heard | InputError]
"""What was said in each recording, or why the model cannot tell, by its place among the sources."""


class Batches:
    """A model that hears recordings, several at once.

    Args:
        model: The model.
        extractor: Makes its inputs.
        hearing: How it is asked.
        options: Of `hearing`.
        size: The most recordings of a batch.
        outlet: Where pairs of a recording's place and its new text go as it appears.
    """

    def __init__(
        self, model: Any, extractor: Any, hearing: Hearing, options: Any, *, size: int, outlet: Outlet[Any] | None
    ) -> None:
        self._model = model
        self._extractor = extractor
        self._hearing = hearing
        self._options = options
        self._size = size
        self._outlet = outlet

    def hear(self, audios: Mapping[int, Audio]) -> Results:
        """What is said in recordings, given by their places among the sources."""
        silence = attrs.evolve(self._hearing.silence(self._options), warnings=(_SILENT,))
        found: Results = {place: silence for place, audio in audios.items() if _is_silent(audio)}
        left = [place for place in audios if place not in found]
        area = _BATCH_SECONDS * self._extractor.sampling_rate
        for batch in length_batches([len(audios[place].samples) for place in left], self._size, area):
            found.update(self._hear_batch({left[number]: audios[left[number]] for number in batch}))
        return found

    def _hear_batch(self, audios: Mapping[int, Audio]) -> Results:
        voice = None if self._outlet is None else Voice(self._outlet, list(audios))
        try:
            return self._hear_together(audios, voice)
        except InputError as error:
            if len(audios) == 1:
                return dict.fromkeys(audios, error)
        found: Results = {}
        for place, audio in audios.items():
            try:
                found.update(self._hear_together({place: audio}, None if voice is None else voice.again(place)))
            except InputError as error:
                found[place] = error
        return found

    def _hear_together(self, audios: Mapping[int, Audio], voice: Voice | None) -> Results:
        values, mask = self._features(list(audios.values()))
        with evaluating(self._model):
            rows = self._hearing.hear(Batch(values, mask, list(audios.values())), self._options, voice)
        return dict(zip(audios, rows, strict=True))

    def _features(self, audios: Sequence[Audio]) -> tuple[torch.Tensor, torch.Tensor]:
        """Inputs of the model and their mask."""
        # The mask is asked for whatever the extractor's settings say: it carries the lengths, and with
        # them a recording has the same words alone and beside a longer one.
        features = dict(
            self._extractor(
                [audio.samples for audio in audios],
                padding=True,
                return_attention_mask=True,
                return_tensors="pt",
                sampling_rate=self._extractor.sampling_rate,
            )
        )
        mask = features.pop("attention_mask")
        [values] = features.values()
        like = next(self._model.parameters())
        return values.to(like.device, like.dtype), mask.to(like.device)


class Voice:
    """Puts the text of a batch into an outlet, under the places of its recordings among the sources.

    Args:
        outlet: Where to.
        places: The place of each row.
        known: The text of each row that was told before.
    """

    def __init__(self, outlet: Outlet[Any], places: Sequence[int], known: Sequence[str] = ()) -> None:
        self.rule = outlet.rule
        self._outlet = outlet
        self._places = places
        self._known = list(known) or [""] * len(places)
        self._told = [""] * len(places)

    def say(self, row: int, text: str) -> None:
        """See `Listener.say`.

        Raises:
            InputError: The row says something else than it was told to say before.
        """
        before, known = self._told[row], self._known[row]
        self._told[row] = told = before + text
        if not (told.startswith(known) or known.startswith(told)):
            raise InputError(f"{known!r} was heard at first, and another time {told!r}")
        new = told[max(len(before), len(known)) :]
        if new:
            self._outlet.put((self._places[row], new))

    def again(self, place: int) -> Voice:
        """For one of the recordings from its beginning: what was told of it is not told again."""
        row = self._places.index(place)
        return Voice(self._outlet, [place], [self._told[row]])


def _is_silent(audio: Audio) -> bool:
    return bool(np.abs(audio.samples).max() <= SILENCE)
