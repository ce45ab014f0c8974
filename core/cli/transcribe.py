"""`speechgraft transcribe`: audio files in, words out."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, Any

import attrs
import typer

from speechgraft.errors import InputError, did_you_mean

if TYPE_CHECKING:
    from speechgraft.bundle import Failure, Transcript
    from speechgraft.ctc import LanguageModel

_DTYPES = ("float32", "bfloat16", "float16", "auto")

_SOME_FAILED = 1


def command(
    inputs: Annotated[
        list[str], typer.Argument(help="Audio files, folders (searched to the bottom), - for standard input.")
    ],
    model: Annotated[
        str | None, typer.Option(help="Folder or hub id of a bundle; without it, the model for spoken digits inside.")
    ] = None,
    batch_size: Annotated[int, typer.Option(help="The most recordings that go through the model at once.")] = 8,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object a line.")] = False,
    output: Annotated[Path | None, typer.Option(help="Write the results to this file.")] = None,
    device: Annotated[str, typer.Option(help="Where the model runs: cpu, cuda, cuda:1, ...")] = "cpu",
    dtype: Annotated[str, typer.Option(help="Numbers to compute with: float32, bfloat16, float16, auto.")] = "float32",
    max_seconds: Annotated[float, typer.Option(min=0, help="Refuse longer recordings; 0 takes any.")] = 300.0,
    beams: Annotated[int | None, typer.Option(help="Width of a CTC model's beam search; 1 reads greedily.")] = None,
    lm: Annotated[Path | None, typer.Option(help="Language model for a CTC model: ARPA, or KenLM's binary.")] = None,
    lm_weight: Annotated[float | None, typer.Option(help="Weight of the language model (0.5).")] = None,
    word_bonus: Annotated[float | None, typer.Option(help="Added for each word beside a language model (1.0).")] = None,
) -> None:
    """Print the words of each recording: alone for one file, as `path: words` for several.

    With --json a CTC model's words come with the seconds in which they are said.

    What cannot be transcribed is listed on standard error when the others are done, and the exit status is then
    1; it is 2 where the only file fails.
    """
    begun = time.perf_counter()
    sources = _sources(inputs)
    show = _as_json if as_json else _as_words if len(sources) == 1 else _as_line
    failures: list[Failure] = []
    seconds = 0.0
    options = {"num_beams": beams, "language_model": _language_model(lm), "alpha": lm_weight, "beta": word_bonus}
    with _written(output) as file:
        transcriber = _transcriber(model, device, dtype)
        transcripts = transcriber.batch(
            (_opened(source) for source in sources),
            batch_size=batch_size,
            max_seconds=max_seconds or None,
            on_error=failures.append if len(sources) > 1 else None,
            **{name: value for name, value in options.items() if value is not None},
        )
        for transcript in _with_progress(transcripts, len(sources), failures):
            seconds += transcript.seconds
            print(show(transcript), file=file or sys.stdout, flush=True)
            for warning in transcript.warnings:
                print(f"{transcript.source}: {warning}", file=sys.stderr)
    if len(sources) > 1:
        _summarise(len(sources), failures, seconds, time.perf_counter() - begun)
    if failures:
        raise typer.Exit(_SOME_FAILED)


def _sources(inputs: list[str]) -> list[str]:
    """The files that the arguments name; what is missing stays, to fail in its turn."""
    from speechgraft.audio import AUDIO_SUFFIXES

    found: list[str] = []
    for name in inputs:
        if name == "-" or not os.path.isdir(name):
            found.append(name)
            continue
        within = sorted(path for path in Path(name).rglob("*") if path.suffix.lower() in AUDIO_SUFFIXES)
        found += [str(path) for path in within if path.is_file()]
        if not within:
            raise InputError(f"{name}: no audio file in this folder, expected {', '.join(AUDIO_SUFFIXES)}")
    return found


def _opened(name: str) -> str | IO[bytes]:
    return sys.stdin.buffer if name == "-" else name


def _language_model(path: Path | None) -> LanguageModel | None:
    if path is None:
        return None
    from speechgraft.ctc import load_language_model

    return load_language_model(path)


def _transcriber(model: str | None, device: str, dtype: str) -> Any:
    if dtype not in _DTYPES:
        raise InputError(f"--dtype {dtype}: expected {', '.join(_DTYPES)}{did_you_mean(dtype, _DTYPES)}")
    import torch

    from speechgraft.bundle import Transcriber

    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        raise InputError(f"--device {device}: {str(error).splitlines()[0]}") from None
    asr = Transcriber.from_pretrained(model, device=device, dtype="auto" if dtype == "auto" else getattr(torch, dtype))
    report = asr.model.load_report
    for key in report.unknown_config_keys if report is not None else ():
        print(f"{model}: config.json holds {key!r}, which nothing reads", file=sys.stderr)
    return asr


def _as_words(transcript: Transcript) -> str:
    return transcript.text


def _as_line(transcript: Transcript) -> str:
    return f"{transcript.source}: {transcript.text}"


def _as_json(transcript: Transcript) -> str:
    return json.dumps({"audio": transcript.source, **attrs.asdict(transcript, filter=_told)}, ensure_ascii=False)


def _told(attribute: attrs.Attribute[Any], value: Any) -> bool:
    return attribute.name != "source" and value is not None


@contextmanager
def _written(path: Path | None) -> Iterator[IO[str] | None]:
    """A file that takes the place of `path` when all is written; until then the old one stays.

    After an interruption the lines that were written are in `path` with `.part` behind it.
    """
    if path is None:
        yield None
        return
    part = path.with_name(path.name + ".part")
    with part.open("w", encoding="utf-8") as file:
        yield file
    part.replace(path)


def _with_progress(transcripts: Iterator[Transcript], total: int, failures: list[Failure]) -> Iterator[Transcript]:
    """The same transcripts, with a bar on standard error where that is a terminal."""
    if not sys.stderr.isatty() or total == 1:
        yield from transcripts
        return
    from rich.console import Console
    from rich.progress import MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    columns = (TextColumn("transcribing"), *Progress.get_default_columns()[1:2], MofNCompleteColumn())
    with Progress(
        *columns,
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
        # Redirected, what is printed would go where the bar is, and not into a pipe.
        redirect_stdout=sys.stdout.isatty(),
    ) as progress:
        task = progress.add_task("", total=total)
        for done, transcript in enumerate(transcripts, start=1):
            progress.update(task, completed=done + len(failures))
            yield transcript


def _summarise(total: int, failures: list[Failure], seconds: float, took: float) -> None:
    count = total - len(failures)
    print(f"{count} files, {seconds:.1f} s of audio in {took:.1f} s", file=sys.stderr)
    if failures:
        print(f"{len(failures)} of {total} could not be transcribed:", file=sys.stderr)
    for failure in failures:
        print(f"  {failure.error}", file=sys.stderr)
