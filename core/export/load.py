"""Exported pairs out of a folder."""

from __future__ import annotations

from os import PathLike
from pathlib import Path

from speechgraft.bridge import Bridge
from speechgraft.checkpoint import CONFIG_FILE, read_json
from speechgraft.checkpoint.convert import kinds_in
from speechgraft.errors import CheckpointError
from speechgraft.export.model import ExportedDecoder, ExportedEncoder, ExportedPair
from speechgraft.export.ports import FORMAT, PROGRAMS, read_ports, target_named
from speechgraft.export.runtime import opened
from speechgraft.export.save import DESCRIPTION
from speechgraft.generation import GenerationConfig
from speechgraft.hearing import Parts
from speechgraft.nn.meta import weightless
from speechgraft.registry import Catalog, default_catalog
from speechgraft.registry.models import MODELS


def is_export(folder: Path) -> bool:
    """Whether a folder holds exported programs, and no checkpoint that could be loaded in their place."""
    return (folder / DESCRIPTION).is_file() and not kinds_in(folder)


def load_exported(folder: str | PathLike[str], *, trusted: bool = False, catalog: Catalog | None = None) -> Bridge:
    """An exported pair, which encodes, generates and computes losses as any pair does, by its programs.

    Args:
        folder: What `export_pair` wrote.
        trusted: Whether the folder is from somebody whose code you would run: programs of `torch.export` are code.
            ONNX programs are none, and need no trust.
        catalog: Where the parts that `config.json` names are looked up, for what they know of sizes; no weights
            are made.

    Raises:
        CheckpointError: A file is missing or broken, or `.pt2` files are not said to be trusted.
        ConfigError: All that is wrong with `config.json`.
        MissingExtraError: The extra `export`, which brings onnxruntime, is not installed.
    """
    folder = Path(folder)
    place = folder / DESCRIPTION
    data = read_json(place)
    if data.get("format") != FORMAT:
        raise CheckpointError(f"{place}: format is {data.get('format')!r}, this version reads {FORMAT}")
    target = target_named(data.get("target"))
    if target == "torch" and not trusted:
        raise CheckpointError(
            f"{folder}: programs of torch.export can run whatever they say as they are read: pass trusted=True if you "
            "would run the code of whoever made them, or use an export to onnx"
        )
    ports = read_ports(data.get("programs"), f"{place}: $.programs")
    pair = _weightless_pair(folder, catalog or default_catalog())
    encoder, cross_attention, step = (opened(folder, name, ports[name], target) for name in PROGRAMS)
    model = ExportedPair(
        ExportedEncoder(encoder, pair),
        ExportedDecoder(cross_attention, step, pair),
        pair.config,
        GenerationConfig.from_pretrained(folder),
    )
    return model.eval()


def load_exported_parts(folder: str | PathLike[str], *, trusted: bool = False, catalog: Catalog | None = None) -> Parts:
    """An exported pair with its extractor and tokenizer, which make a `Transcriber`: `Transcriber(*parts)`.

    Raises:
        CheckpointError: There is no extractor or tokenizer; or see `load_exported`.
        ConfigError: See `load_exported`.
        MissingExtraError: See `load_exported`.
    """
    catalog = catalog or default_catalog()
    model = load_exported(folder, trusted=trusted, catalog=catalog)
    encoder, decoder = (getattr(model.config, role).model_type for role in ("encoder", "decoder"))
    extractor = catalog.encoder(encoder).load_extractor().from_pretrained(folder)
    return Parts(model, extractor, catalog.decoder(decoder).load_tokenizer()(Path(folder)))


def _weightless_pair(folder: Path, catalog: Catalog) -> Bridge:
    """The pair that `config.json` describes, on the meta device."""
    kind = read_json(folder / CONFIG_FILE).get("model_type")
    for model_class in MODELS:
        if model_class.config_class.model_type == kind:
            config = model_class.config_class.from_pretrained(folder)
            with weightless(lambda: None):
                return model_class(config.copy(ctc_vocab_size=None, ctc_blank_token_id=None), catalog=catalog)
    raise CheckpointError(f"{folder / CONFIG_FILE}: model_type is {kind!r}, expected that of a pair")
