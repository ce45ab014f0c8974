"""What a run needs to go on exactly where it stopped."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import numpy as np

from speechgraft.errors import CheckpointError, ConfigError

if TYPE_CHECKING:
    from torch import Tensor

    from speechgraft.train.manifest import Row
    from speechgraft.train.options import FitOptions

STATE_FILE = "training_state.pt"

_MAY_CHANGE = {"steps", "eval_every", "log_every", "half", "cache_gb", "cpu"}
"""Options that another value of does not make the steps still to come other ones than they would have been
(but for `steps`: raising it makes the learning rates fall later)."""


@attrs.define
class Progress:
    """How far a run is. Learning rates, order, augmentation and dropout follow from the step alone."""

    step: int = 0
    """Steps done."""

    seconds: float = 0.0
    """Time spent on them, evaluation included."""

    utterances: int = 0
    """Utterances seen."""

    best_wer: float | None = None
    """The lowest word error rate yet."""

    best_step: int | None = None
    """The steps done when it was reached."""

    plan: str = "{}"
    """What the run was told, as JSON: see `same_plan`."""


def save_state(
    folder: Path,
    progress: Progress,
    model: Mapping[str, Tensor],
    average: Mapping[str, Tensor],
    optimizer: Mapping[str, Any],
) -> None:
    """Write `training_state.pt`, with the weights as they are trained, whatever the bundle beside it is saved as."""
    import torch

    path = folder / STATE_FILE
    # The file there may be a hard link to that of the previous checkpoint: writing through it would break both.
    path.unlink(missing_ok=True)
    parts = {"model": dict(model), "average": dict(average), "optimizer": dict(optimizer)}
    torch.save({"progress": attrs.asdict(progress), **parts}, path)


def load_state(folder: Path) -> tuple[Progress, dict[str, Any]]:
    """Read `training_state.pt`: how far the run was, and `model`, `average`, `optimizer`.

    Raises:
        CheckpointError: It is missing or cannot be read.
    """
    import torch

    path = folder / STATE_FILE
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        return Progress(**state.pop("progress")), state
    except FileNotFoundError:
        raise CheckpointError(f"{path}: there is no such file, so that this run cannot go on") from None
    except Exception as error:  # noqa: BLE001 - unpickling raises almost anything
        raise CheckpointError(f"{path}: not the state of a training run ({error})".splitlines()[0]) from None


def plan_of(options: FitOptions, rows: Sequence[Row], processes: int, origin: Mapping[str, Any]) -> str:
    """What makes a run the one that it is, as JSON; `origin` is what is known of how its bundle came to be."""
    told = {name: value for name, value in options.to_dict().items() if name not in _MAY_CHANGE}
    told["origin"] = {name: value for name, value in origin.items() if value is not None}
    digest = sha256("\n".join(f"{row.audio.name}\t{row.text}" for row in rows).encode()).hexdigest()[:16]
    return json.dumps({**told, "manifest": f"{len(rows)} rows, {digest}", "processes": processes}, sort_keys=True)


def same_plan(was: str, now: str) -> None:
    """Refuse to go on with another plan than a run began with; of its origin nothing has to be said again.

    Raises:
        ConfigError: Naming each thing that is another one.
    """
    old, new = json.loads(was), json.loads(now)
    known, said = old.pop("origin", {}), new.pop("origin")
    old |= {name: known.get(name) for name in said}
    new |= said
    changed = [name for name in sorted(old.keys() | new.keys()) if old.get(name) != new.get(name)]
    if changed:
        raise ConfigError(
            "this run was begun otherwise, and would not go on as it was:",
            [f"$.{name}: {json.dumps(old.get(name))}, now {json.dumps(new.get(name))}" for name in changed],
        )


def seed_step(seed: int, step: int, rank: int) -> None:
    """Make what torch draws in one step (dropout, SpecAugment, LayerDrop) a function of these three."""
    import torch

    high, low = np.random.SeedSequence((seed, step, rank, 3)).generate_state(2)
    torch.manual_seed(int(high) << 31 ^ int(low))
