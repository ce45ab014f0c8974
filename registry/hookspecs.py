"""The hooks through which a package brings encoders, decoders and connectors.

A plugin is a module with functions of these names, marked with `hookimpl`. It names itself in its
own `pyproject.toml`, and is found once the package is installed:

    [project.entry-points.speechgraft]
    my-encoder = "my_package.hooks"

The module should import nothing heavy: entries refer to their classes by import strings. A whole
plugin, registered by hand here instead of being installed:

    >>> from types import ModuleType
    >>> from speechgraft.registry import EncoderEntry, Plugin, collect, hookimpl
    >>> hooks = ModuleType("my_package.hooks")
    >>> @hookimpl
    ... def speechgraft_encoders():
    ...     yield EncoderEntry(
    ...         name="my-encoder",
    ...         config="my_package.config:MyConfig",
    ...         adapter="my_package.config:ADAPTER",
    ...         factory="my_package.encoder:MyEncoder",
    ...         weights="my_package.weights:weight_map",
    ...         input_kind="waveform",
    ...         tiny={"hidden_size": 16, "num_hidden_layers": 2},
    ...         summary="frames of 20 ms from a waveform",
    ...     )
    >>> hooks.speechgraft_encoders = speechgraft_encoders
    >>> catalog = collect([Plugin.of(hooks, package="my-package", version="1.0")])
    >>> catalog.list_encoders("my-*")
    ['my-encoder']
    >>> str(catalog.origin("encoder", "my-encoder"))
    'my-package 1.0'

A hook that is spelt otherwise, a name that is taken, or an error in the module makes that plugin
broken; `speechgraft plugins` says which and why, and the others go on.
"""

from __future__ import annotations

from collections.abc import Iterable

import pluggy

from speechgraft.registry.entries import ConnectorEntry, DecoderEntry, EncoderEntry

PROJECT = "speechgraft"
"""The name of the hooks' project for pluggy, and of the group of entry points."""

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec
def speechgraft_encoders() -> Iterable[EncoderEntry]:
    """The encoders that the plugin brings, one entry each; names are unique over all plugins."""
    return ()


@hookspec
def speechgraft_decoders() -> Iterable[DecoderEntry]:
    """The decoders that the plugin brings, one entry each; names are unique over all plugins."""
    return ()


@hookspec
def speechgraft_connectors() -> Iterable[ConnectorEntry]:
    """What the plugin brings to stand between an encoder and a decoder; names are unique over all plugins."""
    return ()
