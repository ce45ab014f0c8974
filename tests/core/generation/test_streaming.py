"""What is told is never taken back and adds up to the text; a reader sees errors and can leave at any moment."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer as Backend
from tokenizers import decoders, models, pre_tokenizers, trainers

from speechgraft.errors import InputError
from speechgraft.generation.streaming import Outlet, TextDeltas, in_background
from speechgraft.text import CTCTokenizer, TextTokenizer, Tokenizer, build_tokenizer

SENTENCES = ["the cat plays the playing", "über naïve café 😀 plays", "a an ant, don't \u3000 x"]


def byte_pairs() -> Tokenizer:
    backend = Backend(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=290, initial_alphabet=alphabet, show_progress=False)
    backend.train_from_iterator(SENTENCES, trainer)
    return Tokenizer(backend)


def byte_fallback() -> Tokenizer:
    """Pieces with a mark for spaces, and bytes for the rest, as SentencePiece's vocabularies have them."""
    tokens = ["<unk>", "▁a", "b", "▁", *(f"<0x{byte:02X}>" for byte in range(256))]
    backend = Backend(models.BPE({each: n for n, each in enumerate(tokens)}, [], unk_token="<unk>", byte_fallback=True))
    backend.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    return Tokenizer(backend, {})


TOKENIZERS: dict[str, Callable[[], TextTokenizer]] = {
    "byte pairs": byte_pairs,
    "byte fallback": byte_fallback,
    "characters": lambda: build_tokenizer(SENTENCES, "char"),
    "wordpieces": lambda: build_tokenizer(SENTENCES, "wordpiece", vocab_size=60),
    "words": lambda: build_tokenizer(SENTENCES, "word"),
    "CTC": lambda: CTCTokenizer({each: n for n, each in enumerate(["<pad>", "|", "<unk>", *"abc"])}),
}


@pytest.fixture(scope="module", params=TOKENIZERS)
def tokenizer(request: pytest.FixtureRequest) -> TextTokenizer:
    return TOKENIZERS[request.param]()


@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_what_is_told_adds_up_to_the_text_of_each_row(data: st.DataObject, tokenizer: TextTokenizer) -> None:
    ids = st.lists(st.integers(0, tokenizer.vocab_size - 1), max_size=14)
    known = ["a cab", "a b c"] if isinstance(tokenizer, CTCTokenizer) else SENTENCES
    texts = st.sampled_from(known).map(lambda text: tokenizer.encode(text, add_special_tokens=False))
    rows = data.draw(st.lists(ids | texts, min_size=1, max_size=3))
    told = [""] * len(rows)

    def say(row: int, text: str) -> None:
        assert text
        told[row] += text

    deltas = TextDeltas(tokenizer, say)
    for row, tokens in enumerate(rows):
        for count in sorted(data.draw(st.sets(st.integers(1, len(tokens) + 1)))):
            deltas(row, torch.tensor([0, *tokens][:count]))
    for row, tokens in enumerate(rows):
        deltas.finish(row, torch.tensor([0, *tokens]))
    assert told == [tokenizer.text(tokens) for tokens in rows]


def shown(tokenizer: TextTokenizer, tokens: list[int]) -> list[str]:
    """What is told at each token, and at the end."""
    told: list[str] = [""]
    deltas = TextDeltas(tokenizer, lambda _, text: told.__setitem__(-1, text), prompt=0)
    for count in range(1, len(tokens) + 1):
        deltas(0, torch.tensor(tokens[:count]))
        told.append("")
    deltas.finish(0, torch.tensor(tokens))
    return told


def test_half_a_character_is_held_back() -> None:
    tokenizer = byte_pairs()
    tokens = [tokenizer.token_to_id(each) for each in ("a", "Ġ", "Ã", "©", "b")]
    assert shown(tokenizer, tokens) == ["a", "", "", " é", "b", ""]  # type: ignore[arg-type]


def test_wordpieces_are_held_back_until_the_next_word_begins() -> None:
    tokenizer = build_tokenizer(["play playing a"], "wordpiece")
    tokens = [*tokenizer.encode("a", False), *tokenizer.encode("playing", False), *tokenizer.encode("a", False)]
    told = shown(tokenizer, tokens)
    assert [each for each in told if each] == ["a", " playing", " a"]


def test_whole_words_are_told_at_once() -> None:
    tokenizer = build_tokenizer(["one two"])
    assert shown(tokenizer, tokenizer.encode("two one two", False)) == ["two", " one", " two", ""]


def test_the_end_is_no_text_nor_what_fills_up() -> None:
    tokenizer = build_tokenizer(["one two"])
    told: list[tuple[int, str]] = []
    one, end = tokenizer.encode("one")[1:]
    deltas = TextDeltas(tokenizer, lambda row, text: told.append((row, text)), ends=[end])
    for count in range(2, 5):
        deltas(7, torch.tensor([2, one, end, 0][:count]))
    deltas.finish(7, torch.tensor([2, one, end, one]))
    assert told == [(7, "one")]


def test_a_tokenizer_that_takes_back_what_it_settled_is_named() -> None:
    class Fickle(CTCTokenizer):  # type: ignore[misc]
        def settled(self, ids: object) -> str:
            return "b"

    deltas = TextDeltas(Fickle({"<pad>": 0, "|": 1, "a": 2}), lambda row, text: None)
    deltas(0, torch.tensor([0, 2]))
    with pytest.raises(InputError, match=r"Fickle.settled gave 'b' for row 0, but its tokens are written 'a'"):
        deltas.finish(0, torch.tensor([0, 2]))


def threads() -> int:
    return sum(thread.name == "speechgraft-stream" for thread in threading.enumerate())


def test_items_come_as_they_are_put() -> None:
    go = threading.Event()

    def work(outlet: Outlet[int]) -> None:
        outlet.put(1)
        assert go.wait(10)
        outlet.put(2)

    items = in_background(work)
    assert next(items) == 1
    go.set()
    assert list(items) == [2] and threads() == 0


def test_an_error_reaches_the_reader_behind_what_came_before() -> None:
    def work(outlet: Outlet[int]) -> None:
        outlet.put(1)
        raise InputError("broken")

    items = in_background(work)
    assert next(items) == 1
    with pytest.raises(InputError, match="broken"):
        next(items)
    assert threads() == 0


@pytest.mark.parametrize("ask", ["put", "check", "rule"])
def test_a_reader_that_leaves_ends_the_work(ask: str) -> None:
    steps = 0

    def work(outlet: Outlet[int]) -> None:
        nonlocal steps
        outlet.put(0)
        scores = torch.zeros(1, 2)
        for _ in range(10_000):
            time.sleep(0.001)
            steps += 1
            if ask == "put":
                outlet.put(1)
            elif ask == "check":
                outlet.check()
            else:
                assert outlet.rule(torch.zeros(1, 1), scores) is scores

    items = in_background(work)
    next(items)
    items.close()  # type: ignore[attr-defined]
    assert threads() == 0 and steps < 5_000


def test_nothing_runs_before_the_first_item_is_asked_for() -> None:
    begun: list[int] = []
    items = in_background(lambda outlet: begun.append(1))
    time.sleep(0.01)
    assert not begun and list(items) == [] and begun
