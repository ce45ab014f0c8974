"""Extractor, tokenizer and processor of any checkpoint, by what its files say."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from speechgraft.checkpoint import read_json
from speechgraft.checkpoint.place import place_and_rest
from speechgraft.errors import CheckpointError
from speechgraft.processing.parts import (
    PROCESSOR_FILE,
    holds_extractor,
    holds_tokenizer,
    read_extractor,
    read_tokenizer,
    sorted_settings,
)
from speechgraft.processing.processor import Wav2Vec2Processor

if TYPE_CHECKING:
    from speechgraft.registry import Catalog
    from speechgraft.text import TextTokenizer

_CLASS = "processor_class"
_FILES = (PROCESSOR_FILE, "preprocessor_config.json", "tokenizer_config.json")

# Those that are an extractor and a tokenizer, and nothing besides.
_PLAIN = ("Wav2Vec2Processor", "Speech2Text2Processor")

_WITH_LANGUAGE_MODEL = "Wav2Vec2ProcessorWithLM"


class AutoFeatureExtractor:
    """Loads the extractor of a checkpoint: what its encoder's plugin brings."""

    @classmethod
    def from_pretrained(
        cls, dir_or_id: str | os.PathLike[str], *, catalog: Catalog | None = None, **options: Any
    ) -> Any:
        """Read it from a folder or a hub repository.

        Args:
            dir_or_id: A folder, or the id of a repository on the hub.
            catalog: Where the encoder is looked up; by default what is installed.
            **options: `revision`, `subfolder`, `token`, `cache_dir`, `local_files_only`, for the hub; settings in
                place of those of the file.

        Raises:
            CheckpointError: There is none, or it is one that nothing installed reads.
            ConfigError: A setting is wrong or unknown; `trust_remote_code=True`.
        """
        folder, settings = place_and_rest(dir_or_id, options)
        return read_extractor(folder, settings, catalog)


class AutoTokenizer:
    """Loads the tokenizer of a checkpoint: as its decoder's plugin does where it brings its own."""

    @classmethod
    def from_pretrained(
        cls, dir_or_id: str | os.PathLike[str], *, catalog: Catalog | None = None, **options: Any
    ) -> TextTokenizer:
        """Read it from a folder or a hub repository.

        Args:
            dir_or_id: A folder, or the id of a repository on the hub.
            catalog: Where the decoder is looked up; by default what is installed.
            **options: `revision`, `subfolder`, `token`, `cache_dir`, `local_files_only`, for the hub; settings in
                place of those of the files, such as `padding_side` or `pad_token`.

        Raises:
            CheckpointError: There is none, or it cannot be read.
            ConfigError: `trust_remote_code=True`.
            RoutingError: An option is unknown.
        """
        folder, settings = place_and_rest(dir_or_id, options)
        return read_tokenizer(folder, settings, catalog)


class AutoProcessor:
    """Loads what a checkpoint processes its data with: extractor and tokenizer together, or the one that it has."""

    @classmethod
    def from_pretrained(
        cls, dir_or_id: str | os.PathLike[str], *, catalog: Catalog | None = None, **options: Any
    ) -> Any:
        """Read it from a folder or a hub repository.

        Args:
            dir_or_id: A folder, or the id of a repository on the hub.
            catalog: Where encoder and decoder are looked up; by default what is installed.
            **options: As `Wav2Vec2Processor.from_pretrained` takes them.

        Returns:
            A `Wav2Vec2Processor`; the extractor or the tokenizer where the other is not there.

        Raises:
            CheckpointError: There is neither, one cannot be read, or it is a processor that nothing here is like.
            ConfigError: A setting is wrong; `trust_remote_code=True`.
            RoutingError: An option is unknown.
        """
        folder, settings = place_and_rest(dir_or_id, options)
        _check_class(folder)
        hears, writes = holds_extractor(folder), holds_tokenizer(folder)
        if not hears and not writes:
            raise CheckpointError(f"{folder}: no extractor and no tokenizer here, expected one of {_told(_FILES)}")
        if not writes:
            return read_extractor(folder, sorted_settings(settings, written=())[0], catalog)
        if not hears:
            return read_tokenizer(folder, sorted_settings(settings, heard=())[1], catalog)
        heard, written = sorted_settings(settings)
        tokenizer = read_tokenizer(folder, written, catalog)
        return Wav2Vec2Processor(read_extractor(folder, heard, catalog), tokenizer)


def _check_class(folder: Path) -> None:
    """Refuse processors that are more than an extractor and a tokenizer."""
    for file in (folder / name for name in _FILES):
        described = read_json(file) if file.exists() else {}
        named = described.get(_CLASS)
        if named is None or named in _PLAIN:
            continue
        if named == _WITH_LANGUAGE_MODEL:
            raise CheckpointError(
                f"{file}: $.{_CLASS}: {named} reads with a language model; Wav2Vec2Processor.from_pretrained loads the "
                "rest, and the Transcriber takes the language model: asr(audio, language_model=...)"
            )
        own = ", which is code of its own ($.auto_map) that is never run" if described.get("auto_map") else ""
        raise CheckpointError(f"{file}: $.{_CLASS}: {named!r}{own}, expected {_told(_PLAIN)}")


def _told(names: Iterable[str]) -> str:
    return " or ".join(names)
