"""Which tokenizer a folder holds."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from speechgraft.checkpoint.place import check_known, place_and_rest
from speechgraft.errors import CheckpointError
from speechgraft.json_files import read_json
from speechgraft.text.contract import TextTokenizer
from speechgraft.text.ctc import CTCTokenizer
from speechgraft.text.families import OPTIONS
from speechgraft.text.named import NAMED, BartTokenizer, BertTokenizer, GPT2Tokenizer
from speechgraft.text.settings import CONFIG_FILE, read_settings
from speechgraft.text.tokenizer import Tokenizer
from speechgraft.text.vocabularies import read_vocabulary

_CTC = "Wav2Vec2CTCTokenizer"

_OF_MODELS: Mapping[str, type[Tokenizer]] = {
    "bert": BertTokenizer,
    "gpt2": GPT2Tokenizer,
    "bart": BartTokenizer,
    "roberta": BartTokenizer,
}
"""By the `model_type` of what writes, where nothing says what its tokenizer is."""

SETTINGS = tuple(
    dict.fromkeys([*OPTIONS, "target_lang", *(name for each in _OF_MODELS.values() for name in each.FAMILY.own)])
)
"""Settings that may be given in place of those of a file."""


def load_tokenizer(dir_or_id: str | os.PathLike[str], **options: Any) -> TextTokenizer:
    """The tokenizer of a folder or hub repository.

    `tokenizer.json`, `vocab.txt`, and `vocab.json` with `merges.txt` make a `Tokenizer`; a `vocab.json`
    alone, or beside a `tokenizer_config.json` that says so, is the vocabulary of a CTC model.

    Args:
        dir_or_id: A folder, or the id of a repository on the hub.
        **options: `revision`, `subfolder`, `token`, `cache_dir`, `local_files_only`, for the hub; settings in place
            of those of `tokenizer_config.json`, such as `padding_side` or `pad_token`.

    Raises:
        CheckpointError: There is none of them, or one cannot be read; it is code of its own.
        ConfigError: `trust_remote_code=True`.
        RoutingError: An option is unknown.
    """
    folder, overrides = place_and_rest(dir_or_id, options)
    check_known(overrides, SETTINGS)
    settings = {**read_settings(folder), **overrides}
    return _class_of(folder, settings).read(folder, settings)


def _class_of(folder: Path, settings: Mapping[str, Any]) -> type[Tokenizer] | type[CTCTokenizer]:
    described = read_json(folder / "config.json") if (folder / "config.json").exists() else {}
    named = settings.get("tokenizer_class", described.get("tokenizer_class"))
    name = named.removesuffix("Fast") if isinstance(named, str) else ""
    if name == _CTC:
        return CTCTokenizer
    found = NAMED.get(name)
    if found is not None and found is not Tokenizer:
        return found
    if name and found is None:
        _refuse_own_code(folder, name, settings)
    if _holds_characters(folder):
        return CTCTokenizer
    return Tokenizer if name else _OF_MODELS.get(_writes(described)) or _of_files(folder)


def _refuse_own_code(folder: Path, name: str, settings: Mapping[str, Any]) -> None:
    """Refuse a class that only code in the folder can make; another may have all that counts in `tokenizer.json`."""
    if settings.get("auto_map"):
        raise CheckpointError(
            f"{folder / CONFIG_FILE}: its {name} is code of its own ($.auto_map), and no code of a checkpoint is ever "
            "run; a plugin that you install can bring it, see EncoderEntry and DecoderEntry"
        )
    if not (folder / "tokenizer.json").exists():
        known = ", ".join([*NAMED, _CTC])
        raise CheckpointError(
            f"{folder / CONFIG_FILE}: a {name} is none of {known}, and there is no tokenizer.json, which needs no class"
        )


def _holds_characters(folder: Path) -> bool:
    others = ("tokenizer.json", "vocab.txt", "merges.txt")
    return (folder / "vocab.json").exists() and not any((folder / name).exists() for name in others)


def _of_files(folder: Path) -> type[Tokenizer]:
    """The family whose files are there, where nothing else says it."""
    if (folder / "tokenizer.json").exists():
        return Tokenizer
    if (folder / "vocab.txt").exists():
        return BertTokenizer
    if not ((folder / "vocab.json").exists() and (folder / "merges.txt").exists()):
        return Tokenizer
    vocabulary = read_vocabulary(folder / "vocab.json")
    return GPT2Tokenizer if "<s>" not in vocabulary or "<|endoftext|>" in vocabulary else BartTokenizer


def _writes(described: Mapping[str, Any]) -> str:
    """The `model_type` of the model that writes: a pair's decoder, or the model itself."""
    decoder = described.get("decoder")
    kind = (decoder if isinstance(decoder, Mapping) else described).get("model_type")
    return kind if isinstance(kind, str) else ""
