"""Cases in a process of their own, which may die or hang without taking the count with it."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import signal
import tempfile
from multiprocessing.connection import Connection
from pathlib import Path
from types import TracebackType
from typing import Self

from fuzzing.guard import Verdict

HANG_SECONDS = 30.0
"""After which a case that computes nothing is said to hang."""


class Pool:
    """One process that tries case after case; a new one where it died.

    Args:
        seeds: Where the whole folders are.
        nice: By how much its priority is lowered.
    """

    def __init__(self, seeds: Path, nice: int = 0) -> None:
        self._seeds, self._nice = seeds, nice
        self._scratch = Path(tempfile.mkdtemp(prefix="fuzz-"))
        self._context = multiprocessing.get_context("spawn")
        self._begin()

    def _begin(self) -> None:
        self._ours, theirs = self._context.Pipe()
        self._process = self._context.Process(
            target=_serve, args=(theirs, self._seeds, self._scratch, self._nice), daemon=True
        )
        self._process.start()
        theirs.close()
        if not self._ours.poll(300) or self._ours.recv() != "ready":
            raise RuntimeError("the process of the cases did not begin")

    @property
    def process_id(self) -> int:
        """Of the process that tries them."""
        return self._process.pid or 0

    def run(self, kind: str, data: bytes) -> Verdict:
        """Try a case."""
        try:
            self._ours.send((kind, data))
            if self._ours.poll(HANG_SECONDS):
                verdict: Verdict = self._ours.recv()
                return verdict
            self._process.kill()
            ended = "hangs"
        except (EOFError, ConnectionError):
            ended = "dies"
        self._process.join()
        code = self._process.exitcode or 0
        ended += f" of {signal.Signals(-code).name}" if ended == "dies" and code < 0 else ""
        self._begin()
        return Verdict("fault", ended)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._ours.close()
        self._process.join(10)
        if self._process.is_alive():
            self._process.kill()
        shutil.rmtree(self._scratch, ignore_errors=True)


def _serve(pipe: Connection, seeds: Path, scratch: Path, nice: int) -> None:
    """Try what is asked for until the pipe ends."""
    import torch

    from fuzzing.attempts import Attempts

    os.nice(nice)
    torch.set_num_threads(1)
    attempts = Attempts(seeds, scratch)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # libraries tell of all the damage that they find
    pipe.send("ready")
    while True:
        try:
            kind, data = pipe.recv()
        except (EOFError, KeyboardInterrupt):
            return
        pipe.send(attempts(kind, data))
