"""Manifests: one utterance a line, as JSON objects or CSV rows with the columns `audio` and `text`."""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import attrs

from speechgraft.errors import InputError, did_you_mean

REQUIRED = ("audio", "text")


@attrs.frozen
class Row:
    """One utterance of a manifest."""

    audio: Path
    """The recording; a relative path begins at the manifest's folder."""

    text: str
    """The words that are said, separated by single spaces."""

    columns: Mapping[str, Any] = attrs.field(factory=dict)
    """The manifest's other columns, such as `speaker`, as they stand there."""

    place: str = ""
    """`file:line`, for messages."""


def read_manifest(path: str | os.PathLike[str]) -> tuple[Row, ...]:
    """Read a manifest: `.csv` (or `.tsv`) with a header line, anything else as JSON lines.

    Whether the recordings are there is not looked at.

    Raises:
        InputError: The file is missing, holds no utterance, or a line is not as it should be; the
            message names file and line.
    """
    path = Path(path)
    rows = tuple(_csv_rows(path) if path.suffix in (".csv", ".tsv") else _json_rows(path))
    if not rows:
        raise InputError(f"{path}: no utterance in this manifest")
    return rows


def _text_of(path: Path, *, newline: str | None = None) -> str:
    try:
        with path.open(encoding="utf-8-sig", newline=newline) as file:
            return file.read()
    except FileNotFoundError:
        raise InputError(f"{path}: there is no such file, expected a manifest (JSON lines or CSV)") from None
    except IsADirectoryError:
        raise InputError(f"{path}: this is a folder, expected a manifest (JSON lines or CSV)") from None
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not UTF-8 text (byte {error.start})") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from None


def _json_rows(path: Path) -> Iterator[Row]:
    # Not splitlines(): JSON strings may hold the other line separators of Unicode as they are.
    for number, line in enumerate(_text_of(path).split("\n"), start=1):
        if not line.strip():
            continue
        place = f"{path}:{number}"
        try:
            data = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise InputError(f"{place}: not JSON ({error})") from None
        if not isinstance(data, dict):
            raise InputError(f'{place}: a JSON {type(data).__name__}, expected {{"audio": ..., "text": ...}}')
        yield _row(path, place, data)


def _csv_rows(path: Path) -> Iterator[Row]:
    # Quoted cells may hold line ends, which stay as they are, and any cell the other line separators of Unicode.
    lines = io.StringIO(_text_of(path, newline=""), newline="")
    reader = csv.DictReader(lines, delimiter="\t" if path.suffix == ".tsv" else ",", strict=True)
    try:
        for data in reader:
            place = f"{path}:{reader.line_num}"
            if None in data or None in data.values():
                raise InputError(f"{place}: another number of columns than the {len(data)} of the header")
            yield _row(path, place, data)
    except csv.Error as error:
        raise InputError(f"{path}:{reader.line_num}: not CSV ({error})") from None


def _row(manifest: Path, place: str, data: dict[str, Any]) -> Row:
    for name in REQUIRED:
        if name not in data:
            raise InputError(f"{place}: {name!r} is missing{did_you_mean(name, data)}")
        if not isinstance(data[name], str):
            raise InputError(f"{place}: {name!r} is {json.dumps(data[name])}, expected a string")
    if not data["audio"].strip() or "\0" in data["audio"]:
        raise InputError(f"{place}: 'audio' is {data['audio']!r}, expected the path of a recording")
    columns = {name: value for name, value in data.items() if name not in REQUIRED}
    return Row(manifest.parent / data["audio"], " ".join(data["text"].split()), columns, place)
