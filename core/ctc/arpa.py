"""N-gram language models in ARPA files, read without further libraries."""

from __future__ import annotations

import gzip
import math
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Self, cast

from speechgraft.ctc.words import LanguageModel
from speechgraft.errors import CheckpointError

_TEN = math.log(10.0)
_COUNT = re.compile(r"ngram (\d+)\s*=\s*(\d+)")
_SECTION = re.compile(r"\\(\d+)-grams:")
_UNKNOWN = "<unk>"
_MISSING_UNKNOWN = -100.0
"""What KenLM gives a word that is not in a model without `<unk>`."""

Gram = tuple[str, ...]


class ArpaModel(LanguageModel):
    """An n-gram model with back-off (Katz 1987), as ARPA files hold it.

    Words that it does not have are `<unk>`. Dictionaries hold all n-grams: for a large file `build_binary` of
    KenLM makes one that `KenLM` maps into memory instead.

    Args:
        log_probs: Base-10 logarithms of n-grams.
        back_offs: Base-10 logarithms of the weight of the shorter history, where an n-gram has one.
        order: Words of the longest n-gram.
    """

    def __init__(self, log_probs: dict[Gram, float], back_offs: dict[Gram, float], order: int) -> None:
        self.log_probs = log_probs
        self.back_offs = back_offs
        self.order = order

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> Self:
        """Read an ARPA file, or one that gzip packed.

        Raises:
            CheckpointError: It is not there, or breaks the format; the message names the line.
        """
        try:
            with _opened(Path(path)) as lines:
                return cls(*_Reader(path, lines).model())
        except (OSError, EOFError, UnicodeDecodeError) as error:
            if isinstance(error, CheckpointError):
                raise
            raise CheckpointError(f"{path}: the language model cannot be read: {error}") from error

    def start(self) -> Gram:
        """Behind `<s>`."""
        return ("<s>",)[: self.order - 1]

    def score(self, state: object, word: str) -> tuple[float, Gram]:
        """See `LanguageModel.score`; a state holds the last words, fewer than the order."""
        known = word if (word,) in self.log_probs else _UNKNOWN
        history = cast(Gram, state)
        behind = (*history, known)[1 - self.order :] if self.order > 1 else ()
        return _TEN * self._log_prob(history, known), behind

    def finish(self, state: object) -> float:
        """The probability of `</s>`."""
        return _TEN * self._log_prob(cast(Gram, state), "</s>")

    def _log_prob(self, history: Gram, word: str) -> float:
        weight = 0.0
        while (found := self.log_probs.get((*history, word))) is None:
            if not history:
                return weight + self.log_probs.get((_UNKNOWN,), _MISSING_UNKNOWN)
            weight += self.back_offs.get(history, 0.0)
            history = history[1:]
        return weight + found


class _Reader:
    """The lines of a file, with their numbers."""

    def __init__(self, path: str | os.PathLike[str], lines: Iterator[str]) -> None:
        self.path = path
        self.number = 0
        self._lines = lines

    def model(self) -> tuple[dict[Gram, float], dict[Gram, float], int]:
        """N-grams, back-off weights and the order."""
        counts, line = self._counts()
        log_probs: dict[Gram, float] = {}
        back_offs: dict[Gram, float] = {}
        for size, count in enumerate(counts, start=1):
            section = _SECTION.fullmatch(line)
            if section is None or int(section[1]) != size:
                raise self._broken(f"{line!r}, expected \\{size}-grams:")
            found = 0
            while not (line := self._next()).startswith("\\"):
                gram, log_prob, back_off = self._gram(line, size)
                log_probs[gram] = log_prob
                if back_off is not None:
                    back_offs[gram] = back_off
                found += 1
            if found != count:
                raise self._broken(f"{found} {size}-grams before it, but \\data\\ says {count}")
        if line != "\\end\\":
            raise self._broken(f"{line!r}, expected \\end\\")
        return log_probs, back_offs, len(counts)

    def _counts(self) -> tuple[list[int], str]:
        """How many n-grams there are of each size, and the line behind that."""
        line = self._next()
        if line != "\\data\\":
            raise self._broken(f"{line[:40]!r}, expected \\data\\ (this is no ARPA file)")
        counts: list[int] = []
        while (stated := _COUNT.fullmatch(line := self._next())) is not None:
            if int(stated[1]) != len(counts) + 1:
                raise self._broken(f"{line!r}, expected 'ngram {len(counts) + 1}=...'")
            counts.append(int(stated[2]))
        if not counts:
            raise self._broken(f"{line!r}, expected 'ngram 1=...'")
        return counts, line

    def _gram(self, line: str, size: int) -> tuple[Gram, float, float | None]:
        fields = line.split()
        if not size + 1 <= len(fields) <= size + 2:
            raise self._broken(f"{line!r}, expected a logarithm, {size} words and perhaps a weight")
        gram = tuple(fields[1 : size + 1])
        log_prob = self._number(fields[0])
        if log_prob > 0:
            raise self._broken(f"the logarithm of a probability is {log_prob:g}, expected 0 or less")
        return gram, log_prob, self._number(fields[-1]) if len(fields) == size + 2 else None

    def _number(self, text: str) -> float:
        try:
            number = float(text)
        except ValueError:
            raise self._broken(f"{text!r} is no number") from None
        if math.isnan(number):
            raise self._broken(f"{text!r} is no number")
        return number

    def _next(self) -> str:
        """The next line that is not empty."""
        for line in self._lines:
            self.number += 1
            if stripped := line.strip():
                return stripped
        if not self.number:
            raise CheckpointError(f"{self.path}: the file is empty, expected an ARPA file")
        raise self._broken("the file ends before \\end\\")

    def _broken(self, found: str) -> CheckpointError:
        return CheckpointError(f"{self.path}, line {self.number}: {found}")


def _opened(path: Path) -> IO[str]:
    with path.open("rb") as file:
        packed = file.read(2) == b"\x1f\x8b"
    return gzip.open(path, "rt", encoding="utf-8") if packed else path.open(encoding="utf-8")
