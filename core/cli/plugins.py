"""`speechgraft plugins`: who brought what, and which plugins are broken, and why."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from speechgraft.registry import Catalog, Origin

KINDS = ("encoders", "decoders", "connectors")
"""What a plugin may register."""


def command(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    everything: Annotated[
        bool,
        typer.Option(
            "--all", help="List those too that SPEECHGRAFT_PLUGINS leaves out, and import all that entries refer to."
        ),
    ] = False,
) -> None:
    """List the plugins that are installed, what each registers, and what is wrong with those that are broken.

    SPEECHGRAFT_PLUGINS=name,name loads these plugins or packages alone; speechgraft stands for the built-in ones.
    """
    from speechgraft.registry import default_catalog

    found = describe(default_catalog(), everything=everything)
    print(json.dumps(found, indent=2) if as_json else _text(found))


def describe(catalog: Catalog, *, everything: bool = False) -> list[dict[str, Any]]:
    """Every plugin with its package, version, state, what it registers and, where it is broken, the reason.

    The state is `"ok"`, `"broken"` or, with `everything`, `"left out"`. With `everything` all that entries refer to is
    imported too, models and torch with them, so that what is not there is told of before it is needed.
    """
    from speechgraft.registry.faults import faults

    plugins = {origin: _plugin(origin, "ok") for origin in catalog.plugins}
    wrong: dict[Origin, list[str]] = {origin: [] for origin in catalog.plugins}
    for (role, name), origin in catalog.origins.items():
        plugins[origin][f"{role}s"].append(name)
        wrong[origin] += faults(catalog.entry(role, name)) if everything else []
    for origin, problems in wrong.items():
        if problems:
            plugins[origin].update(state="broken", broken="; ".join(problems))
    broken = [{**_plugin(one.origin, "broken"), "broken": one.reason} for one in catalog.broken]
    left_out = [_plugin(origin, "left out") for origin in catalog.unwanted] if everything else []
    return [*plugins.values(), *broken, *left_out]


def _plugin(origin: Origin, state: str) -> dict[str, Any]:
    return {
        "plugin": origin.plugin,
        "package": origin.package,
        "version": origin.version,
        **{kind: [] for kind in KINDS},
        "state": state,
        "broken": None,
    }


def _text(found: list[dict[str, Any]]) -> str:
    """A table, and under it a line for each that is broken: reasons are too long for a column."""
    from speechgraft.cli.listing import ABSENT
    from speechgraft.cli.table import table

    told = ("plugin", "package", "version")
    rows = [
        [*(one[key] for key in told), *(", ".join(one[kind]) or ABSENT for kind in KINDS), one["state"]]
        for one in found
    ]
    broken = [
        f"broken: plugin {one['plugin']!r} of {one['package']} {one['version']}: {one['broken']}"
        for one in found
        if one["broken"] is not None
    ]
    return "\n".join([table((*told, *KINDS, "state"), rows), *broken])
