"""The kill table: each mutant, the property that kills it, the simplest example, seconds. Run by `make mutants`."""

from __future__ import annotations

import logging
import sys
import textwrap
from collections import Counter

import torch

from mutants import MUTANTS, Mutant
from mutants.table import Verdict
from speechgraft.testing import PROPERTIES

_FOUND, _PART = 110, 50


def main() -> int:
    """Print the table; how many live is the exit status."""
    torch.set_num_threads(1)
    logging.disable(logging.CRITICAL)  # torch.export logs at length what it could not trace
    print(f"{'mutant':54} {'killed by':22} {'seconds':>7}  found | simplest example")
    verdicts = {}
    for mutant in MUTANTS:
        verdicts[mutant] = mutant.try_it(shrink=True)
        print(row(mutant, verdicts[mutant]), flush=True)
    dead = [mutant for mutant, verdict in verdicts.items() if mutant.is_killed(verdict)]
    kills = Counter(mutant.killer for mutant in dead)
    print(f"\n{len(dead)} of {len(MUTANTS)} killed in {sum(each.seconds for each in verdicts.values()):.0f} s")
    for name in PROPERTIES:
        print(f"  {name:22} kills {kills[name]}")
    return len(MUTANTS) - len(dead) + sum(not kills[name] for name in PROPERTIES)


def row(mutant: Mutant, verdict: Verdict) -> str:
    """A line of the table."""
    killer = mutant.killer if mutant.is_killed(verdict) else "LIVES"
    found = " ".join(verdict.found.split())
    # Configs are the tiny ones, and long: what was drawn beside them tells more.
    drawn = "; ".join(textwrap.shorten(part, _PART, placeholder=" ...") for part in verdict.case.split("; "))
    told = textwrap.shorten(found, _FOUND, placeholder=" ...") + " | " + drawn
    return f"{mutant.name:54} {killer:22} {verdict.seconds:7.2f}  {told}"


if __name__ == "__main__":
    sys.exit(main())
