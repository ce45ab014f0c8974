"""Try so many cases of every kind and tell what came of them: `python -m fuzzing 20000`."""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from fuzzing.cases import KINDS
from fuzzing.draws import bytes_of
from fuzzing.guard import MIB, Verdict
from fuzzing.pool import Pool
from fuzzing.seeds import plant

_LIKENESS = 80
"""Letters, without paths and numbers, in which faults are alike: one of each is shown."""


def main() -> int:
    """Print a line for each kind and each fault; the exit status is whether there are faults."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("cases", type=int, nargs="?", default=20_000, help="how many in all")
    asked.add_argument("--kinds", nargs="+", default=list(KINDS), choices=list(KINDS))
    asked.add_argument("--begin", type=int, default=0, help="number of the first case")
    asked.add_argument("--nice", type=int, default=10)
    given = asked.parse_args()
    each = -(-given.cases // len(given.kinds))
    faults: list[str] = []
    with tempfile.TemporaryDirectory(prefix="seeds-") as folder:
        plant(Path(folder))
        with Pool(Path(folder), given.nice) as pool:
            for kind in given.kinds:
                faults += _try(pool, kind, range(given.begin, given.begin + each))
    print(f"{each * len(given.kinds)} cases, {len(faults)} faults")
    return int(bool(faults))


def _try(pool: Pool, kind: str, numbers: range) -> list[str]:
    """Faults of a kind's cases of these numbers."""
    begun, outcomes, most, faults = time.time(), Counter[str](), Verdict("loaded", ""), []
    seen: set[str] = set()
    for number in numbers:
        verdict = pool.run(kind, bytes_of(number))
        outcomes[verdict.outcome] += 1
        most = max(most, verdict, key=lambda each: each.extra)
        if verdict.outcome == "fault":
            faults.append(f"{kind} {number}: {verdict.detail}")
            alike = re.sub(r"[^ ]*/[^ ]*|[0-9.]+", "", verdict.detail)[:_LIKENESS]
            if alike not in seen:
                print(f"  {faults[-1]}", flush=True)
            seen.add(alike)
    told = ", ".join(f"{outcomes[name]:6} {name}" for name in ("loaded", "refused", "fault"))
    print(f"{kind:16} {told}, at most {most.extra / MIB:4.0f} MiB more, {time.time() - begun:5.0f} s", flush=True)
    return faults


if __name__ == "__main__":
    sys.exit(main())
