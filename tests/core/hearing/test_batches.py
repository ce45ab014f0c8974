"""What a batch tells is put under its recordings' places, and once."""

from __future__ import annotations

from typing import Any

import pytest

from speechgraft.errors import InputError
from speechgraft.hearing.batches import Voice


class Kept:
    """An outlet that keeps what is put."""

    def __init__(self) -> None:
        self.items: list[Any] = []

    def put(self, item: Any) -> None:
        self.items.append(item)

    def rule(self, ids: Any, scores: Any) -> Any:
        return scores


def test_rows_are_told_under_their_places() -> None:
    kept = Kept()
    voice = Voice(kept, [7, 3])  # type: ignore[arg-type]
    voice.say(0, "one")
    voice.say(1, "two")
    voice.say(0, " three")
    assert kept.items == [(7, "one"), (3, "two"), (7, " three")]


def test_what_was_told_is_not_told_again() -> None:
    kept = Kept()
    voice = Voice(kept, [7, 3])  # type: ignore[arg-type]
    voice.say(1, "one two")
    again = voice.again(3)
    for text in ("one", " two three", " four"):
        again.say(0, text)
    assert kept.items == [(3, "one two"), (3, " three"), (3, " four")]


def test_another_text_than_was_told_is_refused() -> None:
    voice = Voice(Kept(), [0])  # type: ignore[arg-type]
    voice.say(0, "one")
    again = voice.again(0)
    with pytest.raises(InputError, match="'one' was heard at first, and another time 'two'"):
        again.say(0, "two")
