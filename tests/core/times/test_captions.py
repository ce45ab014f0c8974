"""Captions hold every word once, in lines that fit, and are what the two formats ask for."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from speechgraft.ctc import Timed
from speechgraft.errors import InputError
from speechgraft.times import Cue, cues, srt, vtt
from speechgraft.times.captions import LINE, LINES, PAUSE, SECONDS, SHORTEST

WORDS = st.text(st.characters(exclude_categories=("Z", "C")), min_size=1, max_size=60)


@st.composite
def timed(draw: st.DrawFn) -> list[Timed]:
    """Words one after another, with and without pauses."""
    now, words = 0.0, []
    for text in draw(st.lists(WORDS, max_size=40)):
        start = now + draw(st.sampled_from([0.0, 0.1, 2.0]))
        now = start + draw(st.floats(0, 3))
        words.append(Timed(text, start, now))
    return words


@settings(max_examples=60, deadline=None)
@given(words=timed())
def test_every_word_is_in_one_caption_at_its_time(words: list[Timed]) -> None:
    found = cues(" ".join(word.text for word in words), words)
    assert [text for cue in found for text in cue.text.split()] == [word.text for word in words]
    assert {cue.start for cue in found} <= {word.start for word in words}
    for one, other in pairwise(found):
        assert one.start < one.end <= max(other.start, one.start + 0.001)


@settings(max_examples=60, deadline=None)
@given(words=timed())
def test_captions_fit(words: list[Timed]) -> None:
    for cue in cues(" ".join(word.text for word in words), words):
        lines = cue.text.split("\n")
        assert len(lines) <= LINES
        for line in lines:
            assert len(line) <= LINE or " " not in line
        assert cue.end - cue.start <= SECONDS or len(cue.text.split()) == 1


def spoken(text: str, pace: float = 0.3) -> list[Timed]:
    return [Timed(word, n * pace, (n + 1) * pace) for n, word in enumerate(text.split())]


def test_two_lines_are_as_near_in_length_as_the_words_allow() -> None:
    text = "the quick brown fox jumps over the lazy dog and runs"
    [cue] = cues(text, spoken(text))
    assert cue.text == "the quick brown fox jumps\nover the lazy dog and runs"


def test_a_pause_ends_a_caption() -> None:
    words = [Timed("one", 0, 0.5), Timed("two", 0.5 + PAUSE, 2), Timed("three", 2.1, 3)]
    assert [cue.text for cue in cues("one two three", words)] == ["one", "two three"]


def test_a_short_caption_stands_until_it_can_be_read_or_the_next_begins() -> None:
    [alone] = cues("yes", [Timed("yes", 1.0, 1.2)])
    assert (alone.start, alone.end) == (1.0, 1.0 + SHORTEST)
    first, _ = cues("yes " + 30 * "m", [Timed("yes", 1.0, 1.2), Timed(30 * "m", 1.2, 9.0)])
    assert first.end == 1.2


def test_a_sentence_that_fills_its_lines_ends_a_caption() -> None:
    text = "this is a sentence that takes more than a single line. Next"
    assert [cue.text.replace("\n", " ") for cue in cues(text, spoken(text, 0.1))] == [text[:-5], "Next"]


def test_words_that_stand_together_stay_together_and_wide_ones_take_two_columns() -> None:
    text = "你好世界" * 10
    words = [Timed(character, n * 0.1, n * 0.1 + 0.1) for n, character in enumerate(text)]
    [cue] = cues(text, words)
    assert cue.text.replace("\n", "") == text
    assert max(map(len, cue.text.split("\n"))) <= LINE // 2


def test_subrip() -> None:
    captions = [Cue(0.0, 1.25, "one\ntwo"), Cue(3661.0006, 3662.9996, "a < b")]
    assert srt(captions) == ("1\n00:00:00,000 --> 00:00:01,250\none\ntwo\n\n2\n01:01:01,001 --> 01:01:03,000\na < b\n")
    assert srt([]) == ""


def test_webvtt_is_escaped() -> None:
    captions = [Cue(0.0, 1.25, "R&B --> <i>"), Cue(2.0, 3.0, "two")]
    assert vtt(captions) == (
        "WEBVTT\n\n00:00:00.000 --> 00:00:01.250\nR&amp;B --&gt; &lt;i&gt;\n\n00:00:02.000 --> 00:00:03.000\ntwo\n"
    )
    assert vtt([]) == "WEBVTT\n"


@settings(max_examples=30, deadline=None)
@given(words=timed())
def test_nothing_in_a_text_is_taken_for_the_format(words: list[Timed]) -> None:
    found = cues(" ".join(word.text for word in words), words)
    assert len(re.findall(r"^\d\d:\d\d:\d\d\.\d{3} --> \d\d:\d\d:\d\d\.\d{3}$", vtt(found), re.MULTILINE)) == len(found)


def test_words_without_their_seconds_are_no_captions() -> None:
    with pytest.raises(InputError, match="pass times='words' to the Transcriber"):
        cues("yes", None)
