"""A tokenizer for texts that no pretrained vocabulary fits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING, Literal

from speechgraft.errors import InputError
from speechgraft.text.tokenizer import Tokenizer
from speechgraft.text.vocabularies import surround

if TYPE_CHECKING:
    from tokenizers import Tokenizer as Backend

SPECIAL_TOKENS = {"pad": "[PAD]", "unk": "[UNK]", "bos": "[BOS]", "eos": "[EOS]"}
"""The first four tokens of each vocabulary that is built here, with their roles."""

# The mark that SentencePiece puts for a space (Kudo and Richardson 2018, section 3.1).
_SPACE = "\u2581"

# What marks a piece that does not begin a word (Devlin et al. 2018, section 3).
_INSIDE = "##"

_DEFAULT_PIECES = 1_000


def build_tokenizer(
    texts: Iterable[str], kind: Literal["word", "char", "wordpiece"] = "word", *, vocab_size: int | None = None
) -> Tokenizer:
    """Make a vocabulary from texts.

    `[PAD]` is 0, then come `[UNK]`, `[BOS]`, `[EOS]`, then what the texts hold: words and characters by
    falling frequency. The same texts always give the same vocabulary. White space of any length and kind
    separates words; decoding puts one space between them.

    Args:
        texts: What is to be written with the vocabulary.
        kind: `"word"` whole words, `"char"` single characters, `"wordpiece"` subwords.
        vocab_size: The largest vocabulary, special tokens included; `None` takes every word or character
            there is, and 1,000 wordpieces.

    Raises:
        InputError: The texts have no word, the kind is unknown, or the vocabulary has no room.
    """
    if vocab_size is not None and vocab_size <= len(SPECIAL_TOKENS):
        raise InputError(f"vocab_size={vocab_size}, expected more than the {len(SPECIAL_TOKENS)} special tokens")
    lines = [" ".join(text.split()) for text in texts]
    if not any(lines):
        raise InputError("a vocabulary cannot be made from texts without a single word")
    if kind == "word":
        backend = _words(lines, vocab_size)
    elif kind == "char":
        backend = _characters(lines, vocab_size)
    elif kind == "wordpiece":
        backend = _pieces(lines, vocab_size or _DEFAULT_PIECES)
    else:
        raise InputError(f"tokenizer kind {kind!r}, expected 'word', 'char' or 'wordpiece'")
    backend.add_special_tokens(list(SPECIAL_TOKENS.values()))
    surround(backend, SPECIAL_TOKENS["bos"], SPECIAL_TOKENS["eos"])
    return Tokenizer(backend, SPECIAL_TOKENS)


def _words(lines: list[str], vocab_size: int | None) -> Backend:
    from tokenizers import Tokenizer, models, pre_tokenizers

    counts = Counter(word for line in lines for word in line.split())
    backend = Tokenizer(models.WordLevel(_ranked(counts, vocab_size), unk_token=SPECIAL_TOKENS["unk"]))
    backend.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return backend


def _characters(lines: list[str], vocab_size: int | None) -> Backend:
    from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers

    counts = Counter(character for line in lines for character in line.replace(" ", _SPACE))
    backend = Tokenizer(models.WordLevel(_ranked(counts, vocab_size), unk_token=SPECIAL_TOKENS["unk"]))
    backend.normalizer = normalizers.Sequence(
        [normalizers.Strip(), normalizers.Replace(Regex(r"\s+"), _SPACE)],
    )
    backend.pre_tokenizer = pre_tokenizers.Split(Regex(r"[\s\S]"), "isolated")
    backend.decoder = decoders.Sequence([decoders.Replace(_SPACE, " "), decoders.Fuse()])
    return backend


def _pieces(lines: list[str], vocab_size: int) -> Backend:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers

    backend = Tokenizer(models.WordPiece(_trained_pieces(lines, vocab_size), unk_token=SPECIAL_TOKENS["unk"]))
    backend.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    backend.decoder = decoders.WordPiece(prefix=_INSIDE, cleanup=False)
    return backend


def _trained_pieces(lines: list[str], vocab_size: int) -> dict[str, int]:
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers

    # The trainer numbers characters inside words in the random order of a hash table, and breaks ties by
    # these numbers. Tokens that it is given beforehand keep their order.
    inside = sorted({_INSIDE + character for line in lines for word in line.split() for character in word[1:]})
    first = [*SPECIAL_TOKENS.values(), *inside]
    learner = Tokenizer(models.WordPiece(unk_token=SPECIAL_TOKENS["unk"]))
    learner.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    trainer = trainers.WordPieceTrainer(vocab_size=vocab_size, special_tokens=first, show_progress=False)
    learner.train_from_iterator(lines, trainer)
    ranked = sorted(learner.get_vocab(with_added_tokens=True).items(), key=lambda item: item[1])
    return {token: number for number, (token, _) in enumerate(ranked[:vocab_size])}


def _ranked(counts: Counter[str], vocab_size: int | None) -> dict[str, int]:
    special = list(SPECIAL_TOKENS.values())
    ranked = sorted(counts.keys() - set(special), key=lambda token: (-counts[token], token))
    room = None if vocab_size is None else vocab_size - len(special)
    return {token: number for number, token in enumerate([*special, *ranked[:room]])}
