"""Small files on disk: settings of extractors and tokenizers as JSON objects, vocabularies."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

from speechgraft.errors import CheckpointError

VOCABULARY_SIZE = 256 * 2**20
"""Bytes of a vocabulary at most; one of a million words takes about 40 MB."""

SETTINGS_SIZE = 4 * 2**20
"""Bytes of all other files at most: the names of 20,000 labels, or the places of as many tensors, take 2 MB."""

# Values take up to 30 times the bytes that they are written with.
_MOST_VALUES = 2**19

# What is kept of settings is copied, by as many calls as it is deep.
_DEEPEST = 100

# Half of a character that takes two, written as JSON does; both halves together are one.
_HALF_CHARACTER = re.compile(r"\\u[dD][89a-fA-F]")


def read_json(path: Path, largest: int = SETTINGS_SIZE) -> dict[str, Any]:
    """The JSON object that a file holds.

    Args:
        path: The file.
        largest: Bytes that it may take; `VOCABULARY_SIZE` for vocabularies.

    Raises:
        CheckpointError: The file is missing, too large, a link out of its folder, no plain file, not UTF-8, not JSON,
            nested too deep, or not an object.
    """
    contents = _contents(path, largest)
    if largest <= SETTINGS_SIZE and sum(map(contents.count, (b",", b":", b"[", b"{"))) > _MOST_VALUES:
        raise CheckpointError(f"{path}: more than {_MOST_VALUES} values, expected settings")
    try:
        text = contents.decode("utf-8")
        data = json.loads(text)
        if _HALF_CHARACTER.search(text):  # halves that have no other can be written to no file
            json.dumps(data, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"{path}: not JSON ({error})") from None
    if not isinstance(data, dict):
        raise CheckpointError(f"{path}: a JSON {type(data).__name__}, expected an object")
    if largest <= SETTINGS_SIZE and _deeper_than(data, _DEEPEST):
        raise CheckpointError(f"{path}: values nested more than {_DEEPEST} deep, expected settings")
    return data


def _deeper_than(data: dict[str, Any], limit: int) -> bool:
    """Whether objects and lists lie in each other more than so many times."""
    level: list[Any] = [data]
    for _ in range(limit):
        inside = (value for each in level for value in (each.values() if isinstance(each, dict) else each))
        level = [value for value in inside if isinstance(value, dict | list)]
    return bool(level)


def read_text(path: Path) -> str:
    """The text that a small file holds, line ends as they are.

    Raises:
        CheckpointError: The file is missing, too large, a link out of its folder, no plain file, or not UTF-8.
    """
    try:
        return _contents(path, VOCABULARY_SIZE).decode("utf-8")
    except ValueError as error:
        raise CheckpointError(f"{path}: not text in UTF-8 ({error})") from None


def _contents(path: Path, largest: int) -> bytes:
    try:
        refuse_link_out(path)
        refuse_odd(path)
        if path.stat().st_size > largest:
            raise CheckpointError(f"{path}: larger than {largest // 2**20} MB, expected a small file")
        return path.read_bytes()
    except FileNotFoundError:
        raise CheckpointError(f"{path}: there is no such file") from None
    except CheckpointError:
        raise
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be read ({error.strerror or error})") from None


def read_lines(path: Path) -> list[str]:
    """The lines of a small file, without white space at their ends.

    Raises:
        CheckpointError: See `read_text`.
    """
    lines = [line.rstrip() for line in read_text(path).split("\n")]
    return lines[:-1] if lines[-1] == "" else lines


def refuse_link_out(path: Path) -> None:
    """Refuse a file that is a link to what lies outside its folder: a checkpoint brings all that it is made of.

    Downloads of `huggingface_hub` are links too: from `snapshots` to `blobs` of the same repository.

    Raises:
        CheckpointError: It is one.
    """
    if not path.is_symlink():
        return
    try:
        target, folder = path.resolve(), path.parent.resolve()
    except (OSError, RuntimeError):  # which of the two depends on Python's version
        raise CheckpointError(f"{path}: a link that leads back to itself") from None
    stores = [above.parent / "blobs" for above in folder.parents if above.name == "snapshots"]
    if not any(target.is_relative_to(place) for place in (folder, *stores)):
        raise CheckpointError(f"{path}: a link out of its folder, to {target}, which is not followed")


def refuse_odd(path: Path) -> None:
    """Refuse pipes and devices, whose end may never come: opening a pipe waits for who writes.

    Raises:
        CheckpointError: There is one.
    """
    if path.exists() and not path.is_file() and not path.is_dir():
        raise CheckpointError(f"{path}: a pipe, a socket or a device, expected a file")


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
