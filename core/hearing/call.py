"""One call of the Transcriber: sources are read ahead, heard in windows, and told in their order."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from contextlib import closing
from typing import Any

import attrs

from speechgraft.audio import Audio
from speechgraft.audio.ahead import read_ahead, windows
from speechgraft.errors import InputError
from speechgraft.generation.streaming import Outlet
from speechgraft.hearing.batches import Batches
from speechgraft.hearing.contract import Heard, Hearing
from speechgraft.hearing.results import Failure, Transcript
from speechgraft.hearing.sources import Reader, Source

_WINDOW_SECONDS = 1200.0


@attrs.frozen
class Call:
    """What a call asks for."""

    sources: Iterable[Source]
    """What is to be transcribed."""

    batch_size: int
    """The most recordings that go through the model at once."""

    reader: Reader
    """How they are read."""

    hearing: Hearing
    """How the model is asked."""

    options: Any
    """Of `hearing`."""

    def heard(
        self, model: Any, extractor: Any, outlet: Outlet[Any] | None
    ) -> Generator[Transcript | Failure, None, None]:
        """The transcript of each source, or why there is none, in their order.

        Args:
            model: Who hears.
            extractor: Makes its inputs.
            outlet: Where pairs of a recording's place and its new text go as it appears.
        """
        read = read_ahead(enumerate(self.sources), lambda source: self.reader.read(*source), depth=2 * self.batch_size)
        batches = Batches(model, extractor, self.hearing, self.options, size=self.batch_size, outlet=outlet)
        begin = 0
        with closing(read):  # whoever stops early, or raises, leaves no thread that reads
            for window in windows(read, _seconds, 4 * self.batch_size, _WINDOW_SECONDS):
                places = dict(enumerate(window, start=begin))
                heard = batches.hear({place: item for place, item in places.items() if isinstance(item, Audio)})
                for place, item in places.items():
                    yield item if isinstance(item, Failure) else _result(place, item, heard[place])
                begin += len(window)


def _seconds(item: Audio | Failure) -> float:
    return item.seconds if isinstance(item, Audio) else 0.0


def _result(place: int, audio: Audio, heard: Heard | InputError) -> Transcript | Failure:
    if isinstance(heard, InputError):
        return Failure(place, audio.source, InputError(f"{audio.source}: {heard}"))
    return Transcript.of(audio, heard)
