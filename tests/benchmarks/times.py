"""How far the seconds of words are off: `python tests/benchmarks/times.py RECORDINGS`.

RECORDINGS holds single digits, `{digit}_{speaker}_{index}.wav`, such as the Free Spoken Digit Dataset's. They are put
together with pauses, so that it is known where each begins and ends; the model that ships says where it hears them.
"""

from __future__ import annotations

import argparse
import random
from collections import defaultdict
from pathlib import Path
from time import perf_counter
from typing import NamedTuple

import numpy as np
import soundfile
import soxr
import torch

from speechgraft.bundle import Transcriber

RATE = 16_000
WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
UNTRAINED = range(5)
"""Indices of the recordings that the model was not trained on."""


class Spoken(NamedTuple):
    """Digits put together."""

    samples: np.ndarray
    """(samples,), 16 kHz."""

    words: list[str]
    """What is said."""

    spans: list[tuple[float, float]]
    """Seconds in which each recording begins and ends."""


def recordings(folder: Path) -> dict[str, dict[int, list[Path]]]:
    """Files by speaker and digit."""
    found: dict[str, dict[int, list[Path]]] = defaultdict(lambda: defaultdict(list))
    for path in sorted(folder.glob("*_*_*.wav")):
        digit, speaker, index = path.stem.split("_")
        if int(index) in UNTRAINED:
            found[speaker][int(digit)].append(path)
    return found


def spoken(files: dict[int, list[Path]], draw: random.Random, noise: float) -> Spoken:
    """One to six digits of one speaker with pauses of 0.02 to 0.25 s between them."""
    parts: list[np.ndarray] = []
    words, spans, now = [], [], 0
    for _ in range(draw.randint(1, 6)):
        digit = draw.randrange(10)
        samples, rate = soundfile.read(draw.choice(files[digit]), dtype="float32")
        samples = soxr.resample(samples, rate, RATE)
        pause = np.zeros(int(draw.uniform(0.02, 0.25) * RATE), np.float32)
        parts += [pause, 0.8 * samples / (np.abs(samples).max() + 1e-6)]
        spans.append(((now + len(pause)) / RATE, (now + len(pause) + len(samples)) / RATE))
        words.append(WORDS[digit])
        now += len(pause) + len(samples)
    parts.append(np.zeros(int(draw.uniform(0.02, 0.2) * RATE), np.float32))
    sound = np.concatenate(parts)
    hiss = np.random.default_rng(draw.randrange(2**32)).standard_normal(len(sound)).astype(np.float32)
    return Spoken(sound + noise * hiss, words, spans)


def off(errors: list[float]) -> str:
    """Median and ninth decile of what is off, and to which side, in milliseconds."""
    size = np.abs(errors)
    return f"{1e3 * np.median(size):5.0f} {1e3 * np.percentile(size, 90):5.0f} {1e3 * np.median(errors):+5.0f}"


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recordings", type=Path)
    parser.add_argument("--model", help="folder or hub id of a bundle; by default the one inside")
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--noise", type=float, default=1e-3, help="of full scale")
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()

    torch.set_num_threads(options.threads)
    draw = random.Random(options.seed)
    by_speaker = recordings(options.recordings)
    data = [spoken(by_speaker[draw.choice(sorted(by_speaker))], draw, options.noise) for _ in range(options.count)]
    asr = Transcriber.from_pretrained(options.model)
    print("milliseconds off: median, ninth decile, bias       starts             ends      words    seconds")
    for times in (None, "ctc", "attention"):
        begun = perf_counter()
        transcripts = list(asr.batch([each.samples for each in data], times=times))
        took = perf_counter() - begun
        right = [
            (each, found) for each, found in zip(data, transcripts, strict=True) if found.text.split() == each.words
        ]
        pairs = [
            (word, span) for each, found in right for word, span in zip(found.words or (), each.spans, strict=False)
        ]
        starts, ends = (
            [getattr(word, side) - span[place] for word, span in pairs] for place, side in enumerate(("start", "end"))
        )
        errors = f"{off(starts)}  {off(ends)}" if pairs else f"{'':36}"
        print(f"times={times!s:<38} {errors} {len(pairs):8} {took:8.1f}")


if __name__ == "__main__":
    main()
