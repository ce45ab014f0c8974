"""Writing a pair as programs, with what they take and give, its settings, and what hears and writes for it."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from os import PathLike
from pathlib import Path
from typing import Any, Final

import torch

from speechgraft.checkpoint import CONFIG_FILE, locate, read_json, replacing, write_json
from speechgraft.checkpoint.formats import EXPORT
from speechgraft.errors import CheckpointError, IncompatiblePairError, MissingExtraError
from speechgraft.export.ports import FORMAT, SUFFIXES, Ports, Target, as_json, target_named
from speechgraft.export.programs import Program, programs_of
from speechgraft.hearing import load_parts
from speechgraft.registry import Catalog
from speechgraft.registry.models import MODELS, PairModel

DESCRIPTION: Final = EXPORT
"""The file that says what is what."""

_EXTRACTOR_FILE = "preprocessor_config.json"


def export_pair(
    model: PairModel, out: str | PathLike[str], *, to: Target, extractor: Any = None, tokenizer: Any = None
) -> dict[str, Ports]:
    """Write a pair as programs that need none of this package's modules: see `docs/export.md`.

    Args:
        model: In eval mode.
        out: The folder to make; one that is there must be empty.
        to: `"onnx"`, which onnxruntime runs, or `"torch"`, which `torch.export.load` reads.
        extractor: What makes the encoder's inputs of audio, to be written beside the programs.
        tokenizer: What writes the decoder's tokens, likewise.

    Returns:
        What each program takes and gives.

    Raises:
        CheckpointError: There is no such target; the folder is not empty, or cannot be written.
        InputError: The model is in train mode.
        IncompatiblePairError: It cannot be traced.
        MissingExtraError: The extra `export` is not installed.
    """
    target, out = target_named(to), Path(out)
    check_empty(out)
    if target == "onnx":
        _need_onnx()
    programs = _traced(model)
    ports = {name: program.ports for name, program in programs.items()}
    with replacing(out) as folder:
        for name, program in programs.items():
            _write(program, folder / (name + SUFFIXES[target]), target)
        # A CTC head is in no program.
        config = model.config.copy(ctc_vocab_size=None, ctc_blank_token_id=None, architectures=[type(model).__name__])
        for part in (config, model.generation_config, extractor, tokenizer):
            if part is not None:
                part.save_pretrained(folder)
        write_json(folder / DESCRIPTION, _description(model, target, ports))
    return ports


def export_folder(
    source: str | PathLike[str], out: str | PathLike[str], *, to: Target, catalog: Catalog | None = None
) -> dict[str, Ports]:
    """Write the pair of a folder or hub id as programs, in float32; see `export_pair`.

    Raises:
        CheckpointError: There is no pair in the folder; or see `export_pair`.
        ConfigError: All that is wrong with a config.
    """
    check_empty(Path(out))
    target_named(to)
    folder = locate(source)
    model_class = _pair_class(folder)
    if (folder / _EXTRACTOR_FILE).is_file():
        parts = load_parts(folder, dtype=torch.float32, device="cpu", catalog=catalog)
        return export_pair(parts.model, out, to=to, extractor=parts.extractor, tokenizer=parts.tokenizer)
    return export_pair(model_class.from_pretrained(folder, dtype=torch.float32, catalog=catalog), out, to=to)


def check_empty(out: Path) -> None:
    """Refuse to write where something lies.

    Raises:
        CheckpointError: `out` is a file, or a folder that holds something.
    """
    if out.exists() and not out.is_dir():
        raise CheckpointError(f"{out}: is a file, expected a folder to write")
    if out.is_dir() and any(out.iterdir()):
        raise CheckpointError(f"{out}: is not empty, expected a new folder or an empty one")


def _pair_class(folder: Path) -> type[PairModel]:
    kind = read_json(folder / CONFIG_FILE).get("model_type")
    for model_class in MODELS:
        if model_class.config_class.model_type == kind:
            return model_class
    known = " or ".join(repr(each.config_class.model_type) for each in MODELS)
    raise CheckpointError(f"{folder / CONFIG_FILE}: model_type is {kind!r}, expected that of a pair: {known}")


def _traced(model: PairModel) -> dict[str, Program]:
    try:
        return programs_of(model)
    except torch._dynamo.exc.UserError as error:
        names = f"{model.config.encoder.model_type} with {model.config.decoder.model_type}"
        raise IncompatiblePairError(
            f"{names} cannot be exported, property P13_export of `speechgraft.testing` tells more: {error}"
        ) from error


def _description(model: PairModel, target: Target, ports: dict[str, Ports]) -> dict[str, Any]:
    settings, known = model.generation_config, model.decoder.vocab_size
    told = settings.filled_from(model.config, model.config.decoder, vocab_size=known)
    return {
        "format": FORMAT,
        "target": target,
        "programs": as_json(ports),
        "tokens": {
            "start": told.bos_token_id if told.decoder_start_token_id is None else told.decoder_start_token_id,
            "end": sorted(model.ends()),
            "pad": told.pad_token_id,
        },
    }


def _write(program: Program, path: Path, target: Target) -> None:
    if target == "torch":
        torch.export.save(program.exported, path)
        return
    names = [[port.name for port in side] for side in (program.ports.inputs, program.ports.outputs)]
    with _quiet():
        made = torch.onnx.export(
            program.exported, (), dynamo=True, verbose=False, input_names=names[0], output_names=names[1]
        )
        assert made is not None, "an ONNX program where none is written to a file at once"
        made.save(path)


def _need_onnx() -> None:
    for library in ("onnx", "onnxscript"):
        try:
            import_module(library)
        except ModuleNotFoundError:
            raise MissingExtraError("exporting to ONNX", library, "export") from None


@contextmanager
def _quiet() -> Iterator[None]:
    """Without what the converter says of operators of other libraries and of its own imports."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
