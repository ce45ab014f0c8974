"""How transcripts are written, and where to: printed, into one file, or each recording into files of its own."""

from __future__ import annotations

import json
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final, NamedTuple

import attrs

from speechgraft.errors import InputError

if TYPE_CHECKING:
    from speechgraft.bundle import Transcript


class Recording(NamedTuple):
    """A recording to transcribe."""

    name: str
    """A path, or `-` for standard input."""

    stem: Path
    """What its results are called in an output folder, without a suffix."""


def _text(transcript: Transcript) -> str:
    return transcript.text + "\n"


def _line(transcript: Transcript) -> str:
    return f"{transcript.source}: {transcript.text}\n"


def _json(transcript: Transcript) -> str:
    told = attrs.asdict(transcript, filter=_told)
    return json.dumps({"audio": transcript.source, **told}, ensure_ascii=False) + "\n"


def _told(attribute: attrs.Attribute[Any], value: Any) -> bool:
    return attribute.name != "source" and value is not None


def _srt(transcript: Transcript) -> str:
    from speechgraft.times import cues, srt

    return srt(cues(transcript.text, transcript.words or ()))


def _vtt(transcript: Transcript) -> str:
    from speechgraft.times import cues, vtt

    return vtt(cues(transcript.text, transcript.words or ()))


FORMATS: Final[dict[str, Callable[[Transcript], str]]] = {"txt": _text, "json": _json, "srt": _srt, "vtt": _vtt}
"""What writes a transcript, by the suffix of its file."""


class Results(ABC):
    """Where transcripts go."""

    @abstractmethod
    def write(self, recording: Recording, transcript: Transcript) -> None:
        """Write one."""


class Printed(Results):
    """One after another: on standard output, or in a file.

    Args:
        kind: A key of `FORMATS`.
        several: Whether each line of text says whose it is.
        file: An open file; `None`: standard output.
    """

    def __init__(self, kind: str, *, several: bool, file: IO[str] | None) -> None:
        self._write = _line if several and kind == "txt" else FORMATS[kind]
        self._file = file

    def write(self, recording: Recording, transcript: Transcript) -> None:
        """See `Results.write`."""
        print(self._write(transcript), end="", file=self._file or sys.stdout, flush=True)


class Folder(Results):
    """A file for each recording and format, whole or not there at all.

    Args:
        folder: Where; it is made if it is not there.
        kinds: Keys of `FORMATS`.
        recordings: All that may be written.
        overwrite: Whether files that are there are replaced.

    Raises:
        InputError: Two recordings would have one file, or a file is there already.
    """

    def __init__(self, folder: Path, kinds: Sequence[str], recordings: Sequence[Recording], *, overwrite: bool) -> None:
        self._folder = folder
        self._kinds = kinds
        taken: dict[Path, str] = {}
        for recording in recordings:
            if recording.stem in taken:
                path = self._path(recording, kinds[0])
                raise InputError(f"{taken[recording.stem]} and {recording.name} would both be written to {path}")
            taken[recording.stem] = recording.name
            for kind in kinds:
                path = self._path(recording, kind)
                if path.exists() and not overwrite:
                    raise InputError(f"{path}: is there already; --overwrite replaces it")

    def write(self, recording: Recording, transcript: Transcript) -> None:
        """See `Results.write`."""
        from speechgraft.json_files import write_text

        for kind in self._kinds:
            write_text(self._path(recording, kind), FORMATS[kind](transcript))

    def _path(self, recording: Recording, kind: str) -> Path:
        stem = self._folder / recording.stem
        return stem.with_name(f"{stem.name}.{kind}")


def one_kind(kinds: Sequence[str], recordings: Sequence[Recording]) -> str:
    """The format of what is printed or goes into one file.

    Raises:
        InputError: There are several formats, or captions of several recordings.
    """
    kind, *others = kinds or ["txt"]
    if others:
        raise InputError(f"--{kind} and --{others[0]} together need --output-dir, a folder for their files")
    if kind in ("srt", "vtt") and len(recordings) > 1:
        raise InputError(f"--{kind} for {len(recordings)} recordings needs --output-dir, a folder for their files")
    return kind


@contextmanager
def written(path: Path | None) -> Iterator[IO[str] | None]:
    """A file that takes the place of `path` when all is written; until then the old one stays.

    After an interruption the lines that were written are in `path` with `.part` behind it.
    """
    if path is None:
        yield None
        return
    part = path.with_name(path.name + ".part")
    with part.open("w", encoding="utf-8") as file:
        yield file
    part.replace(path)
