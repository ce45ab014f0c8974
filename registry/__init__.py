"""The sockets: what a plugin registers, the catalog of it, and pairs made from it.

Third parties may rely on every name here. Importing this package imports no torch.
"""

from __future__ import annotations

from speechgraft.registry.catalog import BrokenPlugin, Catalog, Origin
from speechgraft.registry.discovery import Plugin, collect, default_catalog, list_decoders, list_encoders
from speechgraft.registry.entries import INTERFACE, DecoderEntry, EncoderEntry, Role
from speechgraft.registry.hookspecs import hookimpl, hookspec
from speechgraft.registry.pairing import check, pair
from speechgraft.registry.report import PairReport

__all__ = [
    "INTERFACE",
    "BrokenPlugin",
    "Catalog",
    "DecoderEntry",
    "EncoderEntry",
    "Origin",
    "PairReport",
    "Plugin",
    "Role",
    "check",
    "collect",
    "default_catalog",
    "hookimpl",
    "hookspec",
    "list_decoders",
    "list_encoders",
    "pair",
]
