"""`speechgraft connectors`: what may stand between an encoder and a decoder."""

from __future__ import annotations

from typing import Annotated

import typer


def command(
    pattern: Annotated[str, typer.Argument(help="Names to list; *, ? and [...] match as in file names.")] = "*",
    as_json: Annotated[
        bool, typer.Option("--json", help="Print JSON, with everything that an entry declares.")
    ] = False,
) -> None:
    """List the connectors that are installed, with the package that each comes from."""
    from speechgraft.cli.listing import print_entries

    print_entries("connector", pattern, ("shortens",), as_json=as_json)
