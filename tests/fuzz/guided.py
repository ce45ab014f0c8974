"""Cases that coverage leads to, for a while: `python -m guided SECONDS`.

atheris (libFuzzer) changes the bytes that decide a case, and keeps those that reach code of speechgraft which no others
reached.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path


def main() -> int:
    """Make the seeds and search in a process of its own, since libFuzzer ends the one that it runs in."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("seconds", type=int, nargs="?", default=600, help="how long")
    asked.add_argument("--within", type=Path, help=argparse.SUPPRESS)
    given = asked.parse_args()
    if given.within is not None:
        _search(given.seconds, given.within)
        return 0
    with tempfile.TemporaryDirectory(prefix="guided-") as folder:
        command = [sys.executable, "-m", "guided", str(given.seconds), "--within", folder]
        return subprocess.run(command, check=False).returncode


def _search(seconds: int, folder: Path) -> None:
    import atheris
    import torch

    with atheris.instrument_imports(include=["speechgraft"]):
        from fuzzing.attempts import Attempts
        from fuzzing.cases import KINDS
        from fuzzing.seeds import plant

        torch.set_num_threads(1)
        plant(folder / "seeds")
        attempts, kinds = Attempts(folder / "seeds", folder / "scratch"), list(KINDS)

    def try_one(data: bytes) -> None:
        kind = kinds[data[0] % len(kinds)] if data else kinds[0]
        verdict = attempts(kind, data[1:])
        if verdict.outcome == "fault":
            raise AssertionError(f"{kind} {data[1:]!r}: {verdict.detail}")

    (folder / "corpus").mkdir()
    for number in range(len(kinds)):
        (folder / "corpus" / kinds[number]).write_bytes(bytes([number]) + bytes(64))
    options = [
        f"-max_total_time={seconds}",
        "-timeout=60",
        "-rss_limit_mb=6000",
        "-max_len=256",
        f"-artifact_prefix={folder}/",
    ]
    atheris.Setup([sys.argv[0], *options, str(folder / "corpus")], try_one)
    atheris.Fuzz()


if __name__ == "__main__":
    sys.exit(main())
