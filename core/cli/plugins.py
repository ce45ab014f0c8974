"""`speechgraft plugins`: who brought which encoders, decoders and connectors, and which plugins are broken."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from speechgraft.registry import Catalog


def command(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List the plugins that are installed, what each brings, and what is wrong with those that are broken."""
    from speechgraft.registry import default_catalog

    found = describe(default_catalog())
    print(json.dumps(found, indent=2) if as_json else _text(found))


def describe(catalog: Catalog) -> list[dict[str, Any]]:
    """Every plugin with its package, version, what it registers and, where it is broken, the reason."""
    plugins: dict[Any, dict[str, Any]] = {}
    for (role, name), origin in catalog.origins.items():
        plugin = plugins.setdefault(origin, _plugin(origin))
        plugin[f"{role}s"].append(name)
    return [*plugins.values(), *({**_plugin(one.origin), "broken": one.reason} for one in catalog.broken)]


def _plugin(origin: Any) -> dict[str, Any]:
    return {
        "plugin": origin.plugin,
        "package": origin.package,
        "version": origin.version,
        "encoders": [],
        "decoders": [],
        "connectors": [],
        "broken": None,
    }


def _text(found: list[dict[str, Any]]) -> str:
    from speechgraft.cli.listing import ABSENT
    from speechgraft.cli.table import table

    header = ("plugin", "package", "version", "encoders", "decoders", "connectors")
    rows = [
        [
            one["plugin"],
            one["package"],
            one["version"],
            *(", ".join(one[f"{role}s"]) or ABSENT for role in ("encoder", "decoder", "connector")),
        ]
        for one in found
        if one["broken"] is None
    ]
    broken = [
        f"broken: plugin {one['plugin']!r} of {one['package']} {one['version']}: {one['broken']}"
        for one in found
        if one["broken"] is not None
    ]
    return "\n".join([table(header, rows), *broken])
