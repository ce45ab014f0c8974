"""Whether what a pair learns could be written and read again: told before it has learned anything."""

from __future__ import annotations

from collections.abc import Iterator

from torch import nn

from speechgraft.checkpoint import WeightMap
from speechgraft.config import Settings
from speechgraft.errors import SpeechGraftError, counted
from speechgraft.registry.entries import Registered
from speechgraft.registry.faults import disagreements


def unkept(entry: Registered, config: Settings, module: nn.Module) -> Iterator[str]:
    """What would keep a part from being saved, or from being found and read in a folder.

    Args:
        entry: By which the part was asked for.
        config: That of the part.
        module: The part itself; on meta tensors, since only the names of its parameters count.
    """
    # Entries refer to somebody else's code: whatever it raises is what there is to tell.
    try:
        yield from disagreements(entry, type(config), entry.load_adapter())
    except Exception as error:  # noqa: BLE001
        yield _told(entry, "adapter", error)
    try:
        yield from _unwritten(entry, entry.load_weights()(config), module)
    except Exception as error:  # noqa: BLE001
        yield _told(entry, "weight map", error)


def _unwritten(entry: Registered, weights: object, module: nn.Module) -> Iterator[str]:
    if not isinstance(weights, WeightMap):
        yield f"{entry}: weights {entry.weights!r} gives {weights!r}, which is no WeightMap"
        return
    lost = [name for name in module.state_dict() if weights.name_on_disk(name) is None]
    if lost:
        more = f" and {counted(len(lost) - 1, 'other')}" if len(lost) > 1 else ""
        yield f"{entry}: no row of its weight map knows {lost[0]}{more}, so that the pair could not be saved"


def _told(entry: Registered, what: str, error: Exception) -> str:
    text = " ".join(str(error).split())
    return text if isinstance(error, SpeechGraftError) else f"{entry}: its {what} fails: {type(error).__name__}: {text}"
