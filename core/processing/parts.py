"""Which extractor and which tokenizer a checkpoint's folder asks for."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from speechgraft.audio import Wav2Vec2FeatureExtractor
from speechgraft.audio.extractor import read_settings as read_extractor_settings
from speechgraft.checkpoint import CONFIG_FILE, read_json
from speechgraft.checkpoint.place import check_known
from speechgraft.errors import CheckpointError
from speechgraft.registry import default_catalog
from speechgraft.text import TextTokenizer, load_tokenizer
from speechgraft.text.load import SETTINGS

if TYPE_CHECKING:
    from speechgraft.registry import Catalog

PROCESSOR_FILE = "processor_config.json"

EXTRACTOR_SETTINGS = tuple(
    attribute.name for attribute in attrs.fields(Wav2Vec2FeatureExtractor) if attribute.name != "extras"
)
"""Settings of an extractor that may be given in place of those of its file."""

_EXTRACTOR_TYPE = "feature_extractor_type"
_OURS = Wav2Vec2FeatureExtractor.__name__
_TOKENIZER_FILES = ("tokenizer.json", "tokenizer_config.json", "vocab.json", "vocab.txt", "*.model")


def holds_extractor(folder: Path) -> bool:
    """Whether the settings of an extractor are there."""
    if (folder / Wav2Vec2FeatureExtractor.FILE).exists():
        return True
    nested = folder / PROCESSOR_FILE
    return nested.exists() and isinstance(read_json(nested).get("feature_extractor"), Mapping)


def holds_tokenizer(folder: Path) -> bool:
    """Whether files of a tokenizer are there."""
    return any(any(folder.glob(pattern)) for pattern in _TOKENIZER_FILES)


def read_extractor(folder: Path, settings: Mapping[str, Any], catalog: Catalog | None = None) -> Any:
    """The extractor of a folder: what the encoder's plugin brings, where `config.json` names an encoder.

    Args:
        folder: Where.
        settings: In place of those of the file.
        catalog: Where the encoder is looked up; by default what is installed.

    Raises:
        CheckpointError: There is none, or it is one that nothing installed reads.
        ConfigError: A setting is wrong or unknown.
    """
    catalog = catalog or default_catalog()
    name = _model_type(folder, "encoder")
    found = catalog.encoder(name).load_extractor() if name in catalog.encoders else Wav2Vec2FeatureExtractor
    if found is Wav2Vec2FeatureExtractor:
        _check_ours(folder)
    return found.from_pretrained(folder, **settings)


def _check_ours(folder: Path) -> None:
    described = read_extractor_settings(folder)
    kind = described.get(_EXTRACTOR_TYPE, _OURS)
    if kind == _OURS:
        return
    if described.get("auto_map"):
        raise CheckpointError(
            f"{folder}: its {kind} is code of its own ($.auto_map), and no code of a checkpoint is ever run; "
            "a plugin that you install can bring it, see EncoderEntry.extractor"
        )
    raise CheckpointError(f"{folder}: $.{_EXTRACTOR_TYPE}: {kind!r}, expected {_OURS!r} or an encoder that brings it")


def read_tokenizer(folder: Path, settings: Mapping[str, Any], catalog: Catalog | None = None) -> TextTokenizer:
    """The tokenizer of a folder, read as the decoder's plugin does, where `config.json` names a decoder.

    Args:
        folder: Where.
        settings: In place of those of the files.
        catalog: Where the decoder is looked up; by default what is installed.

    Raises:
        CheckpointError: There is none, or it cannot be read.
        RoutingError: A setting is unknown.
    """
    catalog = catalog or default_catalog()
    name = _model_type(folder, "decoder")
    loader = catalog.decoder(name).load_tokenizer() if name in catalog.decoders else load_tokenizer
    check_known(settings, SETTINGS if loader is load_tokenizer else ())
    tokenizer: TextTokenizer = loader(folder, **settings)
    return tokenizer


def _model_type(folder: Path, role: str) -> str:
    """The `model_type` of a part of a pair, or of the model that `config.json` describes by itself."""
    if not (folder / CONFIG_FILE).exists():
        return ""
    described = read_json(folder / CONFIG_FILE)
    part = described.get(role)
    kind = (part if isinstance(part, Mapping) else described).get("model_type")
    return kind if isinstance(kind, str) else ""


def sorted_settings(
    settings: Mapping[str, Any], *, heard: Collection[str] = EXTRACTOR_SETTINGS, written: Collection[str] = SETTINGS
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Settings for an extractor and for a tokenizer, those that both have for both.

    Args:
        settings: What was passed by name.
        heard: What the extractor takes; nothing where there is none.
        written: What the tokenizer takes; nothing where there is none.

    Raises:
        RoutingError: One is known to neither.
    """
    check_known(settings, (*heard, *written))
    hears = {name: value for name, value in settings.items() if name in heard}
    return hears, {name: value for name, value in settings.items() if name in written}
