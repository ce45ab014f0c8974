#!/usr/bin/env python3
"""Transcribe this folder as a person would, and compare what is heard with texts.json: `python demo.py`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

FOLDER = Path(__file__).parent


def transcribe() -> dict[str, str]:
    """The words of each file here, printed as `speechgraft transcribe` prints them."""
    folder = os.path.relpath(FOLDER)
    print(f"$ speechgraft transcribe {folder}", flush=True)
    command = [sys.executable, "-m", "speechgraft", "transcribe", folder]
    # Printed when all is done, so that nothing runs into the progress, which goes to standard error.
    told = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False).stdout
    print(told, end="")
    lines = (line.partition(": ") for line in told.splitlines())
    return {Path(path).name: words for path, _, words in lines}


def main() -> int:
    """Print the words, how many files are right and how long it took; 1 where any is wrong."""
    begun = time.perf_counter()
    heard = transcribe()
    seconds = time.perf_counter() - begun
    texts: dict[str, str] = json.loads((FOLDER / "texts.json").read_text(encoding="utf-8"))
    wrong = [name for name, words in texts.items() if heard.get(name) != words]
    for name in wrong:
        print(f"{name}: heard {heard.get(name)!r}, spoken {texts[name]!r}")
    print(f"{len(texts) - len(wrong)} of {len(texts)} files right, {seconds:.1f} s from start to end")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
