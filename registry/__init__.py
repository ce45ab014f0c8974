"""The sockets: what a plugin registers, the catalog of it, and pairs made from it.

Third parties may rely on every name here. Importing this package imports no torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from speechgraft.registry.catalog import BrokenPlugin, Catalog, Origin
from speechgraft.registry.discovery import (
    Plugin,
    collect,
    default_catalog,
    list_connectors,
    list_decoders,
    list_encoders,
)
from speechgraft.registry.entries import ConnectorEntry, DecoderEntry, EncoderEntry, Role
from speechgraft.registry.entry_checks import INTERFACE, OLDEST_INTERFACE
from speechgraft.registry.hookspecs import hookimpl, hookspec
from speechgraft.registry.pairing import check, pair
from speechgraft.registry.report import PairReport

if TYPE_CHECKING:
    from speechgraft.registry.ctc import CTCModel
    from speechgraft.registry.heads import SequenceClassificationModel
    from speechgraft.registry.language import LanguageModel, reads_onwards
    from speechgraft.registry.single import EncoderModel
    from speechgraft.registry.text_encoder import TextEncoderModel

__all__ = [
    "INTERFACE",
    "OLDEST_INTERFACE",
    "BrokenPlugin",
    "CTCModel",
    "Catalog",
    "ConnectorEntry",
    "DecoderEntry",
    "EncoderEntry",
    "EncoderModel",
    "LanguageModel",
    "Origin",
    "PairReport",
    "Plugin",
    "Role",
    "SequenceClassificationModel",
    "TextEncoderModel",
    "check",
    "collect",
    "default_catalog",
    "hookimpl",
    "hookspec",
    "list_connectors",
    "list_decoders",
    "list_encoders",
    "pair",
    "reads_onwards",
]

_MODELS = {
    "CTCModel": "ctc",
    "EncoderModel": "single",
    "LanguageModel": "language",
    "SequenceClassificationModel": "heads",
    "TextEncoderModel": "text_encoder",
    "reads_onwards": "language",
}


def __getattr__(name: str) -> Any:
    """The base classes of models import torch, so they come when they are asked for."""
    if name in _MODELS:
        from importlib import import_module

        return getattr(import_module(f"{__name__}.{_MODELS[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
