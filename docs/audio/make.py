#!/usr/bin/env python3
"""Make the spoken examples in this folder with espeak-ng: `python make.py`. The right words are in texts.json."""

from __future__ import annotations

import io
import json
import subprocess
from pathlib import Path

import soundfile
import soxr

RATE = 16_000
FOLDER = Path(__file__).parent
EXAMPLES = (
    ("amber", "en-us+m3", 150, 45, "four two seven"),
    ("birch", "en-gb+f2", 140, 55, "nine one one"),
    ("cedar", "en-gb-scotland+m1", 145, 40, "three zero five eight"),
    ("delta", "en-us+f4", 150, 50, "six"),
    ("ember", "en-gb-x-rp+m7", 140, 50, "eight five two zero nine six"),
    ("fjord", "en-us-nyc+m2", 145, 45, "one three seven four two"),
    ("grove", "en-gb+Andy", 150, 45, "two two zero six"),
    ("heath", "en-us+Alicia", 145, 55, "seven nine"),
)
"""File name, voice, words a minute, pitch, words."""


def speak(words: str, voice: str, speed: int, pitch: int) -> bytes:
    """A wav file of the words, a short pause between them."""
    command = [
        "espeak-ng",
        "-v",
        voice,
        "-s",
        str(speed),
        "-p",
        str(pitch),
        "--stdout",
        words.replace(" ", ", "),
    ]
    return subprocess.run(command, check=True, capture_output=True).stdout


def main() -> None:
    """Write a 16 kHz mono flac file for each example, and texts.json."""
    for name, voice, speed, pitch, words in EXAMPLES:
        samples, rate = soundfile.read(io.BytesIO(speak(words, voice, speed, pitch)), dtype="float32")
        soundfile.write(
            FOLDER / f"{name}.flac",
            soxr.resample(samples, rate, RATE),
            RATE,
            subtype="PCM_16",
        )
    texts = {f"{name}.flac": words for name, _, _, _, words in EXAMPLES}
    (FOLDER / "texts.json").write_text(json.dumps(texts, indent=2) + "\n")


if __name__ == "__main__":
    main()
