"""Tokenizers of the families under their published names."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Final, final

from speechgraft.errors import InputError, did_you_mean
from speechgraft.text.backend import guarded
from speechgraft.text.families import BART, BERT, GPT2, Family
from speechgraft.text.settings import special_tokens
from speechgraft.text.tokenizer import Tokenizer, add_missing
from speechgraft.text.vocabularies import (
    byte_level,
    read_merges,
    read_vocabulary,
    read_wordpieces,
    roberta_style,
    wordpiece,
)

Vocabulary = Mapping[str, int] | str | os.PathLike[str]
"""Token to id, or the file that holds it."""

Merges = Sequence[tuple[str, str]] | str | os.PathLike[str]
"""Pairs of tokens in the order in which they are joined, or the file that holds them."""


@final
class BertTokenizer(Tokenizer):
    """BERT's wordpieces between `[CLS]` and `[SEP]` (Devlin et al. 2018, section 3).

    Args:
        vocab: Token to id, or a file of one token a line.
        **settings: `do_lower_case` (true), `tokenize_chinese_chars` (true), `strip_accents` (as `do_lower_case`),
            special tokens such as `unk_token`, and what else `from_pretrained` takes.

    Raises:
        InputError: A setting is unknown.
        CheckpointError: The file cannot be read.
    """

    FAMILY: ClassVar[Family] = BERT

    def __init__(self, vocab: Vocabulary, **settings: Any) -> None:
        vocabulary = vocab if isinstance(vocab, Mapping) else read_wordpieces(Path(vocab))
        roles = _roles(self.FAMILY, settings)
        with guarded("not a vocabulary of wordpieces", InputError):
            backend = wordpiece(vocabulary, settings)
            add_missing(backend, roles, settings)
        super().__init__(backend, roles, settings)


@final
class GPT2Tokenizer(Tokenizer):
    """GPT-2's byte pairs (Radford et al. 2019, section 2.2).

    Args:
        vocab: Token to id, or `vocab.json`.
        merges: Pairs of tokens, or `merges.txt`.
        **settings: `add_prefix_space` (false), `add_bos_token` (false), special tokens such as `pad_token`, and what
            else `from_pretrained` takes.

    Raises:
        InputError: A setting is unknown, or the pairs are not of the vocabulary.
        CheckpointError: A file cannot be read.
    """

    FAMILY: ClassVar[Family] = GPT2

    def __init__(self, vocab: Vocabulary, merges: Merges, **settings: Any) -> None:
        roles = _roles(self.FAMILY, settings)
        with guarded("not a vocabulary of byte pairs", InputError):
            backend = byte_level(_pieces(vocab), _pairs(merges), settings)
            add_missing(backend, roles, settings)
        super().__init__(backend, roles, settings)


@final
class BartTokenizer(Tokenizer):
    """GPT-2's byte pairs between `<s>` and `</s>` (Lewis et al. 2019, section 2; Liu et al. 2019).

    Args:
        vocab: Token to id, or `vocab.json`.
        merges: Pairs of tokens, or `merges.txt`.
        **settings: `add_prefix_space` (false), `trim_offsets` (true), special tokens such as `mask_token`, and what
            else `from_pretrained` takes.

    Raises:
        InputError: A setting is unknown, or the pairs are not of the vocabulary.
        CheckpointError: A file cannot be read.
    """

    FAMILY: ClassVar[Family] = BART

    def __init__(self, vocab: Vocabulary, merges: Merges, **settings: Any) -> None:
        roles = _roles(self.FAMILY, settings)
        with guarded("not a vocabulary of byte pairs", InputError):
            backend = roberta_style(_pieces(vocab), _pairs(merges), settings)
            add_missing(backend, roles, settings)
        super().__init__(backend, roles, settings)


NAMED: Final[Mapping[str, type[Tokenizer]]] = {
    "BertTokenizer": BertTokenizer,
    "GPT2Tokenizer": GPT2Tokenizer,
    "BartTokenizer": BartTokenizer,
    "RobertaTokenizer": BartTokenizer,
    "PreTrainedTokenizer": Tokenizer,
    "TokenizersBackend": Tokenizer,
}
"""By what `tokenizer_class` says, without `Fast` at its end."""


def _roles(family: Family, settings: Mapping[str, Any]) -> dict[str, str]:
    for name in settings:
        if name not in family.options:
            raise InputError(f"a {family.name} has no setting {name!r}{did_you_mean(name, family.options)}")
    return {**family.special_tokens, **special_tokens(settings, family.name)}


def _pieces(vocab: Vocabulary) -> Mapping[str, int]:
    return vocab if isinstance(vocab, Mapping) else read_vocabulary(Path(vocab))


def _pairs(merges: Merges) -> Sequence[tuple[str, str]]:
    return read_merges(Path(merges)) if isinstance(merges, str | os.PathLike) else merges
