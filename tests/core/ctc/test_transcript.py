"""Words and characters have the offsets of the published tokenizer, as seconds."""

from __future__ import annotations

import json
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import Wav2Vec2CTCTokenizer as Reference

from speechgraft.ctc import CTCTranscript, Reading, Timed, greedy, samples_per_frame, transcript
from speechgraft.errors import InputError
from speechgraft.registry import default_catalog
from speechgraft.text import Alphabet, CTCTokenizer

TOKENS = ["<pad>", "<s>", "</s>", "<unk>", "|", "A", "B", "É", "'", "SH"]
STRIDE, RATE = 320, 16_000


def best_path(ids: list[int], size: int) -> torch.Tensor:
    return torch.full((1, len(ids), size), -9.0).scatter_(2, torch.tensor(ids).view(1, -1, 1), 9.0)


@settings(max_examples=200)
@given(
    tokens=st.permutations(TOKENS),
    ids=st.lists(st.integers(0, len(TOKENS) - 1), min_size=1, max_size=40),
    lower=st.booleans(),
    space=st.sampled_from([" ", "_"]),
)
def test_offsets_are_the_published_ones(
    tokens: list[str], ids: list[int], lower: bool, space: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    vocabulary = {token: number for number, token in enumerate(tokens)}
    options: dict[str, Any] = {"do_lower_case": lower, "replace_word_delimiter_char": space}
    tokenizer = CTCTokenizer(vocabulary, **options)
    path = tmp_path_factory.mktemp("ctc") / "vocab.json"
    path.write_text(json.dumps(vocabulary))
    theirs = Reference(str(path), **options).decode(ids, output_word_offsets=True, output_char_offsets=True)

    [reading] = greedy(best_path(ids, len(tokens)), blank=vocabulary["<pad>"])
    alphabet = tokenizer.alphabet(skip_special_tokens=False)
    found = transcript(reading, alphabet, seconds_per_frame=STRIDE / RATE)
    # The published offsets keep the case of the vocabulary.
    cased = str.lower if lower else str
    unit = STRIDE / RATE
    assert found.text == theirs.text
    assert [(each.text, each.start, each.end) for each in found.characters] == [
        (cased(each["char"]), each["start_offset"] * unit, each["end_offset"] * unit) for each in theirs.char_offsets
    ]
    assert [(each.text, each.start, each.end) for each in found.words] == [
        (cased(each["word"]), each["start_offset"] * unit, each["end_offset"] * unit) for each in theirs.word_offsets
    ]


@settings(max_examples=100)
@given(ids=st.lists(st.integers(0, 12), min_size=1, max_size=30), skip=st.booleans())
def test_the_text_is_what_the_tokenizer_writes(ids: list[int], skip: bool) -> None:
    tokenizer = CTCTokenizer({token: number for number, token in enumerate(TOKENS)})
    [reading] = greedy(best_path(ids, 13), blank=0)  # more scores than tokens: what is beyond is unknown
    found = transcript(reading, tokenizer.alphabet(13, skip_special_tokens=skip), seconds_per_frame=0.02)
    assert found.text == tokenizer.decode(reading.tokens, skip_special_tokens=skip, group_tokens=False)
    assert " ".join(word.text for word in found.words) == " ".join(found.text.split())


def test_words_have_seconds() -> None:
    alphabet = Alphabet((None, " ", "H", "I"), lower=True)
    reading = Reading((1, 2, 3, 1, 1, 3), ((0, 1), (2, 4), (4, 5), (5, 6), (7, 8), (8, 10)), -1.5, 0.5)
    found = transcript(reading, alphabet, seconds_per_frame=0.5)
    assert found == CTCTranscript(
        "hi  i",
        -1.0,
        (Timed("hi", 1.0, 2.5), Timed("i", 4.0, 5.0)),
        (
            Timed(" ", 0.0, 0.5),
            Timed("h", 1.0, 2.0),
            Timed("i", 2.0, 2.5),
            Timed(" ", 2.5, 3.0),
            Timed(" ", 3.5, 4.0),
            Timed("i", 4.0, 5.0),
        ),
    )


def test_silence_has_no_word() -> None:
    assert transcript(Reading((), (), -0.1), Alphabet((None, "A")), seconds_per_frame=1) == CTCTranscript(
        "", -0.1, (), ()
    )


@pytest.mark.parametrize("seconds", [0.0, -0.02, float("nan")])
def test_time_goes_on(seconds: float) -> None:
    with pytest.raises(InputError, match=r"seconds_per_frame=.*, expected the time between frames"):
        transcript(Reading((), (), 0.0), Alphabet(("A",)), seconds_per_frame=seconds)


def test_a_token_that_the_alphabet_lacks_is_refused() -> None:
    with pytest.raises(InputError, match="there is no token 2: the alphabet has 2"):
        transcript(Reading((2,), ((0, 1),), 0.0), Alphabet((None, "A")), seconds_per_frame=1)
    with pytest.raises(InputError, match="the alphabet has no token"):
        Alphabet(())


@pytest.mark.parametrize("options", [{}, {"add_adapter": True, "num_adapter_layers": 2, "adapter_stride": 3}])
def test_the_stride_counts_whatever_shortens_the_frames(options: dict[str, Any]) -> None:
    entry = default_catalog().encoder("wav2vec2")
    config = entry.load_config_class()(**{**entry.tiny, **options})
    with torch.device("meta"):
        encoder = entry.build(config)
    adapter = 3**2 if options else 1
    assert samples_per_frame(encoder) == config.inputs_to_logits_ratio * adapter
