"""What tokenizers of published families are made of where their files do not say."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import attrs

from speechgraft.text.roles import ROLES
from speechgraft.text.settings import CALL_SETTINGS, EXTRA_KEYS
from speechgraft.text.vocabularies import (
    adjust_byte_level,
    adjust_wordpiece,
    byte_level,
    read_merges,
    read_vocabulary,
    read_wordpieces,
    roberta_style,
    wordpiece,
)

if TYPE_CHECKING:
    from tokenizers import Tokenizer as Backend

Reader = Callable[[Path], "Backend"]

OPTIONS: Final = (
    *(f"{role}_token" for role in ROLES),
    *EXTRA_KEYS,
    *CALL_SETTINGS,
    "clean_up_tokenization_spaces",
)
"""Settings of `tokenizer_config.json` that may be given in place of a file's, of every family."""

_WORDPIECES = ("vocab.txt",)
_BYTE_PAIRS = ("vocab.json", "merges.txt")


def _leave(backend: Backend, settings: Mapping[str, Any]) -> None:
    """Change nothing."""


@attrs.frozen
class Family:
    """A published kind of tokenizer."""

    name: str
    """What `tokenizer_class` says of it."""

    special_tokens: Mapping[str, str]
    """The token of each role."""

    model_input_names: tuple[str, ...]
    """What its models take."""

    own: tuple[str, ...] = ()
    """Settings that it has besides `OPTIONS`."""

    vocabularies: tuple[tuple[tuple[str, ...], Callable[[Path, Mapping[str, Any]], Backend]], ...] = ()
    """Files of older versions, and what makes a tokenizer of them."""

    adjust: Callable[[Backend, Mapping[str, Any]], None] = _leave
    """What puts its own settings into a tokenizer that `tokenizer.json` holds."""

    @property
    def options(self) -> tuple[str, ...]:
        """Every setting that may be given in place of a file's."""
        return (*OPTIONS, *self.own)

    def readers(self, settings: Mapping[str, Any]) -> Iterable[tuple[tuple[str, ...], Reader]]:
        """The files that are read where there is no `tokenizer.json`, and how."""
        for files, make in self.vocabularies:
            yield files, lambda folder, make=make: make(folder, settings)  # type: ignore[misc]


def _wordpiece(folder: Path, settings: Mapping[str, Any]) -> Backend:
    return wordpiece(read_wordpieces(folder / _WORDPIECES[0]), settings)


def _byte_level(folder: Path, settings: Mapping[str, Any]) -> Backend:
    return byte_level(*_byte_pairs(folder), settings)


def _roberta(folder: Path, settings: Mapping[str, Any]) -> Backend:
    return roberta_style(*_byte_pairs(folder), settings)


def _byte_pairs(folder: Path) -> tuple[dict[str, int], list[tuple[str, str]]]:
    vocabulary = read_vocabulary(folder / _BYTE_PAIRS[0])
    return vocabulary, read_merges(folder / _BYTE_PAIRS[1])


_BOTH = ("input_ids", "token_type_ids", "attention_mask")
_ONE = ("input_ids", "attention_mask")

BERT: Final = Family(
    "BertTokenizer",
    {"unk": "[UNK]", "sep": "[SEP]", "pad": "[PAD]", "cls": "[CLS]", "mask": "[MASK]"},
    _BOTH,
    ("do_lower_case", "tokenize_chinese_chars", "strip_accents"),
    ((_WORDPIECES, _wordpiece),),
    adjust_wordpiece,
)
"""Wordpieces (Devlin et al. 2018, section 3)."""

GPT2: Final = Family(
    "GPT2Tokenizer",
    {"unk": "<|endoftext|>", "bos": "<|endoftext|>", "eos": "<|endoftext|>"},
    _ONE,
    ("add_prefix_space", "add_bos_token"),
    ((_BYTE_PAIRS, _byte_level),),
    adjust_byte_level,
)
"""Byte pairs (Radford et al. 2019, section 2.2)."""

BART: Final = Family(
    "BartTokenizer",
    {
        "bos": "<s>",
        "eos": "</s>",
        "unk": "<unk>",
        "sep": "</s>",
        "pad": "<pad>",
        "cls": "<s>",
        "mask": "<mask>",
    },
    _ONE,
    ("add_prefix_space", "trim_offsets"),
    ((_BYTE_PAIRS, _roberta),),
    adjust_byte_level,
)
"""GPT-2's byte pairs between `<s>` and `</s>` (Lewis et al. 2019; Liu et al. 2019)."""

GENERIC: Final = Family(
    "PreTrainedTokenizerFast", {}, _BOTH, (), ((_WORDPIECES, _wordpiece), (_BYTE_PAIRS, _byte_level))
)
"""What `tokenizer.json` says, and nothing besides."""
