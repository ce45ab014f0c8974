#!/usr/bin/env python3
"""Make connected-digit utterances to train on: human recordings and synthetic voices, the same ones for the same seed.

    python make_data.py --recordings FOLDER --out DIR [--count 24000] [--dev 400] [--style strong] [--seed 1]

Writes `DIR/train` and `DIR/dev`: 16 kHz mono wavs and a `manifest.jsonl` of `{"audio", "text", "speaker", "seconds"}`.
`FOLDER` holds single digits named `{digit}_{speaker}_{index}.wav`; of each speaker and digit the indices 0-4 (the test
part) are never read, 45-49 make the dev set and the rest the training set. The program `espeak-ng` speaks for the rest.

A human training utterance is disguised: its recordings are resampled (pitch, formants and tempo together), stretched
(tempo alone) and their spectral envelope is shifted (formants alone), by amounts drawn once an utterance, so that five
speakers sound like many. The dev set is left as it was spoken.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
from collections import defaultdict
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile
import soxr
from disguise import Disguise, colour, reverberate
from synthesis import VOICES, Voice, speak

RATE = 16_000
WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
DEV_INDICES = range(45, 50)
TRAIN_INDICES = range(5, 45)

Samples = npt.NDArray[np.float32]
Bank = dict[str, dict[int, list[Samples]]]
"""Single digits by speaker and digit, 16 kHz, peak 0.8."""


@dataclass(frozen=True)
class Style:
    """How far training utterances depart from what was recorded: shares of utterances, and limits."""

    many_digits: float
    """Share of more than six digits."""

    most_digits: int
    long_pauses: float
    """Share with pauses of up to `longest_pause` seconds instead of 0.25."""

    longest_pause: float
    disguised: float
    """Share of the human ones whose pitch, tempo and formants are changed."""

    uneven: float
    """Share in which digits differ in level."""

    reverberant: float
    coloured: float
    loudest_noise: float
    """Exponent of ten of the strongest noise's amplitude."""


STYLES = {
    "strong": Style(0.1, 8, 0.2, 0.7, 0.75, 0.5, 0.2, 0.6, -1.9),
    "light": Style(0.03, 7, 0.07, 0.6, 0.4, 0.2, 0.05, 0.3, -2.3),
}


@dataclass(frozen=True)
class Sources:
    """What utterances are made of."""

    human: Bank
    synthetic: Bank
    voices: tuple[Voice, ...]


@dataclass(frozen=True)
class Job:
    """A share of one part of the data: utterance `n` depends on nothing but the seed, the part and `n`."""

    sources: Sources
    out: Path
    numbers: range
    seed: int
    human_share: float
    style: Style
    disguised: bool


def unit_peak(samples: Samples) -> Samples:
    """The samples with a peak of 0.8, the level at which single digits are joined."""
    return np.asarray(0.8 * samples / (np.abs(samples).max() + 1e-6), dtype=np.float32)


def read_recordings(folder: Path, indices: range, leave_out: str | None) -> Bank:
    """Single digits of every speaker but one, those with the given indices."""
    bank: Bank = defaultdict(lambda: defaultdict(list))
    for path in sorted(folder.glob("*.wav")):
        digit, speaker, index = path.stem.split("_")
        if int(index) in indices and speaker != leave_out:
            samples, rate = soundfile.read(path, dtype="float32")
            bank[speaker][int(digit)].append(unit_peak(soxr.resample(samples, rate, RATE)))
    return {speaker: dict(digits) for speaker, digits in bank.items()}


def speak_digits(voice: Voice) -> dict[int, list[Samples]]:
    """Each digit spoken once by itself."""
    return {digit: [unit_peak(speak(word, voice))] for digit, word in enumerate(WORDS)}


def synthetic_bank(voices: tuple[Voice, ...]) -> Bank:
    """Single digits of every voice."""
    with ProcessPoolExecutor() as pool:
        return dict(
            zip(
                (voice.name for voice in voices),
                pool.map(speak_digits, voices, chunksize=4),
                strict=True,
            )
        )


def draw_digits(rng: np.random.Generator, style: Style) -> list[int]:
    """One to six digits, now and then more."""
    many = rng.random() < style.many_digits
    count = rng.integers(7, style.most_digits + 1) if many else rng.integers(1, 7)
    return [int(digit) for digit in rng.integers(0, 10, count)]


def silence(rng: np.random.Generator, low: float, high: float) -> Samples:
    """A pause of `low` to `high` seconds."""
    return np.zeros(int(rng.uniform(low, high) * RATE), dtype=np.float32)


def join(clips: list[Samples], rng: np.random.Generator, style: Style, spread_db: float) -> Samples:
    """The clips with pauses before, between and after them, each up to `spread_db` softer than the loudest."""
    longest = 0.25 if rng.random() < 1 - style.long_pauses else style.longest_pause
    parts = []
    for clip in clips:
        parts += [
            silence(rng, 0.02, longest),
            clip * 10 ** (-rng.uniform(0, spread_db) / 20),
        ]
    return np.concatenate([*parts, silence(rng, 0.02, longest)])


