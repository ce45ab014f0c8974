"""Which tokenizer a folder holds."""

from __future__ import annotations

import os
from pathlib import Path

from speechgraft.text.contract import TextTokenizer
from speechgraft.text.ctc import CTCTokenizer
from speechgraft.text.settings import read_settings
from speechgraft.text.tokenizer import Tokenizer


def load_tokenizer(dir_or_id: str | os.PathLike[str]) -> TextTokenizer:
    """The tokenizer of a folder or hub repository.

    `tokenizer.json`, `vocab.txt`, and `vocab.json` with `merges.txt` make a `Tokenizer`; a `vocab.json`
    alone, or beside a `tokenizer_config.json` that says so, is the vocabulary of a CTC model.

    Raises:
        CheckpointError: There is none of them, or one cannot be read.
    """
    from speechgraft.checkpoint.hub import SETTINGS_FILES, locate

    folder = Path(locate(dir_or_id, files=SETTINGS_FILES))
    return CTCTokenizer.from_pretrained(folder) if _is_ctc(folder) else Tokenizer.from_pretrained(folder)


def _is_ctc(folder: Path) -> bool:
    if read_settings(folder).get("tokenizer_class") == "Wav2Vec2CTCTokenizer":
        return True
    others = ("tokenizer.json", "vocab.txt", "merges.txt")
    return (folder / "vocab.json").exists() and not any((folder / name).exists() for name in others)
