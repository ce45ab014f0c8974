"""Synthetic voices: what the program `espeak-ng` says, as 16 kHz samples."""

from __future__ import annotations

import io
import subprocess
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import soundfile
import soxr

RATE = 16_000
ACCENTS = (
    "en-us",
    "en-gb",
    "en-gb-scotland",
    "en-gb-x-gbclan",
    "en-gb-x-rp",
    "en-gb-x-gbcwmd",
    "en-029",
    "en-us-nyc",
)
VARIANTS = (
    *(
        "m1",
        "m2",
        "m3",
        "m4",
        "m5",
        "m6",
        "m7",
        "m8",
        "f1",
        "f2",
        "f3",
        "f4",
        "f5",
        "klatt",
        "klatt2",
        "klatt3",
    ),
    *(
        "Alex",
        "Alicia",
        "Andrea",
        "Andy",
        "Annie",
        "Denis",
        "Diogo",
        "Gene",
        "Henrique",
        "Hugo",
        "Jacky",
        "Lee",
    ),
    *(
        "Mario",
        "Michael",
        "Mike",
        "adam",
        "anika",
        "antonio",
        "belinda",
        "benjamin",
        "boris",
        "david",
        "ed",
        "edward",
    ),
    *(
        "iven",
        "iven2",
        "john",
        "linda",
        "marcelo",
        "max",
        "michel",
        "miguel",
        "pablo",
        "paul",
        "pedro",
        "quincy",
    ),
    *(
        "rob",
        "robert",
        "sandro",
        "shelby",
        "steph",
        "steph2",
        "travis",
        "victor",
        "zac",
        "grandma",
        "grandpa",
    ),
)


@dataclass(frozen=True)
class Voice:
    """One way of speaking: accent and timbre, words a minute, pitch (0 to 99)."""

    accent: str
    variant: str
    speed: int
    pitch: int

    @property
    def name(self) -> str:
        """A name that tells the voices apart."""
        return f"{self.accent}+{self.variant}-{self.speed}-{self.pitch}"


def _voices(count: int) -> tuple[Voice, ...]:
    """`count` different voices, always the same ones."""
    rng = np.random.default_rng(0)
    return tuple(
        Voice(
            ACCENTS[number % len(ACCENTS)],
            VARIANTS[number % len(VARIANTS)],
            int(rng.integers(110, 230)),
            int(rng.integers(25, 76)),
        )
        for number in range(count)
    )


VOICES = _voices(200)


def speak(text: str, voice: Voice) -> npt.NDArray[np.float32]:
    """`text` spoken, *Shape:* (samples,), without the silence around it."""
    options = [
        "-v",
        f"{voice.accent}+{voice.variant}",
        "-s",
        str(voice.speed),
        "-p",
        str(voice.pitch),
    ]
    wav = subprocess.run(["espeak-ng", *options, "--stdout", text], check=True, capture_output=True).stdout
    samples, rate = soundfile.read(io.BytesIO(wav), dtype="float32")
    loud = np.flatnonzero(np.abs(samples) > 0.02 * np.abs(samples).max())
    return np.asarray(soxr.resample(samples[loud[0] : loud[-1] + 1], rate, RATE), dtype=np.float32)
