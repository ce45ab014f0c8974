"""Tokenizers from the vocabulary files of older checkpoints."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from speechgraft.errors import CheckpointError, InputError
from speechgraft.json_files import VOCABULARY_SIZE, read_json, read_lines

if TYPE_CHECKING:
    from tokenizers import Tokenizer as Backend

_BERT_SPECIALS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
_NORMALIZER = ("do_lower_case", "tokenize_chinese_chars", "strip_accents")


def wordpiece(vocabulary: Mapping[str, int], settings: Mapping[str, Any]) -> Backend:
    """BERT's tokenizer (wordpieces: Devlin et al. 2018, section 3; Wu et al. 2016, section 4.1).

    `settings` may hold `do_lower_case` (true), `tokenize_chinese_chars` (true) and `strip_accents`
    (as `do_lower_case`), and special tokens.
    """
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers

    backend = Tokenizer(models.WordPiece(dict(vocabulary), unk_token=_role(settings, "unk")))
    backend.normalizer = _bert_normalizer({name: settings[name] for name in _NORMALIZER if name in settings})
    backend.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    backend.decoder = decoders.WordPiece(prefix="##")
    backend.add_special_tokens([token for token in _BERT_SPECIALS if token in vocabulary])
    surround(backend, _role(settings, "cls"), _role(settings, "sep"))
    return backend


def _bert_normalizer(settings: Mapping[str, Any]) -> Any:
    from tokenizers import normalizers

    return normalizers.BertNormalizer(
        handle_chinese_chars=bool(settings.get("tokenize_chinese_chars", True)),
        strip_accents=settings.get("strip_accents"),
        lowercase=bool(settings.get("do_lower_case", True)),
    )


def adjust_wordpiece(backend: Backend, settings: Mapping[str, Any]) -> None:
    """Put what the settings say of case, accents and Chinese characters into BERT's tokenizer."""
    normalizer = backend.normalizer
    if normalizer is None or type(normalizer).__name__ != "BertNormalizer":
        return
    held = json.loads(normalizer.__getstate__())
    before = {
        "do_lower_case": held["lowercase"],
        "tokenize_chinese_chars": held["handle_chinese_chars"],
        "strip_accents": held["strip_accents"],
    }
    asked = {name: settings[name] for name in _NORMALIZER if name in settings}
    if any(before[name] != value for name, value in asked.items()):
        backend.normalizer = _bert_normalizer({**before, **asked})


def byte_level(
    vocabulary: Mapping[str, int], merges: Sequence[tuple[str, str]], settings: Mapping[str, Any]
) -> Backend:
    """GPT-2's byte-level tokenizer (Radford et al. 2019, section 2.2).

    `settings` may hold `add_prefix_space` (false): whether a text begins as words behind a space do, and
    `add_bos_token` (false).
    """
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers

    backend = Tokenizer(models.BPE(vocab=dict(vocabulary), merges=list(merges)))
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=bool(settings.get("add_prefix_space", False)))
    backend.decoder = decoders.ByteLevel()
    if backend.token_to_id("<|endoftext|>") is not None:
        backend.add_special_tokens(["<|endoftext|>"])
    if settings.get("add_bos_token"):
        begin_with(backend, _role(settings, "bos", "<|endoftext|>"))
    else:
        stand_alone(backend)
    return backend


def roberta_style(
    vocabulary: Mapping[str, int], merges: Sequence[tuple[str, str]], settings: Mapping[str, Any]
) -> Backend:
    """BART's tokenizer: GPT-2's, with `<s>` before a text and `</s>` behind it.

    `settings` may hold `add_prefix_space` (false), `trim_offsets` (true) and special tokens.
    """
    from tokenizers import AddedToken
    from tokenizers.processors import RobertaProcessing

    backend = byte_level(vocabulary, merges, {**settings, "add_bos_token": False})
    mask = _role(settings, "mask", "<mask>")
    if backend.token_to_id(mask) is not None:
        backend.add_special_tokens([AddedToken(mask, lstrip=True, normalized=False, special=True)])
    first, last = _role(settings, "cls", "<s>"), _role(settings, "sep", "</s>")
    ids = {token: backend.token_to_id(token) for token in (first, last)}
    if None in ids.values():
        raise InputError(f"the vocabulary has no {first!r} or no {last!r}, which stand around each text")
    backend.post_processor = RobertaProcessing(
        (last, ids[last]),  # type: ignore[arg-type] # checked
        (first, ids[first]),  # type: ignore[arg-type]
        add_prefix_space=bool(settings.get("add_prefix_space", False)),
        trim_offsets=bool(settings.get("trim_offsets", True)),
    )
    return backend


