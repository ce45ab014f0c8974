"""What the Transcriber gives for a recording: a transcript, or why there is none."""

from __future__ import annotations

from typing import Self

import attrs

from speechgraft.audio import Audio
from speechgraft.ctc import Timed
from speechgraft.errors import SpeechGraftError
from speechgraft.hearing.contract import Heard


@attrs.frozen
class Transcript:
    """What was said."""

    text: str
    """The words; empty for silence."""

    tokens: tuple[int, ...]
    """The ids behind them, without the token that starts and the one that ends."""

    seconds: float
    """How long the audio is."""

    source: str
    """Where the audio came from."""

    warnings: tuple[str, ...] = ()
    """What makes the text doubtful."""

    words: tuple[Timed, ...] | None = None
    """The words with the seconds in which they are said; `None` from a pair that was not asked for `times`."""

    @classmethod
    def of(cls, audio: Audio, heard: Heard) -> Self:
        """What was heard in a recording."""
        return cls(heard.text, heard.tokens, audio.seconds, audio.source, heard.warnings, heard.words)


@attrs.frozen
class Failure:
    """A source that could not be transcribed."""

    index: int
    """Its place among the sources, from 0."""

    source: str
    """Where it was to come from."""

    error: SpeechGraftError
    """Why."""
