"""`speechgraft evaluate`: error rates of a model on a manifest."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from speechgraft.errors import InputError, did_you_mean

if TYPE_CHECKING:
    from speechgraft.train.evaluation import Evaluation


def command(
    manifest: Annotated[
        Path, typer.Argument(help="JSON lines or CSV with the columns audio and text.", show_default=False)
    ],
    model: Annotated[
        str | None, typer.Option(help="Folder or hub id of a bundle. [default: the digits inside]")
    ] = None,
    batch_size: Annotated[int, typer.Option(min=1, help="Recordings that go through the model at once.")] = 8,
    by: Annotated[
        str | None, typer.Option(help="Column to list the error rates by. [default: speaker, where there is one]")
    ] = None,
    device: Annotated[str, typer.Option(help="Where the model runs.")] = "cpu",
    max_seconds: Annotated[float, typer.Option(min=0, help="The longest recording that is taken.")] = 300.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    output: Annotated[Path | None, typer.Option(help="File for each utterance's words and errors, JSON lines.")] = None,
) -> None:
    """Measure word and character error rates, and how fast they came."""
    from speechgraft.bundle import Transcriber
    from speechgraft.train.evaluation import evaluate
    from speechgraft.train.manifest import read_manifest

    rows = read_manifest(manifest)
    columns = {name for row in rows for name in row.columns}
    if by is not None and by not in columns:
        raise InputError(f"--by {by}: {manifest} has no such column{did_you_mean(by, columns)}")
    by = by or "speaker"
    asr = Transcriber.from_pretrained(model, device=device)
    found = evaluate(asr, rows, batch_size=batch_size, max_seconds=max_seconds)
    if output is not None:
        lines = (json.dumps(heard.to_dict(), ensure_ascii=False) + "\n" for heard in found.heard)
        output.write_text("".join(lines), encoding="utf-8")
    print(json.dumps(found.to_dict(by), indent=2, ensure_ascii=False) if as_json else found.table(by))
    _list_failures(found)


def _list_failures(found: Evaluation) -> None:
    """Name what could not be transcribed, on standard error, and end with status 1 where there is any."""
    for failure in found.failures:
        print(f"speechgraft: {' '.join(str(failure.error).split())}", file=sys.stderr)
    if found.failures:
        raise typer.Exit(1)
