"""Decoding at base size, fp32, from a given memory of 499 frames: time, memory, and what rows that ended cost."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from contextlib import nullcontext
from pathlib import Path
from typing import Any, NamedTuple

import torch
import transformers
from encoders import resident
from machine import Machine, compare, heading
from pairs import DECODERS, FRAMES, SIZE, build, difference, memory, write
from torch import Tensor

import speechgraft as sg
from speechgraft.nn.packing import prepared

LAYERS = 12


class Search(NamedTuple):
    """A row of the table."""

    beams: int
    utterances: int

    def __str__(self) -> str:
        return f"{f'beam {self.beams}' if self.beams > 1 else 'greedy'}, batch {self.utterances}"

    def options(self, tokens: int) -> dict[str, Any]:
        """The same for both sides."""
        return {"max_new_tokens": tokens, "num_beams": self.beams, "do_sample": False}

    def roofline(self, machine: Machine, model: Any, tokens: int) -> float:
        """Seconds for the cross-attention's keys and values, and for reading or multiplying in each step."""
        layer = model.decoder.stack.layers[0].cross_attention
        unused = LAYERS * sum(part.weight.numel() for part in (layer.key, layer.value))
        tables = (model.decoder.get_submodule(name) for name in ("embeddings.position",) if _has(model.decoder, name))
        weights = sum(weight.numel() for weight in model.decoder.parameters()) - unused
        weights -= sum(table.weight.numel() for table in tables)
        kept = 2 * LAYERS * self.utterances * FRAMES * SIZE
        filling = 2 * self.utterances * FRAMES * unused / machine.operations
        rows = self.beams * self.utterances
        work = (2 * rows * weights + 2 * self.beams * kept) / machine.operations
        return filling + tokens * max(4 * (weights + kept) / machine.bandwidth, work)


SEARCHES = (Search(1, 1), Search(1, 8), Search(5, 1), Search(5, 8))


def _has(module: torch.nn.Module, name: str) -> bool:
    return any(each == name for each, _ in module.named_modules())


@torch.inference_mode()
def times(machine: Machine, rounds: int, tokens: int) -> None:
    """Rows for each decoder; searches with beams are timed a third as often, since the yardstick's take long."""
    for name in DECODERS:
        ours, theirs = build(name)
        print(f"\nsame weights; largest difference of logits {difference(ours, theirs):.1e}", end="")
        heading(f"{name}, {tokens} tokens")
        for search in SEARCHES:
            mine, other = memory(search.utterances)
            short, long = search.options(2), search.options(tokens)
            ours.generate(encoder_outputs=mine, **short), theirs.generate(encoder_outputs=other, **short)
            compare(
                str(search),
                lambda ours=ours, mine=mine, long=long: ours.generate(encoder_outputs=mine, **long),
                lambda theirs=theirs, other=other, long=long: theirs.generate(encoder_outputs=other, **long),
                search.roofline(machine, ours, tokens),
                rounds if search.beams == 1 else max(rounds // 3, 1),
                warm=False,
            )


class Leaving:
    """A stopping criterion by which one more row ends after every so many steps, and which times the steps.

    Attributes:
        seconds: For each number of live rows, the time of each step.
    """

    def __init__(self, every: int) -> None:
        self.every = every
        self.seconds: dict[int, list[float]] = {}
        self._last: float | None = None

    def __call__(self, ids: Tensor, scores: Tensor | None) -> Tensor:
        now = time.perf_counter()
        if self._last is not None:
            self.seconds.setdefault(len(ids), []).append(now - self._last)
        ended = torch.zeros(len(ids), dtype=torch.bool)
        ended[-1] = (ids.shape[1] - 1) % self.every == 0
        self._last = time.perf_counter()
        return ended


@torch.inference_mode()
def live_rows(name: str = "bert", rows: int = 8, every: int = 5) -> None:
    """Time per step against live rows, beside a batch that had so many from the beginning."""
    ours, _ = build(name)

    def medians(utterances: int, last: int) -> dict[int, float]:
        leaving = Leaving(last)
        options = {"max_new_tokens": every * rows + 1, "stopping_criteria": [leaving]}
        ours.generate(encoder_outputs=memory(utterances)[0], **options)
        # The first step with so many rows moves keys and values up; the median leaves it out.
        return {live: sorted(times)[len(times) // 2] for live, times in leaving.seconds.items()}

    with prepared(ours):
        medians(rows, every)
        thinning = medians(rows, every)
        print(f"\n{f'{name}, greedy, a batch of {rows}':<44}{'live rows':>10}{'ms a step':>11}{'alone':>9}")
        for live in range(rows, 0, -1):
            alone = medians(live, every * rows + 1)[live]
            print(f"{'':<44}{live:>10}{thinning[live] * 1e3:>11.1f}{alone * 1e3:>9.1f}", flush=True)


SIDES = ("ours", "replaced", "theirs")


def growth(tokens: int) -> None:
    """How far the peak memory of a process grows in beam 5, batch 8, above that of the loaded model.

    Packing counts as growth: once as `generate` does it, which keeps the plain weights, once in their place.
    """
    heads = f"{'ours':>10}{'replaced':>11}{'theirs':>9}{'ours / theirs':>15}{'replaced / theirs':>19}"
    print(f"\n{'beam 5, batch 8: growth of peak memory, MB':<44}{heads}")
    for name in DECODERS:
        with tempfile.TemporaryDirectory() as folder:
            write(name, folder)
            mine, lean, other = (_grown(side, folder, tokens) for side in SIDES)
        ratios = f"{mine / other:>15.2f}{lean / other:>19.2f}"
        print(f"{name:<44}{mine:>10.0f}{lean:>11.0f}{other:>9.0f}{ratios}", flush=True)


def _grown(side: str, folder: str, tokens: int) -> float:
    command = [sys.executable, __file__, side, folder, str(tokens)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()[-1])


@torch.inference_mode()
def measure(side: str, folder: str, tokens: int) -> None:
    """Load a model, read its weights, search, print the growth in MB."""
    torch.set_num_threads(2)
    home = transformers if side == "theirs" else sg
    model = home.SpeechEncoderDecoderModel.from_pretrained(folder).eval()
    mine, other = memory(8)
    given = other if side == "theirs" else mine
    # What a file's pages take when they are first read is the model's; of packing, all counts as growth.
    model(encoder_outputs=given, decoder_input_ids=torch.full((8, 1), 101), use_cache=False)
    before = resident("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # the most so far is from now on counted anew
    with prepared(model, replace=True) if side == "replaced" else nullcontext():
        model.generate(encoder_outputs=given, **Search(5, 8).options(tokens))
    print(resident("VmHWM") - before)


if __name__ == "__main__":
    measure(sys.argv[1], sys.argv[2], int(sys.argv[3]))
