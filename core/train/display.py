"""How a run is watched: a bar on a terminal, lines elsewhere, and TensorBoard where asked for."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from time import monotonic
from types import TracebackType
from typing import Any, Self

from speechgraft.train.extras import need

HISTORY_FILE = "history.jsonl"


class Display:
    """Tells a person how a run goes, on standard error, and keeps `history.jsonl`.

    Args:
        out: The run's folder.
        steps: Of the whole run.
        first: Steps done before.
        log_every: Steps between two lines.
        log_dir: Folder for TensorBoard's event files.
        shown: Whether this process shows and writes anything.
    """

    def __init__(
        self, out: Path, *, steps: int, first: int, log_every: int, log_dir: Path | None = None, shown: bool = True
    ) -> None:
        self._history = out / HISTORY_FILE
        self._steps, self._first, self._log_every, self._shown = steps, first, log_every, shown
        self._board = need("torch.utils.tensorboard").SummaryWriter(log_dir) if log_dir and shown else None
        self._sums: dict[str, Any] = {}
        self._utterances = self._count = 0
        self._since = monotonic()
        self._wer = ""
        self._bar = self._make_bar()
        self._task = self._bar.add_task("fit", total=steps, completed=first, told="") if self._bar else None

    def _make_bar(self) -> Any:
        if not (self._shown and sys.stderr.isatty()):
            return None
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        columns = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[told]}"), TimeRemainingColumn())
        return Progress(*columns, console=Console(stderr=True))

    def __enter__(self) -> Self:
        if self._shown:
            _forget_after(self._history, self._first)
        if self._bar:
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar:
            self._bar.stop()
        if self._board:
            self._board.close()

    def step(self, done: int, losses: dict[str, Any], utterances: int, rate: float) -> None:
        """Take in one step: its losses (tensors are read only when they are shown) and utterances."""
        for name, value in losses.items():
            self._sums[name] = self._sums.get(name, 0.0) + value
        self._count += 1
        self._utterances += utterances
        if self._bar:
            self._bar.update(self._task, completed=done)
        if done % self._log_every == 0 or done == self._steps:
            self._flush(done, rate)

    def _flush(self, done: int, rate: float) -> None:
        if not self._shown:
            self._sums.clear()
            return
        now = monotonic()
        means = {name: float(value) / self._count for name, value in self._sums.items()}
        speed = self._utterances / max(1e-9, now - self._since)
        told = " ".join([*(f"{name} {value:.3f}" for name, value in means.items()), f"{speed:.1f} utterances/s"])
        if self._bar:
            self._bar.update(self._task, told=f"{told} {self._wer}")
        else:
            self.say(f"step {done}/{self._steps} {told} lr {rate:.2e}")
        self.record(done, {**means, "utterances_per_second": speed, "lr": rate})
        self._sums.clear()
        self._count = self._utterances = 0
        self._since = now

    def evaluated(self, done: int, wer: float, cer: float, seconds: float, *, is_best: bool) -> None:
        """Take in an evaluation."""
        self._wer = f"WER {wer:.2%}"
        self.say(f"step {done}/{self._steps} {self._wer} CER {cer:.2%} ({seconds:.1f} s){' best' if is_best else ''}")
        self.record(done, {"wer": wer, "cer": cer})
        # Utterances a second are those of training.
        self._since += seconds

    def record(self, done: int, values: dict[str, float]) -> None:
        """Keep numbers of a step in `history.jsonl` and for TensorBoard."""
        if not self._shown:
            return
        with self._history.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"step": done, **values}) + "\n")
        if self._board:
            for name, value in values.items():
                self._board.add_scalar(name, value, done)

    def say(self, line: str) -> None:
        """One line, above the bar where there is one."""
        if self._bar:
            self._bar.console.print(line, highlight=False, markup=False)
        elif self._shown:
            print(line, file=sys.stderr, flush=True)


def _forget_after(history: Path, step: int) -> None:
    """Drop what a run wrote after the checkpoint that it goes on from."""
    if not history.exists():
        return
    kept = []
    for line in history.read_text(encoding="utf-8").splitlines():
        try:
            if json.loads(line)["step"] <= step:
                kept.append(line + "\n")
        except (ValueError, KeyError, TypeError):
            continue  # the last line of a run that was killed while it wrote
    history.write_text("".join(kept), encoding="utf-8")
