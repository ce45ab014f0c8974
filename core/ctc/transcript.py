"""Readings as text, with the seconds in which each word and character is said."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

import attrs
import torch

from speechgraft.contracts import Encoder
from speechgraft.ctc.reading import Reading
from speechgraft.errors import InputError
from speechgraft.text.alphabet import Alphabet

_STEPS = 840
"""Frames over which a stride is measured: a multiple of the numbers to 8, in which squeezed frames come."""


@attrs.frozen
class Timed:
    """A word or character with its time."""

    text: str
    """How it is written."""

    start: float
    """Seconds from the beginning of the audio to its first frame."""

    end: float
    """Seconds to the frame behind its last."""


@attrs.frozen
class CTCTranscript:
    """What was said, and when."""

    text: str
    """All of it."""

    score: float
    """Natural logarithm of its probability, with what a language model added."""

    words: tuple[Timed, ...]
    """What stands between spaces."""

    characters: tuple[Timed, ...]
    """Each token that is written, spaces as well."""


def transcript(reading: Reading, alphabet: Alphabet, *, seconds_per_frame: float) -> CTCTranscript:
    """Write a reading.

    Args:
        reading: Of `greedy`, `beam_search` or `align`.
        alphabet: How its tokens are written, see `CTCTokenizer.alphabet`.
        seconds_per_frame: The encoder's stride in samples (see `samples_per_frame`) over the sampling rate.

    Raises:
        InputError: A token that the alphabet lacks; a time that is not positive.
    """
    if not seconds_per_frame > 0:
        raise InputError(f"seconds_per_frame={seconds_per_frame}, expected the time between frames, above 0")
    spelt = [(alphabet.spelling(token), span) for token, span in zip(reading.tokens, reading.spans, strict=True)]
    characters = [
        Timed(written, first * seconds_per_frame, end * seconds_per_frame)
        for written, (first, end) in spelt
        if written is not None
    ]
    return CTCTranscript(
        text=alphabet.text(reading.tokens),
        score=reading.total,
        words=tuple(_words(characters, alphabet)),
        characters=tuple(attrs.evolve(each, text=alphabet.cased(each.text)) for each in characters),
    )


def _words(characters: list[Timed], alphabet: Alphabet) -> Iterator[Timed]:
    for is_space, group in groupby(characters, key=lambda each: each.text == alphabet.space):
        if not is_space:
            letters = list(group)
            text = alphabet.cased("".join(letter.text for letter in letters))
            yield Timed(text, letters[0].start, letters[-1].end)


def samples_per_frame(encoder: Encoder) -> float:
    """How many samples (frames, tokens) of its input an encoder moves on by from one frame to the next.

    Measured by `output_lengths`, so that whatever shortens the frames, an adapter for one, is counted.
    """
    first, last = _shortest(encoder, 1), _shortest(encoder, 1 + _STEPS)
    return (last - first) / _STEPS


def _shortest(encoder: Encoder, frames: int) -> int:
    """The shortest input that gives so many frames."""
    low, high = encoder.minimum_length, 2 * encoder.minimum_length
    while _frames(encoder, high) < frames:
        low, high = high, 2 * high
    while low < high:
        middle = (low + high) // 2
        if _frames(encoder, middle) < frames:
            low = middle + 1
        else:
            high = middle
    return low


def _frames(encoder: Encoder, length: int) -> int:
    return int(encoder.output_lengths(torch.tensor([length])))
