"""Offsets of characters and words are told in frames, whatever is left out of the text."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from published_tokenizers import FAMILIES, FRAMES

OURS, THEIRS = FAMILIES["ctc"]()
HOW = {"output_char_offsets": True, "output_word_offsets": True}

rows = st.lists(st.integers(0, len(FRAMES) - 1), max_size=20)


@given(row=rows, groups=st.booleans())
def test_offsets_are_those_published(row: list[int], groups: bool) -> None:
    found, expected = (each.decode(row, group_tokens=groups, **HOW) for each in (OURS, THEIRS))
    assert found.text == expected.text
    assert found.char_offsets == list(expected.char_offsets) and found.word_offsets == list(expected.word_offsets)


@given(row=rows)
def test_what_is_left_out_shifts_no_frame(row: list[int]) -> None:
    found = OURS.decode(row, skip_special_tokens=True, **HOW)
    for each in found.char_offsets:
        token = OURS.word_delimiter_token if each["char"] == " " else each["char"]
        spelt = {OURS.id_to_token(row[place]) for place in (each["start_offset"], each["end_offset"] - 1)}
        assert spelt == {token}
    assert found.text == "".join(each["char"] for each in found.char_offsets).strip()


def test_frames_come_alone_where_they_alone_are_asked_for() -> None:
    assert OURS.decode([5], output_word_offsets=True).char_offsets is None
    assert OURS.decode([5], output_char_offsets=True).word_offsets is None
