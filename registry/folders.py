"""What a folder says that it holds, and what to do about one that says nothing or something else."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from speechgraft.checkpoint import CONFIG_FILE, read_json
from speechgraft.checkpoint.formats import FORMATS
from speechgraft.errors import CheckpointError, ConfigError

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


def _weights_alone(folder: Path) -> str:
    """What to do about weights that no config tells of."""
    if not any((folder / name).exists() for name in _OF_TRAINER):
        return "but weights: copy the config.json of the model that they are of beside them"
    return (
        "but weights that transformers' Trainer wrote, under the names that they had in memory: give Trainer "
        "processing_class=model or a Transcriber, which write config.json too (docs/ecosystem.md); these weights are "
        "taken by model.load_state_dict(safetensors.torch.load_file(...)) of a model that is built as theirs was"
    )
