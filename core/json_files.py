"""Small JSON objects on disk: settings of extractors and tokenizers."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from speechgraft.errors import CheckpointError

# A vocabulary of a million words takes about 40 MB; what is larger is no settings file.
_LARGEST = 256 * 2**20


def read_json(path: Path) -> dict[str, Any]:
    """The JSON object that a file holds.

    Raises:
        CheckpointError: The file is missing, too large, not UTF-8, not JSON, or not an object.
    """
    try:
        if path.stat().st_size > _LARGEST:
            raise CheckpointError(f"{path}: larger than {_LARGEST // 2**20} MB, expected a small JSON file")
        data = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise CheckpointError(f"{path}: there is no such file") from None
    except CheckpointError:
        raise
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be read ({error.strerror or error})") from None
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"{path}: not JSON ({error})") from None
    if not isinstance(data, dict):
        raise CheckpointError(f"{path}: a JSON {type(data).__name__}, expected an object")
    return data


def open_to_all(path: Path, mode: int = 0o666) -> None:
    """Give what was made under narrow rights those that the process's umask leaves to new files."""
    umask = os.umask(0)
    os.umask(umask)
    path.chmod(mode & ~umask)


def write_text(path: Path, text: str) -> None:
    """Write a file whole or not at all: a reader never sees half of it."""
    scratch = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        scratch.write_text(text, encoding="utf-8")
        scratch.replace(path)
    except OSError as error:
        scratch.unlink(missing_ok=True)
        raise CheckpointError(f"{path}: cannot be written ({error.strerror or error})") from None


def write_json(path: Path, data: dict[str, Any]) -> None:
    """Write an object as indented JSON with sorted keys, whole or not at all."""
    write_text(path, json.dumps(data, indent=2, sort_keys=True, ensure_ascii=False) + "\n")
