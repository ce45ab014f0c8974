"""What a folder says that it holds, and what to do about one that says nothing or something else."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from torch import Tensor

from speechgraft.checkpoint import CONFIG_FILE, open_tensors, read_json
from speechgraft.checkpoint.formats import FORMATS, SAFETENSORS
from speechgraft.errors import CheckpointError, ConfigError, InputError

_OF_TRAINER: Final = ("training_args.bin", "trainer_state.json", "optimizer.pt")
"""Files that `transformers.Trainer` writes beside weights."""


def read_config(folder: Path) -> dict[str, Any]:
    """What `config.json` says.

    Raises:
        CheckpointError: It is missing or broken; of weights without it the message says what they look like.
    """
    if not (folder / CONFIG_FILE).exists() and any((folder / kind.single).is_file() for kind in FORMATS["torch"]):
        raise CheckpointError(f"{folder / CONFIG_FILE}: there is no such file, {_weights_alone(folder)}")
    return read_json(folder / CONFIG_FILE)


def refuse_another(data: dict[str, Any], folder: Path, model_type: str, name: str) -> None:
    """Refuse a folder of another model than a class is for; one that names none is taken for it.

    Args:
        data: What its `config.json` says.
        folder: Where that lies.
        model_type: The class's.
        name: What the class is called.

    Raises:
        ConfigError: The folder is one; the message says how it is loaded.
    """
    found = data.get("model_type")
    if not isinstance(found, str) or found == model_type:
        return
    saved = data.get("architectures")
    classes = [each for each in saved if isinstance(each, str)] if isinstance(saved, list) else []
    told = f", saved from {', '.join(map(repr, classes[:3]))}" if classes else ""
    problem = (
        f"$.model_type: expected {model_type!r}, got {found!r}{told}: speechgraft.load gives the class of a folder"
    )
    raise ConfigError(f"{folder / CONFIG_FILE}: {name} cannot be made of it:", [problem])


def refuse_trained_elsewhere(folder: Path, weights: Mapping[str, Tensor]) -> None:
    """Refuse to save a model over weights that `transformers.Trainer` has just written of another one.

    Trainer writes the parameters of the model that it trains under their names in memory, then has its
    `processing_class` save into the same folder, and writes what else there is last. Where that is not the very model,
    what was trained would be lost.

    Args:
        folder: What is saved to.
        weights: What is to be saved, by the names in memory.

    Raises:
        InputError: There are such weights, with other values.
    """
    file = folder / SAFETENSORS.single
    if not file.is_file() or any((folder / name).exists() for name in (CONFIG_FILE, *_OF_TRAINER)):
        return
    try:
        trained = open_tensors(folder)
        if not trained or not trained.keys() <= weights.keys():
            return
        changed = next((name for name in trained if not _equal(trained[name], weights[name])), None)
    except CheckpointError:  # it is damaged, so that nothing in it would be lost
        return
    if changed is not None:
        raise InputError(
            f"{file} has just these parameters with other values ({changed} for one), as transformers' Trainer writes "
            "them of the model that it trains: pass that very model as processing_class, or the Transcriber of it; "
            "where this model is meant to take the place of those weights, remove the file first"
        )


def _equal(one: Tensor, other: Tensor) -> bool:
    other = other.detach().cpu()
    if one.shape != other.shape or one.dtype != other.dtype:
        return False
    return bool((one.eq(other) | (one.ne(one) & other.ne(other))).all())  # what diverged is equal to itself too


def _weights_alone(folder: Path) -> str:
    """What to do about weights that no config tells of."""
    if not any((folder / name).exists() for name in _OF_TRAINER):
        return "but weights: copy the config.json of the model that they are of beside them"
    return (
        "but weights that transformers' Trainer wrote, under the names that they had in memory: give Trainer "
        "processing_class=model or a Transcriber, which write config.json too (docs/ecosystem.md); these weights are "
        "taken by model.load_state_dict(safetensors.torch.load_file(...)) of a model that is built as theirs was"
    )
