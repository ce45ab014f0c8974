"""`speechgraft transcribe`: audio files in, words out."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, Any, TypeGuard

import typer

from speechgraft.cli.results import Folder, Printed, Recording, Results, one_kind, written
from speechgraft.errors import InputError, counted, did_you_mean

if TYPE_CHECKING:
    import torch

    from speechgraft.bundle import Failure, Transcriber, Transcript
    from speechgraft.ctc import LanguageModel

_DTYPES = ("float32", "bfloat16", "float16", "auto")

_SOME_FAILED = 1


def command(
    inputs: Annotated[
        list[str], typer.Argument(help="Audio files, folders (searched to the bottom), - for standard input.")
    ],
    model: Annotated[
        str | None,
        typer.Option(
            help="Folder or hub id of a bundle, or its export to ONNX; else the one for spoken digits inside."
        ),
    ] = None,
    batch_size: Annotated[int, typer.Option(help="The most recordings that go through the model at once.")] = 8,
    as_json: Annotated[bool, typer.Option("--json", help="Write one JSON object a line.")] = False,
    output: Annotated[Path | None, typer.Option(help="Write the results to this file.")] = None,
    device: Annotated[str, typer.Option(help="Where the model runs: cpu, cuda, cuda:1, ...")] = "cpu",
    dtype: Annotated[str, typer.Option(help="Numbers to compute with: float32, bfloat16, float16, auto.")] = "float32",
    max_seconds: Annotated[float, typer.Option(min=0, help="Refuse longer recordings; 0 takes any.")] = 300.0,
    beams: Annotated[int | None, typer.Option(min=1, help="Width of the beam search; 1 reads greedily.")] = None,
    lm: Annotated[Path | None, typer.Option(help="Language model for a CTC model: ARPA, or KenLM's binary.")] = None,
    lm_weight: Annotated[float | None, typer.Option(help="Weight of the language model (0.5).")] = None,
    word_bonus: Annotated[float | None, typer.Option(help="Added for each word beside a language model (1.0).")] = None,
    srt: Annotated[bool, typer.Option("--srt", help="Write captions as SubRip.")] = False,
    vtt: Annotated[bool, typer.Option("--vtt", help="Write captions as WebVTT.")] = False,
    output_dir: Annotated[
        Path | None, typer.Option(help="Write files for each recording into this folder: .json, .srt, .vtt, or .txt.")
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace files in --output-dir.")] = False,
    times: Annotated[
        str | None, typer.Option(help="What a pair's words get their seconds by: words (the best), ctc, attention.")
    ] = None,
    stream: Annotated[bool, typer.Option("--stream", help="Print one recording's words as they appear.")] = False,
) -> None:
    """Print the words of each recording: alone for one file, as `path: words` for several.

    With --json, --srt and --vtt words have the seconds in which they are said.

    What cannot be transcribed is listed on standard error when the others are done, and the exit status is then
    1; it is 2 where the only file fails.
    """
    begun = time.perf_counter()
    recordings = _recordings(inputs)
    kinds = [kind for kind, asked in (("json", as_json), ("srt", srt), ("vtt", vtt)) if asked]
    options: dict[str, Any] = {"num_beams": beams, "alpha": lm_weight, "beta": word_bonus, "times": times}
    options |= {"times": times or "words"} if kinds else {}
    options |= {"language_model": _language_model(lm), "max_seconds": max_seconds or None}
    options = {name: value for name, value in options.items() if value is not None or name == "max_seconds"}
    if times is not None and not kinds:
        raise InputError(f"--times {times}: words alone show no seconds; pass --json, --srt or --vtt too")
    if _is_exported(model):
        _leave_times_out(model, kinds, times, options)
    if stream:
        _check_stream(recordings, kinds, output, output_dir)
        _print_stream(_transcriber(model, device, dtype), recordings[0], options)
        return
    failures: list[Failure] = []
    seconds = 0.0
    with _results(recordings, kinds, output, output_dir, overwrite) as results:
        transcripts = _transcriber(model, device, dtype).batch(
            (_opened(recording.name) for recording in recordings),
            batch_size=batch_size,
            on_error=failures.append if len(recordings) > 1 else None,
            **options,
        )
        left = iter(enumerate(recordings))
        for transcript in _with_progress(transcripts, len(recordings), failures):
            # Failures are told of before the transcripts behind them.
            failed = {failure.index for failure in failures}
            recording = next(each for place, each in left if place not in failed)
            seconds += transcript.seconds
            results.write(recording, transcript)
            _warn(transcript)
    if len(recordings) > 1:
        _summarise(len(recordings), failures, seconds, time.perf_counter() - begun)
    if failures:
        raise typer.Exit(_SOME_FAILED)


def _recordings(inputs: list[str]) -> list[Recording]:
    """The files that the arguments name; what is missing stays, to fail in its turn."""
    from speechgraft.audio import AUDIO_SUFFIXES

    found: list[Recording] = []
    for name in inputs:
        if name == "-" or not os.path.isdir(name):
            found.append(Recording(name, Path("stdin" if name == "-" else Path(name).stem)))
            continue
        within = sorted(path for path in Path(name).rglob("*") if path.suffix.lower() in AUDIO_SUFFIXES)
        found += [Recording(str(path), path.relative_to(name).with_suffix("")) for path in within if path.is_file()]
        if not within:
            raise InputError(f"{name}: no audio file in this folder, expected {', '.join(AUDIO_SUFFIXES)}")
    return found


@contextmanager
def _results(
    recordings: list[Recording], kinds: list[str], output: Path | None, folder: Path | None, overwrite: bool
) -> Iterator[Results]:
    """Where the transcripts go, open."""
    if folder is not None:
        if output is not None:
            raise InputError("--output and --output-dir were passed together; pass one of them")
        yield Folder(folder, kinds or ["txt"], recordings, overwrite=overwrite)
        return
    if overwrite:
        raise InputError("--overwrite is for --output-dir; --output always replaces its file")
    kind = one_kind(kinds, recordings)
    with written(output) as file:
        yield Printed(kind, several=len(recordings) > 1, file=file)


def _check_stream(recordings: list[Recording], kinds: list[str], output: Path | None, folder: Path | None) -> None:
    """Refuse what streaming cannot do.

    Raises:
        InputError: Saying what.
    """
    if len(recordings) > 1:
        raise InputError(f"--stream is for one recording, not for {len(recordings)}")
    others = [f"--{kind}" for kind in kinds]
    others += [name for name, value in (("--output", output), ("--output-dir", folder)) if value is not None]
    if others:
        raise InputError(f"--stream prints words as they appear and goes with no {others[0]}")


def _print_stream(asr: Transcriber, recording: Recording, options: dict[str, Any]) -> None:
    with closing(
        asr.stream(_opened(recording.name), on_end=lambda _, transcript: _warn(transcript), **options)
    ) as texts:
        for _, text in texts:
            print(text, end="", flush=True)
    print()


def _warn(transcript: Transcript) -> None:
    for warning in transcript.warnings:
        print(f"{transcript.source}: {warning}", file=sys.stderr)


def _opened(name: str) -> str | IO[bytes]:
    return sys.stdin.buffer if name == "-" else name


def _language_model(path: Path | None) -> LanguageModel | None:
    if path is None:
        return None
    from speechgraft.ctc import load_language_model

    return load_language_model(path)


def _is_exported(model: str | None) -> TypeGuard[str]:
    """Whether the model is a folder of exported programs."""
    if model is None or not os.path.isdir(model):
        return False
    from speechgraft.export import is_export

    return is_export(Path(model))


def _leave_times_out(model: str, kinds: list[str], times: str | None, options: dict[str, Any]) -> None:
    """Ask for no seconds of an export, whose programs do not tell what is attended to.

    Raises:
        InputError: They are needed.
    """
    needed = f"--times {times}" if times is not None else next((f"--{kind}" for kind in kinds if kind != "json"), None)
    why = "an export does not tell when words are said"
    if needed is not None:
        raise InputError(f"{model}: {why}, which {needed} needs: pass the folder that was exported")
    if options.pop("times", None) is not None:
        print(f"{model}: {why}: no words with seconds are written", file=sys.stderr)


def _transcriber(model: str | None, device: str, dtype: str) -> Transcriber:
    if dtype not in _DTYPES:
        raise InputError(f"--dtype {dtype}: expected {', '.join(_DTYPES)}{did_you_mean(dtype, _DTYPES)}")
    import torch

    from speechgraft.bundle import Transcriber

    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        raise InputError(f"--device {device}: {str(error).splitlines()[0]}") from None
    if _is_exported(model):
        return _exported(model, device, None if dtype == "auto" else getattr(torch, dtype))
    asr = Transcriber.from_pretrained(model, device=device, dtype="auto" if dtype == "auto" else getattr(torch, dtype))
    report = asr.model.load_report
    for key in report.unknown_config_keys if report is not None else ():
        print(f"{model}: config.json holds {key!r}, which nothing reads", file=sys.stderr)
    return asr


def _exported(folder: str, device: str, dtype: torch.dtype | None) -> Transcriber:
    """A transcriber of exported programs.

    Raises:
        CheckpointError: They are of torch.export, which is code; or see `load_exported_parts`.
        InputError: They are to run elsewhere than on the CPU, or in other numbers than float32.
    """
    from speechgraft.bundle import Transcriber
    from speechgraft.export import load_exported_parts

    asr = Transcriber(*load_exported_parts(folder))
    asr.model.to(device=device, dtype=dtype)
    return asr


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
    print(f"{counted(count, 'file')}, {seconds:.1f} s of audio in {took:.1f} s", file=sys.stderr)
    if failures:
        print(f"{len(failures)} of {total} could not be transcribed:", file=sys.stderr)
    for failure in failures:
        print(f"  {failure.error}", file=sys.stderr)
