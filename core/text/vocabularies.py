"""Tokenizers from the vocabulary files of older checkpoints."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from speechgraft.errors import CheckpointError

if TYPE_CHECKING:
    from tokenizers import Tokenizer as Backend

_BERT_SPECIALS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")


def read_wordpiece(path: Path, settings: Mapping[str, Any]) -> Backend:
    """BERT's tokenizer from `vocab.txt`, one token a line.

    `settings` may hold `do_lower_case` (true), `tokenize_chinese_chars` (true) and `strip_accents`
    (as `do_lower_case`). Wordpieces: Devlin et al. 2018, section 3; Wu et al. 2016, section 4.1.
    """
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers

    vocabulary = _read_lines(path)
    backend = Tokenizer(models.WordPiece(vocabulary, unk_token=_role(settings, "unk")))
    backend.normalizer = normalizers.BertNormalizer(
        handle_chinese_chars=bool(settings.get("tokenize_chinese_chars", True)),
        strip_accents=settings.get("strip_accents"),
        lowercase=bool(settings.get("do_lower_case", True)),
    )
    backend.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    backend.decoder = decoders.WordPiece(prefix="##")
    backend.add_special_tokens([token for token in _BERT_SPECIALS if token in vocabulary])
    surround(backend, _role(settings, "cls"), _role(settings, "sep"))
    return backend


def read_bpe(vocabulary: Path, merges: Path) -> Backend:
    """GPT-2's byte-level tokenizer from `vocab.json` and `merges.txt` (Radford et al. 2019, section 2.2)."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers

    try:
        backend = Tokenizer(models.BPE.from_file(str(vocabulary), str(merges)))
    except Exception as error:  # noqa: BLE001 - the library raises nothing narrower
        raise CheckpointError(f"{vocabulary}: not a byte-level vocabulary with {merges.name} ({error})") from None
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    if backend.token_to_id("<|endoftext|>") is not None:
        backend.add_special_tokens(["<|endoftext|>"])
    return backend


def surround(backend: Backend, first: str, last: str) -> None:
    """Make `encode` put these two tokens around each text, where the vocabulary has both."""
    from tokenizers.processors import TemplateProcessing

    ids = [(token, backend.token_to_id(token)) for token in (first, last)]
    if all(token_id is not None for _, token_id in ids):
        backend.post_processor = TemplateProcessing(
            single=[first, "$A", last], pair=[first, "$A", last, "$B:1", f"{last}:1"], special_tokens=ids
        )


def _role(settings: Mapping[str, Any], role: str) -> str:
    value = settings.get(f"{role}_token", f"[{role.upper()}]")
    return str(value["content"] if isinstance(value, Mapping) else value)


def _read_lines(path: Path) -> dict[str, int]:
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{path}: cannot be read ({error})") from None
    if lines[-1] == "":
        lines.pop()
    if not lines:
        raise CheckpointError(f"{path}: the vocabulary is empty")
    return {line.removesuffix("\r"): number for number, line in enumerate(lines)}
