"""ARPA files: probabilities by hand, and a language model that changes what is heard."""

from __future__ import annotations

import gzip
import math
from pathlib import Path

import pytest
import torch

from speechgraft.ctc import ArpaModel, WordFusion, beam_search, load_language_model, transcript
from speechgraft.errors import CheckpointError
from speechgraft.text import CTCTokenizer

BIGRAMS = r"""
\data\
ngram 1=6
ngram 2=3

\1-grams:
-1.0	<unk>
-99	<s>	-0.5
-0.9	</s>
-0.7	CAT	-0.2
-0.3	THE	-0.4
-1.2	KAT

\2-grams:
-0.1	<s> THE
-0.25	THE CAT
-0.05	CAT </s>

\end\
"""


@pytest.fixture
def arpa(tmp_path: Path) -> Path:
    path = tmp_path / "words.arpa"
    path.write_text(BIGRAMS)
    return path


def log10(model: ArpaModel, *words: str) -> list[float]:
    """Base-10 logarithms of words and of the end behind them."""
    state, found = model.start(), []
    for word in words:
        score, state = model.score(state, word)
        found.append(score / math.log(10))
    return [*found, model.finish(state) / math.log(10)]


def test_probabilities_are_those_computed_by_hand(arpa: Path) -> None:
    model = ArpaModel.read(arpa)
    assert model.order == 2
    assert log10(model, "THE", "CAT") == pytest.approx([-0.1, -0.25, -0.05])
    # Not after "THE": the weight of "THE", then the word alone. "KAT" has no weight: 0.
    assert log10(model, "THE", "KAT") == pytest.approx([-0.1, -0.4 - 1.2, 0.0 - 0.9])
    # Unknown, and nothing follows an unknown word.
    assert log10(model, "DOG", "CAT") == pytest.approx([-0.5 - 1.0, -0.7, -0.05])
    assert log10(model) == pytest.approx([-0.5 - 0.9])


def test_histories_shrink_one_word_at_a_time(tmp_path: Path) -> None:
    path = tmp_path / "three.arpa"
    path.write_text(
        "\\data\\\nngram 1=3\nngram 2=2\nngram 3=1\n\n\\1-grams:\n-1 a -0.1\n-2 b -0.2\n-3 </s>\n\n"
        "\\2-grams:\n-0.5 a b -0.3\n-0.6 b a -0.4\n\n\\3-grams:\n-0.05 a b a\n\n\\end\\\n"
    )
    model = ArpaModel.read(path)
    # <s> is none of its words: no weight. a; a b; a b a; then (b a) b: weight of "b a", then "a b".
    assert log10(model, "a", "b", "a", "b") == pytest.approx([-1, -0.5, -0.05, -0.4 - 0.5, -0.3 - 0.2 - 3])
    # Without <unk>: as good as impossible.
    assert log10(model, "c") == pytest.approx([-100, -3])


def test_a_single_word_model_has_no_history(tmp_path: Path) -> None:
    path = tmp_path / "one.arpa"
    path.write_text("\\data\\\nngram 1=2\n\\1-grams:\n-1 a\n-0.5 </s>\n\\end\\\n")
    assert log10(ArpaModel.read(path), "a", "a") == pytest.approx([-1, -1, -0.5])


def test_a_packed_file_is_read_as_well(arpa: Path, tmp_path: Path) -> None:
    packed = tmp_path / "words.arpa.gz"
    packed.write_bytes(gzip.compress(arpa.read_bytes()))
    model = load_language_model(packed)
    assert isinstance(model, ArpaModel)
    assert model.log_probs == ArpaModel.read(arpa).log_probs


