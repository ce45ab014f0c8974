"""Captions: words with their seconds as lines that can be read while they are said, in SubRip and WebVTT."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from speechgraft.ctc import Timed
from speechgraft.errors import InputError

LINE: Final = 42
"""Columns of a line at the most, as is usual for subtitles; a longer word has a line for itself."""

LINES: Final = 2
"""Lines of a caption at the most."""

SECONDS: Final = 7.0
"""The longest that a caption stands, unless one word takes longer."""

PAUSE: Final = 0.8
"""A pause of so many seconds ends a caption."""

SHORTEST: Final = 0.8
"""Seconds that a caption stands at least, where the next does not begin before."""

_VISIBLE: Final = 0.001  # no player shows a caption that ends when it begins
_SENTENCE_ENDS: Final = (".", "?", "!", "…", "\u3002", "\uff1f", "\uff01")


class Cue(NamedTuple):
    """A caption."""

    start: float
    """Seconds."""

    end: float
    """Seconds."""

    text: str
    """One line or several."""


class _Piece(NamedTuple):
    """A word with what stands between it and the one before."""

    space: str
    word: Timed


def cues(text: str, words: Sequence[Timed] | None) -> list[Cue]:
    """Captions of a text.

    One ends where the next word does not fit (`LINE`, `LINES`, `SECONDS`), behind the end of a sentence that is on
    its last line, and at a pause.

    Args:
        text: All that is said; it tells which words stand together without a space.
        words: Its words in order.

    Raises:
        InputError: The words are `None`, as those of a transcript are that was made without their seconds.
    """
    if words is None:
        raise InputError("there are no words with their seconds: pass times='words' to the Transcriber")
    groups: list[list[_Piece]] = []
    for piece in _pieces(text, words):
        if not groups or _ends(groups[-1], piece):
            groups.append([])
        groups[-1].append(piece)
    starts = [group[0].word.start for group in groups[1:]]
    return [_cue(group, until) for group, until in zip(groups, [*starts, math.inf], strict=False)]


def _pieces(text: str, words: Iterable[Timed]) -> Iterator[_Piece]:
    place = 0
    for word in words:
        found = text.find(word.text, place)
        spaced = found != place or place == 0
        yield _Piece(" " if spaced else "", word)
        place = place if found < 0 else found + len(word.text)


def _ends(group: list[_Piece], following: _Piece) -> bool:
    """Whether a caption is over before the next word."""
    last = group[-1].word
    if following.word.start - last.end >= PAUSE or following.word.end - group[0].word.start > SECONDS:
        return True
    if len(_lines([*group, following], LINE)) > LINES:
        return True
    return last.text.endswith(_SENTENCE_ENDS) and len(_lines(group, LINE)) == LINES


def _lines(group: Sequence[_Piece], width: int) -> list[str]:
    """Words in lines of so many columns, each filled before the next begins."""
    lines = [""]
    for space, word in group:
        if lines[-1] and _columns(lines[-1] + space + word.text) > width:
            lines.append("")
        lines[-1] += (space if lines[-1] else "") + word.text
    return lines


def _balanced(group: Sequence[_Piece]) -> list[str]:
    """As few lines as there must be, as near in length as the words allow."""
    lines = _lines(group, LINE)
    widths = range(max(map(_columns, lines)) // len(lines), LINE)
    narrower = (_lines(group, width) for width in widths)
    return next((each for each in narrower if len(each) == len(lines)), lines)


def _columns(text: str) -> int:
    """The room that a text takes: characters of Han, Kana and Hangul are two columns wide."""
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in text)


def _cue(group: Sequence[_Piece], until: float) -> Cue:
    start = group[0].word.start
    end = min(max(group[-1].word.end, start + SHORTEST), until)
    return Cue(start, max(end, start + _VISIBLE), "\n".join(_balanced(group)))


def srt(captions: Iterable[Cue]) -> str:
    """A SubRip file (.srt): numbered captions, `00:00:01,250 --> 00:00:02,000`."""
    blocks = (
        f"{number}\n{_clock(cue.start, ',')} --> {_clock(cue.end, ',')}\n{cue.text}\n"
        for number, cue in enumerate(captions, start=1)
    )
    return "\n".join(blocks)


def vtt(captions: Iterable[Cue]) -> str:
    """A WebVTT file (.vtt): `&`, `<` and `>` are escaped, as the format asks for (W3C, WebVTT, section 4.2.2)."""
    blocks = (f"{_clock(cue.start, '.')} --> {_clock(cue.end, '.')}\n{_escaped(cue.text)}\n" for cue in captions)
    return "\n".join(["WEBVTT\n", *blocks])


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _clock(seconds: float, point: str) -> str:
    """Hours, minutes, seconds and milliseconds."""
    milliseconds = max(0, round(seconds * 1000))
    minutes, rest = divmod(milliseconds, 60_000)
    return f"{minutes // 60:02}:{minutes % 60:02}:{rest // 1000:02}{point}{rest % 1000:03}"
