"""KenLM: what its library says is what the ARPA reader says; without the library the error says what to install."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from speechgraft.ctc import ArpaModel, KenLM, LanguageModel, load_language_model
from speechgraft.errors import CheckpointError, InputError

ARPA = (
    "\\data\\\nngram 1=5\nngram 2=2\n\n"
    "\\1-grams:\n-1.0\t<unk>\n-99\t<s>\t-0.5\n-0.9\t</s>\n-0.7\tCAT\t-0.2\n-0.3\tTHE\t-0.4\n\n"
    "\\2-grams:\n-0.1\t<s> THE\n-0.25\tTHE CAT\n\n\\end\\\n"
)
TEXTS = ["", "THE CAT", "CAT THE", "THE DOG CAT", "THE THE THE"]
BINARY = b"mmap lm http://kheafield.com/code format version 5\n\0"


@pytest.fixture
def arpa(tmp_path: Path) -> Path:
    path = tmp_path / "words.arpa"
    path.write_text(ARPA)
    return path


def scored(model: LanguageModel, text: str) -> list[float]:
    state, found = model.start(), []
    for word in text.split():
        score, state = model.score(state, word)
        found.append(score)
    return [*found, model.finish(state)]


class State:
    """A state as the library has them: empty, to be written."""

    words: Any = None


class Model:
    """The library's model as far as it is called: logarithms to the base 10, states that are written in place."""

    def __init__(self, path: str) -> None:
        self.arpa = ArpaModel.read(path)

    def BeginSentenceWrite(self, state: State) -> None:  # noqa: N802 - the library's name
        state.words = self.arpa.start()

    def BaseScore(self, state: State, word: str, behind: State) -> float:  # noqa: N802 - the library's name
        history = state.words
        behind.words = self.arpa.score(history, word)[1]
        return self.arpa._log_prob(history, word if (word,) in self.arpa.log_probs else "<unk>")


@pytest.mark.parametrize("text", TEXTS)
def test_its_scores_are_natural_logarithms(text: str, arpa: Path) -> None:
    model = KenLM(Model(str(arpa)), SimpleNamespace(State=State))
    assert scored(model, text) == pytest.approx(scored(ArpaModel.read(arpa), text), abs=1e-12)


def test_the_library_gives_what_the_arpa_reader_gives(arpa: Path) -> None:
    pytest.importorskip("kenlm", reason="the extra `lm` is not installed")
    theirs, ours = KenLM.read(arpa), ArpaModel.read(arpa)
    for text in TEXTS:
        assert scored(theirs, text) == pytest.approx(scored(ours, text), abs=1e-5)


def test_a_binary_that_the_library_cannot_read_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(path: str) -> None:
        raise RuntimeError(f"{path} is\ntoo short")

    monkeypatch.setitem(sys.modules, "kenlm", SimpleNamespace(State=State, Model=fail))
    (tmp_path / "words.bin").write_bytes(BINARY)
    with pytest.raises(CheckpointError, match=r"words\.bin: kenlm cannot read the language model: .* is too short"):
        load_language_model(tmp_path / "words.bin")


def test_a_binary_without_the_library_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "kenlm", None)
    (tmp_path / "words.bin").write_bytes(BINARY)
    with pytest.raises(InputError, match=r'needs kenlm: pip install "speechgraft\[lm\]"; ARPA files are read without'):
        load_language_model(tmp_path / "words.bin")
