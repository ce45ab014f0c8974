"""`speechgraft check --all-pairs`: the compatibility kit over everything that is installed, as a table or a page."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from speechgraft.testing.matrix import Tried

FAILED = 1
"""The exit status where something does not hold."""


def run(patterns: dict[str, str], level: str, jobs: int | None, html: Path | None, *, as_json: bool) -> None:
    """Try all that matches, tell of each on standard error as it is done, and print the table or JSON of all.

    Raises:
        InputError: There is no such level.
        UnknownPluginError: Nothing matches a pattern.
        MissingExtraError: The extra `testing` is not installed.
        typer.Exit: Something does not hold.
    """
    from speechgraft.errors import InputError
    from speechgraft.registry import default_catalog
    from speechgraft.testing import LEVELS
    from speechgraft.testing.matrix import combinations, try_all
    from speechgraft.testing.page import page

    if level not in LEVELS:
        raise InputError(f"--level {level}: expected one of {', '.join(LEVELS)}")
    chosen, tried = combinations(default_catalog(), **patterns), []
    if html is not None:
        html.touch()  # a place that cannot be written to is told now, and not after minutes
    for each in try_all(chosen, level, jobs=min(jobs or os.cpu_count() or 1, len(chosen))):
        tried.append(each)
        print(f"{len(tried)}/{len(chosen)} {each.combination}: {each.verdict}", file=sys.stderr, flush=True)
    if html is not None:
        html.write_text(page(tried, level), encoding="utf-8")
    print(json.dumps(_described(tried, level), indent=2) if as_json else _text(tried))
    if not all(each.ok for each in tried):
        raise typer.Exit(FAILED)


def _described(tried: Sequence[Tried], level: str) -> dict[str, Any]:
    return {"level": level, "ok": all(each.ok for each in tried), "combinations": [each.to_dict() for each in tried]}


def _text(tried: Sequence[Tried]) -> str:
    """A row for each encoder and connector, a column for each decoder; under them what does not hold."""
    from speechgraft.cli.table import table

    found = {each.combination: each for each in tried}
    decoders = dict.fromkeys(each.decoder for each in found)
    rows: dict[tuple[str, str], list[str]] = {}
    for names, each in found.items():
        rows.setdefault((names.encoder, names.connector), []).append(each.verdict)
    lines = [table(("encoder", "connector", *decoders), [[*names, *verdicts] for names, verdicts in rows.items()])]
    for each in tried:
        lines += [f"\n{each.combination}: {problem}" for problem in each.report.problems]
        lines += [f"\n{each.combination}: {outcome.problem}" for outcome in each.failed]
    holding = sum(each.ok for each in tried)
    return "\n".join([*lines, f"\n{holding} of {len(tried)} combinations are ok"])