def test_the_language_model_changes_what_is_heard(arpa: Path) -> None:
    tokenizer = CTCTokenizer({token: number for number, token in enumerate(["<pad>", "|", *"ACEHKT"])})
    blank = tokenizer.token_to_id("<pad>")
    logits = torch.full((1, 7, tokenizer.vocab_size), -6.0)
    for frame, token in enumerate(tokenizer.encode("THE KAT")):
        logits[0, frame, token] = 4.0
    k, c = tokenizer.token_to_id("K"), tokenizer.token_to_id("C")
    logits[0, 4, c] = 3.5  # nearly as good
    alphabet = tokenizer.alphabet()

    [[alone]] = beam_search(logits, blank=blank, width=8)
    words = WordFusion(load_language_model(arpa), alphabet, alpha=0.8, beta=0.3)
    [[helped]] = beam_search(logits, blank=blank, width=8, words=words)
    heard = [transcript(each, alphabet, seconds_per_frame=0.02) for each in (alone, helped)]
    assert [each.text for each in heard] == ["THE KAT", "THE CAT"]
    assert [(word.text, round(word.start, 9), round(word.end, 9)) for word in heard[1].words] == [
        ("THE", 0.0, 0.06),
        ("CAT", 0.08, 0.14),
    ]
    assert alone.language == 0.0
    by_hand = 0.8 * math.log(10) * (-0.1 - 0.25 - 0.05) + 2 * 0.3
    assert helped.language == pytest.approx(by_hand, abs=1e-12)
    # The sounds are the same but for one frame, whose two letters are half a logit apart.
    assert alone.score - helped.score == pytest.approx(float(logits[0, 4, k] - logits[0, 4, c]), abs=1e-3)
    assert heard[1].score == helped.score + helped.language


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("\\data\\", "data", "line 2: 'data', expected \\\\data\\\\ \\(this is no ARPA file\\)"),
        ("ngram 1=6\n", "", "line 3: 'ngram 2=3', expected 'ngram 1=...'"),
        ("ngram 1=6\nngram 2=3\n", "", "expected 'ngram 1=...'"),
        ("ngram 2=3", "ngram 2=4", "line 19: 3 2-grams before it, but .* says 4"),
        ("\\2-grams:", "\\3-grams:", "line 14: .*, expected .*2-grams:"),
        ("-0.7\tCAT\t-0.2", "-0.7\tCAT\t-0.2\tX", "line 10: .*, expected a logarithm, 1 words and perhaps a weight"),
        ("-0.7\tCAT\t-0.2", "CAT", "line 10: 'CAT', expected a logarithm"),
        ("-0.7\tCAT\t-0.2", "-0,7\tCAT", "line 10: '-0,7' is no number"),
        ("-0.7\tCAT\t-0.2", "-0.7\tCAT\tnan", "line 10: 'nan' is no number"),
        ("-0.7\tCAT\t-0.2", "0.7\tCAT", "line 10: the logarithm of a probability is 0.7, expected 0 or less"),
        ("\\end\\", "", "line 19: the file ends before"),
        ("\\end\\", "\\end", "expected .*end"),
    ],
)
def test_a_broken_file_is_refused_by_line(old: str, new: str, message: str, arpa: Path) -> None:
    assert old in BIGRAMS
    arpa.write_text(BIGRAMS.replace(old, new))
    with pytest.raises(CheckpointError, match=message) as caught:
        load_language_model(arpa)
    assert str(arpa) in str(caught.value)


def test_what_cannot_be_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"none\.arpa: the language model cannot be read: No such file"):
        load_language_model(tmp_path / "none.arpa")
    with pytest.raises(CheckpointError, match="the language model cannot be read"):
        load_language_model(tmp_path)
    with pytest.raises(CheckpointError, match="the language model cannot be read"):
        ArpaModel.read(tmp_path / "none.arpa")
    (tmp_path / "latin.arpa").write_bytes(BIGRAMS.encode().replace(b"KAT", b"K\xc4T"))
    with pytest.raises(CheckpointError, match=r"latin\.arpa: the language model cannot be read: .*utf-8"):
        load_language_model(tmp_path / "latin.arpa")
    (tmp_path / "empty.arpa").write_text("")
    with pytest.raises(CheckpointError, match=r"empty\.arpa: the file is empty, expected an ARPA file"):
        load_language_model(tmp_path / "empty.arpa")
    (tmp_path / "blank.arpa").write_text("\n\n\n")
    with pytest.raises(CheckpointError, match=r"blank\.arpa, line 3: the file ends before"):
        load_language_model(tmp_path / "blank.arpa")
    (tmp_path / "cut.gz").write_bytes(gzip.compress(BIGRAMS.encode())[:60])
    with pytest.raises(CheckpointError, match=r"cut\.gz"):
        load_language_model(tmp_path / "cut.gz")
