"""Which frames characters and words are spelt in."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import groupby
from typing import Any, Self

import attrs

from speechgraft.batch import Batch


class CTCText(Batch):
    """What `decode` of a CTC tokenizer gives where frames are asked for: `text`, `char_offsets`, `word_offsets`.

    Offsets are dicts with `char` or `word`, `start_offset` and `end_offset`, in frames from the beginning, the end
    being the frame behind the last; `None` where they were not asked for.
    """


@attrs.frozen
class Frames:
    """What frames spell.

    Equal neighbours are one; a blank between them makes them two, and is not written.
    """

    characters: list[str]
    """What is written, in order."""

    spans: list[tuple[int, int]]
    """The first frame of each, and the one behind its last."""

    @classmethod
    def of(
        cls, tokens: Iterable[tuple[int, str]], *, blank: str | None, written: Callable[[str], str], groups: bool
    ) -> Self:
        """What tokens spell, each with its frame.

        Args:
            tokens: Frame and token, in order.
            blank: The token that is not written.
            written: What a token is written as.
            groups: Whether equal neighbours are one.
        """
        if groups:
            together = [list(same) for _, same in groupby(tokens, key=lambda each: each[1])]
        else:
            together = [[each] for each in tokens]
        kept = [same for same in together if same[0][1] != blank]
        return cls([written(same[0][1]) for same in kept], [(same[0][0], same[-1][0] + 1) for same in kept])

    def char_offsets(self) -> list[dict[str, Any]]:
        """The frames of each character."""
        return [
            {"char": character, "start_offset": begin, "end_offset": end}
            for character, (begin, end) in zip(self.characters, self.spans, strict=True)
        ]

    def word_offsets(self, space: str) -> list[dict[str, Any]]:
        """The frames of each word: what stands between two characters that are written as `space`."""
        words = []
        both = zip(self.characters, self.spans, strict=True)
        for is_space, group in groupby(both, key=lambda each: each[0] == space):
            if not is_space:
                characters, spans = zip(*group, strict=True)
                words.append({"word": "".join(characters), "start_offset": spans[0][0], "end_offset": spans[-1][1]})
        return words
