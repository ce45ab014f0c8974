"""Word and character error rates."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import attrs

from speechgraft.train.extras import need


@attrs.frozen
class Errors:
    """How hypotheses differ from what was said, in words or characters: counts that add up."""

    hits: int = 0
    """Those that are right."""

    substitutions: int = 0
    """Those that stand for another."""

    deletions: int = 0
    """Those that are missing."""

    insertions: int = 0
    """Those that nobody said."""

    def __add__(self, other: Errors) -> Errors:
        return Errors(*(mine + theirs for mine, theirs in zip(attrs.astuple(self), attrs.astuple(other), strict=True)))

    @property
    def said(self) -> int:
        """Words or characters of the reference."""
        return self.hits + self.substitutions + self.deletions

    @property
    def wrong(self) -> int:
        """Substitutions, deletions and insertions."""
        return self.substitutions + self.deletions + self.insertions

    @property
    def rate(self) -> float:
        """Errors over what was said. Where nothing was said: 0 without an insertion, 1 with any."""
        return self.wrong / self.said if self.said else float(self.wrong > 0)


def word_errors(reference: str, hypothesis: str) -> Errors:
    """Of the alignment with the fewest errors; words are what white space separates."""
    return _aligned(reference.split(), hypothesis.split())


def character_errors(reference: str, hypothesis: str) -> Errors:
    """The same in characters, a space between words being one."""
    reference, hypothesis = (" ".join(text.split()) for text in (reference, hypothesis))
    return _aligned(list(reference), list(hypothesis))


def total(errors: Iterable[Errors]) -> Errors:
    """The sum of counts."""
    return sum(errors, Errors())


def _aligned(reference: Sequence[str], hypothesis: Sequence[str]) -> Errors:
    jiwer = need("jiwer")
    # jiwer refuses an empty reference, and reads text: numbers stand for the items, spaces included.
    if not reference or not hypothesis:
        return Errors(deletions=len(reference), insertions=len(hypothesis))
    number = {item: str(place) for place, item in enumerate(dict.fromkeys([*reference, *hypothesis]))}
    found = jiwer.process_words(*(" ".join(number[item] for item in items) for items in (reference, hypothesis)))
    return Errors(found.hits, found.substitutions, found.deletions, found.insertions)
