"""Kinds of files that a stranger may spoil: which seeds, what is done to them, and what reads them."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import attrs
import numpy as np

import speechgraft
from fuzzing.draws import Drawn
from fuzzing.guard import MIB
from fuzzing.mutations import (
    EVIL,
    ask_for_more,
    misplace,
    spoil_bytes,
    spoil_header,
    spoil_index,
    spoil_json,
    spoil_pickle,
)
from fuzzing.seeds import SEEDS
from speechgraft.audio import read_audio
from speechgraft.bundle import Transcriber
from speechgraft.checkpoint import open_tensors
from speechgraft.errors import SpeechGraftError
from speechgraft.generation import GenerationConfig
from speechgraft.processing import AutoFeatureExtractor, AutoTokenizer

_MORE = 64 * MIB
_TEXTS = ("zero one two", "", "a\0\u202e \N{PILE OF POO} [PAD]")


@attrs.frozen
class Kind:
    """Files that are spoilt in one way."""

    group: str
    """Whose seeds they begin from."""

    files: tuple[str, ...]
    """Patterns of their names."""

    spoil: Callable[[Path, str, Drawn], None]
    """Changes a file of a folder."""

    read: Callable[[Path], Any]
    """What a user calls."""

    only: tuple[str, ...] = ()
    """The seeds that it can read, where that is not all that have such files."""

    def seeds(self, root: Path) -> list[Path]:
        """The whole folders that it begins from."""
        folders = [root / self.group / name for name in self.only or SEEDS[self.group]]
        return [folder for folder in folders if self.names(folder)]

    def names(self, folder: Path) -> list[str]:
        """The files of a folder that it may spoil."""
        found = {path.name for pattern in self.files for path in folder.glob(pattern) if path.suffix != ".py"}
        return sorted(found)


@attrs.frozen
class Case:
    """A folder with a spoilt file."""

    kind: Kind
    folder: Path
    file: str
    seed: str

    def room(self, value: Any) -> int:
        """Bytes that reading may take: twice what the weights take, and 64 MiB; of audio what its duration asks for."""
        if self.kind.group == "audio":
            seconds = 0.0 if value is None else value.seconds
            return _MORE + int(seconds * 16_000 * 4 * 8)
        held = [path for path in self.folder.iterdir() if path.suffix in (".safetensors", ".bin", ".h5", ".msgpack")]
        return 2 * sum(path.lstat().st_size for path in held) + _MORE


def _text(change: Callable[[str, Drawn], str]) -> Callable[[Path, str, Drawn], None]:
    """A change of text as one of a file; one in four changes its bytes instead."""

    def spoil(folder: Path, name: str, draw: Drawn) -> None:
        path = folder / name
        if draw.once_in(4) or path.suffix not in (".json",):
            path.write_bytes(spoil_bytes(path.read_bytes(), draw))
        else:
            path.write_text(change(path.read_text(), draw), encoding="utf-8", errors="surrogatepass")

    return spoil


def _bytes(change: Callable[[bytes, Drawn], bytes]) -> Callable[[Path, str, Drawn], None]:
    def spoil(folder: Path, name: str, draw: Drawn) -> None:
        (folder / name).write_bytes(change((folder / name).read_bytes(), draw))

    return spoil


def _model(folder: Path) -> Any:
    return speechgraft.load(folder)


def _parts(folder: Path) -> Any:
    return speechgraft.SpeechEncoderDecoderModel.from_encoder_decoder_pretrained(folder, folder)


def _bundle(folder: Path) -> Any:
    return Transcriber.from_pretrained(folder)


def _generation(folder: Path) -> Any:
    return GenerationConfig.from_pretrained(folder)


def _extractor(folder: Path) -> Any:
    extractor = AutoFeatureExtractor.from_pretrained(folder)
    with suppress(SpeechGraftError):
        extractor([np.zeros(800, np.float32), np.ones(500, np.float32)], sampling_rate=16_000, padding=True)
    return extractor


def _tokenizer(folder: Path) -> Any:
    tokenizer = AutoTokenizer.from_pretrained(folder)
    for text in _TEXTS:
        with suppress(SpeechGraftError):
            ids = tokenizer(text)["input_ids"]
            tokenizer.decode(ids)
            tokenizer.batch_decode([[0, 1, 2], ids], skip_special_tokens=True)
    return tokenizer


def _audio(folder: Path) -> Any:
    return read_audio(next(folder.glob("sound.*")))


def _other(weights: Any) -> Callable[[Path], Any]:
    return lambda folder: dict(open_tensors(folder, weights))


_SETTINGS = ("*.json", "vocab.txt", "merges.txt")

KINDS: dict[str, Kind] = {
    "config": Kind("model", ("config.json",), _text(spoil_json), _model),
    "sizes": Kind("model", ("config.json",), _text(ask_for_more), _model),
    "parts": Kind("model", ("config.json",), _text(ask_for_more), _parts, ("hubert-gpt2", "sew-bart")),
    "generation": Kind("model", ("generation_config.json",), _text(spoil_json), _generation),
    "preprocessor": Kind("model", ("preprocessor_config.json",), _text(spoil_json), _extractor, ("bundle", "ctc")),
    "bundle": Kind("model", ("*.json",), _text(spoil_json), _bundle, ("bundle", "ctc")),
    "index": Kind("model", ("*.index.json",), _text(spoil_index), _model, ("sharded",)),
    "header": Kind("model", ("*.safetensors",), _bytes(spoil_header), _model),
    "body": Kind("model", ("*.safetensors",), _bytes(spoil_bytes), _model),
    "pickle": Kind("pickle", ("*.bin",), _bytes(spoil_pickle), _model),
    "h5": Kind("h5", ("*.h5",), _bytes(spoil_bytes), _other("tensorflow")),
    "msgpack": Kind("msgpack", ("*.msgpack",), _bytes(spoil_bytes), _other("flax")),
    "tokenizer": Kind("tokenizer", _SETTINGS, _text(spoil_json), _tokenizer),
    "place": Kind("model", ("*",), misplace, _model),
    "tokenizer-place": Kind("tokenizer", _SETTINGS, misplace, _tokenizer),
    "audio": Kind("audio", ("sound.*",), _bytes(spoil_bytes), _audio),
}
"""By name."""


def make(name: str, data: bytes, seeds: Path, place: Path) -> Case:
    """The case that bytes decide.

    Args:
        name: The kind.
        data: The bytes.
        seeds: Where the whole folders are.
        place: An empty folder; the case's becomes one in it.
    """
    kind, draw = KINDS[name], Drawn(data)
    seed = draw.choice(kind.seeds(seeds))
    folder = place / "folder"
    shutil.copytree(seed, folder)
    (folder / "evil.py").write_text(EVIL)
    file = draw.choice(kind.names(folder))
    kind.spoil(folder, file, draw)
    return Case(kind, folder, file, seed.name)
