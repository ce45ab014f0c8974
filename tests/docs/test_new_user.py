"""A new user's way, from the template to a package that passes its kit, takes less than ninety seconds."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from speechgraft.registry import default_catalog

SCRIPT = Path(__file__).parents[2] / "docs" / "examples" / "new_user.py"
LIMIT = 90.0

LISTED = {
    "encoder": lambda: [f"my-encoder + linear + {name}" for name in default_catalog().list_decoders()],
    "decoder": lambda: [f"{name} + linear + my-decoder" for name in default_catalog().list_encoders()],
    "connector": lambda: [f"{name} + my-connector + bert" for name in default_catalog().list_encoders()],
}


def go(kind: str, folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(SCRIPT), "--kind", kind, *options, str(folder)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    "kind",
    ["encoder", pytest.param("decoder", marks=pytest.mark.long), pytest.param("connector", marks=pytest.mark.long)],
)
def test_a_package_of_the_template_is_listed_pairs_and_passes_its_kit_in_time(kind: str, tmp_path: Path) -> None:
    done = go(kind, tmp_path)
    print(done.stdout)
    assert done.returncode == 0, done.stdout + done.stderr
    for pair in LISTED[kind]():
        assert f"\n{pair}: ok\n" in done.stdout
    assert re.search(r"\n\d+ passed in ", done.stdout)
    assert not re.search(r"failed|skipped|error", done.stdout)
    told = re.search(rf"\n{kind}: ([\d.]+) s without the installation, of at most 90 s\n", done.stdout)
    assert told is not None and 1.0 < float(told[1]) < LIMIT


@pytest.mark.long
def test_one_that_takes_too_long_fails(tmp_path: Path) -> None:
    done = go("connector", tmp_path, "--limit", "0.1")
    assert done.returncode != 0
    assert "s are more than 0.1 s" in done.stderr
