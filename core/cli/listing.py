"""What listings have in common: names of the catalog that match a pattern, with who brought them."""

from __future__ import annotations

import json
import sys
from typing import Any

from speechgraft.cli.table import table
from speechgraft.registry import Catalog, Role, default_catalog

EVERYTHING = "*"
"""The pattern that all names match, of which there may be none."""

ABSENT = "-"
"""What stands in a table where there is nothing."""


def print_entries(role: Role, pattern: str, columns: tuple[str, ...], *, as_json: bool) -> None:
    """Print the entries that match, as a table with these capabilities or as JSON with all of them.

    Plugins that are broken are named on standard error: what somebody looks for may be theirs.

    Raises:
        UnknownPluginError: A pattern was given, and nothing matches.
    """
    catalog = default_catalog()
    names = catalog.list_names(role, pattern)
    if not names and pattern != EVERYTHING:
        catalog.entry(role, pattern)
    if catalog.broken:
        plugins = ", ".join(one.origin.plugin for one in catalog.broken)
        print(f"broken, and so not here: {plugins}; `speechgraft plugins` says why", file=sys.stderr)
    found = [_described(catalog, role, name) for name in names]
    if as_json:
        print(json.dumps(found, indent=2))
        return
    heading = ("name", *columns, "package", "summary")
    print(
        table([title.replace("_", " ") for title in heading], [[_cell(one[key]) for key in heading] for one in found])
    )


def _described(catalog: Catalog, role: Role, name: str) -> dict[str, Any]:
    entry, origin = catalog.entry(role, name), catalog.origin(role, name)
    return {
        "name": name,
        "summary": entry.summary,
        "package": origin.package,
        "version": origin.version,
        "config": entry.config,
        **entry.capabilities(),
    }


def _cell(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ABSENT if value in (None, "") else str(value)
