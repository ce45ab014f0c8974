"""Which tokenizer a folder holds."""

from __future__ import annotations

import os
from pathlib import Path

from speechgraft.text.contract import TextTokenizer
from speechgraft.text.ctc import CTCTokenizer
from speechgraft.text.tokenizer import Tokenizer


def load_tokenizer(dir_or_id: str | os.PathLike[str]) -> TextTokenizer:
    """The tokenizer of a folder or hub repository.

    `tokenizer.json`, `vocab.txt`, and `vocab.json` with `merges.txt` make a `Tokenizer`; a `vocab.json`
    alone is the vocabulary of a CTC model.

    Raises:
        CheckpointError: There is none of them, or one cannot be read.
    """
    from speechgraft.checkpoint.hub import locate

    folder = Path(locate(dir_or_id))
    others = ("tokenizer.json", "vocab.txt", "merges.txt")
    if (folder / "vocab.json").exists() and not any((folder / name).exists() for name in others):
        return CTCTokenizer.from_pretrained(folder)
    return Tokenizer.from_pretrained(folder)