def adjust_byte_level(backend: Backend, settings: Mapping[str, Any]) -> None:
    """Put what the settings say of the first space into a byte-level tokenizer."""
    from tokenizers import pre_tokenizers

    before = backend.pre_tokenizer
    if "add_prefix_space" not in settings or type(before).__name__ != "ByteLevel":
        return
    held = json.loads(before.__getstate__())
    if held["add_prefix_space"] != bool(settings["add_prefix_space"]):
        backend.pre_tokenizer = pre_tokenizers.ByteLevel(
            add_prefix_space=bool(settings["add_prefix_space"]), use_regex=held.get("use_regex", True)
        )


def surround(backend: Backend, first: str, last: str) -> None:
    """Make `encode` put these two tokens around each text, where the vocabulary has both."""
    from tokenizers.processors import TemplateProcessing

    ids = [(token, backend.token_to_id(token)) for token in (first, last)]
    if all(token_id is not None for _, token_id in ids):
        backend.post_processor = TemplateProcessing(
            single=[first, "$A", last], pair=[first, "$A", last, "$B:1", f"{last}:1"], special_tokens=ids
        )


def stand_alone(backend: Backend) -> None:
    """Make `encode` put nothing around texts, and tell the tokens of a second from those of a first."""
    from tokenizers.processors import TemplateProcessing

    backend.post_processor = TemplateProcessing(single=["$A"], pair=["$A", "$B:1"], special_tokens=[])


def begin_with(backend: Backend, first: str) -> None:
    """Make `encode` put a token before each text.

    Raises:
        InputError: The vocabulary has no such token.
    """
    from tokenizers.processors import TemplateProcessing

    number = backend.token_to_id(first)
    if number is None:
        raise InputError(f"the vocabulary has no {first!r}, with which each text begins")
    backend.post_processor = TemplateProcessing(
        single=[first, "$A"], pair=[first, "$A", f"{first}:1", "$B:1"], special_tokens=[(first, number)]
    )


def _role(settings: Mapping[str, Any], role: str, default: str | None = None) -> str:
    value = settings.get(f"{role}_token", default or f"[{role.upper()}]")
    return str(value["content"] if isinstance(value, Mapping) else value)


def read_wordpieces(path: Path) -> dict[str, int]:
    """A vocabulary of one token a line.

    Raises:
        CheckpointError: It cannot be read, or is empty.
    """
    lines = read_lines(path)
    if not lines:
        raise CheckpointError(f"{path}: the vocabulary is empty")
    return {line.removesuffix("\r"): number for number, line in enumerate(lines)}


def read_vocabulary(path: Path) -> dict[str, int]:
    """A vocabulary of tokens with their ids.

    Raises:
        CheckpointError: It cannot be read, is empty, or gives something that is no id.
    """
    found = read_json(path, VOCABULARY_SIZE)
    if not found:
        raise CheckpointError(f"{path}: the vocabulary is empty")
    for token, number in found.items():
        if isinstance(number, bool) or not isinstance(number, int) or not 0 <= number < 1 << 31:
            raise CheckpointError(f"{path}: the token {token!r} has the id {number!r}, expected an integer from 0 on")
    return found


def read_merges(path: Path) -> list[tuple[str, str]]:
    """Pairs of tokens, one a line, in the order in which they are joined; a line `#version` before them says nothing.

    Raises:
        CheckpointError: It cannot be read, or a line is no pair.
    """
    merges = []
    for number, line in enumerate(read_lines(path), start=1):
        if not line.strip() or (number == 1 and line.startswith("#version")):
            continue
        pair = line.removesuffix("\r").split(" ")
        if len(pair) != 2 or not all(pair):
            raise CheckpointError(f"{path}: line {number} is {line[:40]!r}, expected two tokens with a space between")
        merges.append((pair[0], pair[1]))
    return merges
