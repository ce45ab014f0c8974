"""Case after case in this process."""

from __future__ import annotations

import gc
import os
import shutil
from pathlib import Path

from fuzzing.cases import KINDS, make
from fuzzing.guard import Verdict, Watch, watched


class Attempts:
    """Makes cases in a folder and tries them there.

    Args:
        seeds: Where the whole folders are; each is read once, so that what is imported late is there.
        scratch: Where cases are made.
    """

    def __init__(self, seeds: Path, scratch: Path) -> None:
        self._seeds, self._scratch = seeds, scratch
        # Where a panic was would be looked up in 50 MB of names.
        os.environ.update(RUST_BACKTRACE="0", TOKENIZERS_PARALLELISM="false")
        for kind in KINDS.values():
            for folder in kind.seeds(seeds):
                kind.read(folder)
        self._watch = Watch()

    def __call__(self, kind: str, data: bytes) -> Verdict:
        """Make a case and try it."""
        place = self._scratch / "case"
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(parents=True)
        case = make(kind, data, self._seeds, place)
        verdict = watched(self._watch, case.folder, case.kind.read, case.room)
        gc.collect(0)
        return verdict
