"""Encoders at base size, fp32, on 10 s of audio: time and peak memory."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import torch
import transformers
from machine import Machine, compare, heading
from torch.utils.flop_counter import FlopCounterMode

import speechgraft as sg
from speechgraft.nn.packing import prepared

RATE = 16_000
FAMILIES = {
    "wav2vec2": ("Wav2Vec2Config", "Wav2Vec2Model"),
    "hubert": ("HubertConfig", "HubertModel"),
    "sew": ("SEWConfig", "SEWModel"),
    "sew-d": ("SEWDConfig", "SEWDModel"),
}
"""The classes of each encoder, which have the same names on both sides."""


def batch(rows: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Noise and its mask; of several rows the last is 7 s long. *Shapes:* (rows, samples) each."""
    x, mask = torch.randn(rows, 10 * RATE), torch.ones(rows, 10 * RATE, dtype=torch.long)
    if rows > 1:
        mask[-1, 7 * RATE :] = 0
        x[-1, 7 * RATE :] = 0
    return x, mask


def written(name: str, folder: Path) -> Any:
    """The yardstick's model with random weights, and the same on disk."""
    torch.manual_seed(0)
    config, model = (getattr(transformers, each) for each in FAMILIES[name])
    theirs = model(config(mask_time_prob=0.0)).eval()
    theirs.save_pretrained(folder)
    return theirs


def times(machine: Machine, rounds: int) -> None:
    """A row for each encoder and batch size."""
    heading("encoder, base size, fp32, 10 s")
    for name, (_, model) in FAMILIES.items():
        with tempfile.TemporaryDirectory() as folder:
            theirs = written(name, Path(folder))
            ours = getattr(sg, model).from_pretrained(folder)
        for rows in (1, 4):
            x, mask = batch(rows)
            with torch.no_grad(), FlopCounterMode(display=False) as counter:
                theirs(x, mask)
            with torch.inference_mode(), prepared(ours):
                compare(
                    f"{name}, batch {rows}" + (", one row padded" if rows > 1 else ""),
                    lambda ours=ours, x=x, mask=mask: ours(x, mask),
                    lambda theirs=theirs, x=x, mask=mask: theirs(x, mask),
                    counter.get_total_flops() / machine.operations,
                    rounds,
                )


def memory() -> None:
    """The most memory of a process that loads a model and runs a batch, and how far it grew above the bare imports."""
    print(f"\n{'peak memory, MB':<32}{'ours':>10}{'theirs':>11}{'ratio':>7}{'growth: ours':>15}{'theirs':>9}")
    for name in FAMILIES:
        with tempfile.TemporaryDirectory() as folder:
            written(name, Path(folder))
            for rows in (1, 4):
                (ours, more), (theirs, more_there) = (peak(side, name, folder, rows) for side in ("ours", "theirs"))
                growth = f"{more:>15.0f}{more_there:>9.0f}"
                print(
                    f"{f'{name}, batch {rows}':<32}{ours:>10.0f}{theirs:>11.0f}{theirs / ours:>7.2f}{growth}",
                    flush=True,
                )


def peak(side: str, name: str, folder: str, rows: int) -> tuple[float, float]:
    """The whole process's, and its growth, in MB."""
    command = [sys.executable, __file__, side, name, folder, str(rows)]
    whole, growth = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()[-2:]
    return float(whole), float(growth)


def resident(kind: str) -> float:
    """`VmRSS` (now) or `VmHWM` (the most so far) of this process in MB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(kind)) / 1024


def measure(side: str, name: str, folder: str, rows: int) -> None:
    """Load a model, run a batch through it, print the peak and the growth while it is ready for the next batch."""
    torch.set_num_threads(2)
    home = sg if side == "ours" else transformers
    load = getattr(home, FAMILIES[name][1]).from_pretrained  # imports what it needs
    x, mask = batch(rows)
    torch.ones(64, 64) @ torch.ones(64, 64)
    before = resident("VmRSS")
    with torch.inference_mode(), ExitStack() as stack:
        model = load(folder).eval()
        if side == "ours":
            stack.enter_context(prepared(model, replace=True))
        model(x, mask)
        print(resident("VmHWM"), resident("VmHWM") - before)


if __name__ == "__main__":
    measure(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]))
