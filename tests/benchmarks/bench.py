"""Time speechgraft against transformers on the same weights, in turn, beside what the machine can do.

    python tests/benchmarks/bench.py [encoders] [memory] [generation] [--rounds 7] [--tokens 40] [--threads 2]

Each row times both in pairs (ours, theirs, ours, ...) and prints the medians, the median of their ratio (theirs / ours:
above 1, speechgraft is faster), the roofline (the time that the arithmetic alone, or reading the weights alone, would
take at the speed measured on this machine just before), and the ratio that the roofline would be.
"""

from __future__ import annotations

import argparse

import encoders
import generation
import torch
import transformers
from machine import Machine

PARTS = ("encoders", "memory", "generation")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("parts", nargs="*", metavar="part", help=f"of {', '.join(PARTS)}; all where none is named")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--tokens", type=int, default=40)
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    if unknown := set(arguments.parts) - set(PARTS):
        parser.error(f"unknown part {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    torch.set_num_threads(arguments.threads)
    transformers.utils.logging.disable_progress_bar()

    machine = Machine.measured()
    print(f"matrix speed {machine.operations / 1e9:.0f} GFLOP/s, memory speed {machine.bandwidth / 1e9:.1f} GB/s")
    parts = arguments.parts or PARTS
    if "encoders" in parts:
        encoders.times(machine, arguments.rounds)
    if "memory" in parts:
        encoders.memory()
    if "generation" in parts:
        generation.times(machine, arguments.rounds, arguments.tokens)
        generation.growth(arguments.tokens)
        generation.live_rows()


if __name__ == "__main__":
    main()