def human(job: Job, digits: list[int], rng: np.random.Generator) -> tuple[Samples, str]:
    """The digits out of one person's recordings."""
    speaker = sorted(job.sources.human)[rng.integers(len(job.sources.human))]
    recordings = job.sources.human[speaker]
    clips = [recordings[digit][rng.integers(len(recordings[digit]))] for digit in digits]
    if not job.disguised:
        return join(clips, rng, job.style, 0.0), speaker
    if rng.random() < job.style.disguised:
        disguise = Disguise.draw(rng)
        clips = [unit_peak(disguise(clip)) for clip in clips]
    return join(clips, rng, job.style, 9.0 if rng.random() < job.style.uneven else 0.0), speaker


def synthetic(job: Job, digits: list[int], rng: np.random.Generator) -> tuple[Samples, str]:
    """The digits in one synthetic voice: spoken one by one and joined, or fluently in one breath."""
    voice = job.sources.voices[rng.integers(len(job.sources.voices))]
    if rng.random() < 0.3:
        comma = ", " if rng.random() < 0.5 else " "
        return join([speak(comma.join(WORDS[digit] for digit in digits), voice)], rng, job.style, 0.0), voice.name
    clips = [job.sources.synthetic[voice.name][digit][0] for digit in digits]
    stretched = Disguise.draw(rng, formants=False)
    return join([stretched(clip) for clip in clips], rng, job.style, 9.0 if rng.random() < 0.5 else 0.0), voice.name


def finish(samples: Samples, rng: np.random.Generator, style: Style, disguised: bool) -> Samples:
    """Room, microphone, level and noise."""
    if not disguised:
        return np.asarray(samples + 1e-3 * rng.standard_normal(len(samples)), dtype=np.float32)
    if rng.random() < style.reverberant:
        samples = reverberate(samples, rng)
    if rng.random() < style.coloured:
        samples = colour(samples, rng)
    noise = 10 ** rng.uniform(-3.7, style.loudest_noise) * rng.standard_normal(len(samples))
    return np.asarray(unit_peak(samples) * rng.uniform(0.4, 1.2) + noise, dtype=np.float32)


def make_share(job: Job) -> list[dict[str, object]]:
    """Write a share of the utterances; their manifest rows."""
    rows: list[dict[str, object]] = []
    for number in job.numbers:
        rng = np.random.default_rng((job.seed, number))
        digits = draw_digits(rng, job.style)
        make = human if rng.random() < job.human_share else synthetic
        samples, speaker = make(job, digits, rng)
        name = f"{number:06d}.wav"
        soundfile.write(job.out / name, finish(samples, rng, job.style, job.disguised), RATE, subtype="PCM_16")
        text = " ".join(WORDS[digit] for digit in digits)
        rows.append(
            {
                "audio": name,
                "text": text,
                "speaker": speaker,
                "seconds": round(len(samples) / RATE, 3),
            }
        )
    return rows


def make_part(
    sources: Sources,
    out: Path,
    count: int,
    seed: int,
    human_share: float,
    style: Style,
    *,
    disguised: bool,
) -> None:
    """Write one part, `train` or `dev`, with as many processes as there are cores."""
    out.mkdir(parents=True, exist_ok=True)
    workers = os.cpu_count() or 1
    bounds = [count * share // workers for share in range(workers + 1)]
    jobs = [
        Job(sources, out, range(low, high), seed, human_share, style, disguised)
        for low, high in itertools.pairwise(bounds)
    ]
    with ProcessPoolExecutor(workers) as pool:
        rows = [row for share in pool.map(make_share, jobs) for row in share]
    (out / "manifest.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    print(f"{out}: {len(rows)} utterances, {sum(float(str(row['seconds'])) for row in rows) / 3600:.2f} hours")


def main() -> None:
    """Read the command line and make both parts."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--recordings",
        type=Path,
        required=True,
        help="folder of {digit}_{speaker}_{index}.wav",
    )
    parser.add_argument("--out", type=Path, required=True, help="folder to write train/ and dev/ into")
    parser.add_argument("--count", type=int, default=24_000, help="training utterances")
    parser.add_argument("--dev", type=int, default=400, help="dev utterances")
    parser.add_argument(
        "--human",
        type=float,
        default=0.7,
        help="share of training utterances spoken by people",
    )
    parser.add_argument(
        "--leave-out",
        metavar="SPEAKER",
        help="a speaker whose recordings are not used at all",
    )
    parser.add_argument(
        "--style", choices=STYLES, default="strong", help="how far training departs from the recordings"
    )
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()

    spoken = synthetic_bank(VOICES)
    train = Sources(read_recordings(args.recordings, TRAIN_INDICES, args.leave_out), spoken, VOICES)
    dev = Sources(read_recordings(args.recordings, DEV_INDICES, args.leave_out), spoken, VOICES)
    make_part(train, args.out / "train", args.count, args.seed, args.human, STYLES[args.style], disguised=True)
    make_part(dev, args.out / "dev", args.dev, args.seed + 1, 0.8, STYLES[args.style], disguised=False)


if __name__ == "__main__":
    main()
