"""Whether what a pair learns could be written and read again: told before it has learned anything."""

from __future__ import annotations

from collections.abc import Iterator

from torch import nn

from speechgraft.checkpoint import WeightMap
from speechgraft.config import ConfigAdapter, Settings
from speechgraft.errors import SpeechGraftError, counted
from speechgraft.registry.entries import Registered


def unkept(entry: Registered, config: Settings, module: nn.Module) -> Iterator[str]:
    """What would keep a part from being saved, or from being found and read in a folder.

    Args:
        entry: By which the part was asked for.
        config: That of the part.
        module: The part itself; on meta tensors, since only the names of its parameters count.
    """
    # Entries refer to somebody else's code: whatever it raises is what there is to tell.
    try:
        yield from _unread(entry, entry.load_adapter(), type(config))
    except Exception as error:  # noqa: BLE001
        yield _told(entry, "adapter", error)
    try:
        yield from _unwritten(entry, entry.load_weights()(config), module)
    except Exception as error:  # noqa: BLE001
        yield _told(entry, "weight map", error)


def _unread(entry: Registered, adapter: ConfigAdapter, config_class: type[Settings]) -> Iterator[str]:
    if adapter.config is not config_class:
        yield f"{entry}: adapter {entry.adapter!r} is that of {adapter.config.__name__}, not of {config_class.__name__}"
    if config_class.model_type != entry.name:
        found = f"{config_class.__name__} has the model_type {config_class.model_type!r}"
        yield f"{entry}: {found}, expected {entry.name!r}, by which a folder's config.json is read"


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
