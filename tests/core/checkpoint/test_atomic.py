"""A save leaves the old folder or the new one, whatever happens on the way."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from speechgraft.checkpoint import atomic, replacing
from speechgraft.checkpoint.atomic import repair
from speechgraft.errors import CheckpointError

# Saves one generation after the other, three files each with the generation's number many times over.
SAVER = """
import sys
from speechgraft.checkpoint import atomic, replacing
if sys.argv[2] == "two-steps":
    atomic._exchange_at_once = lambda one, other: False
print("ready", flush=True)
for generation in range(1, 10**6):
    with replacing(sys.argv[1]) as folder:
        for name in ("a", "b", "model.safetensors"):
            with open(folder / name, "w") as file:
                for _ in range(200):
                    file.write(f"{generation}\\n")
"""


@pytest.fixture(params=["one step", "two steps"])
def _both_ways(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "two steps":
        monkeypatch.setattr(atomic, "_exchange_at_once", lambda one, other: False)


def content(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


def fill(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


@pytest.mark.usefixtures("_both_ways")
def test_a_save_replaces_what_it_wrote_and_keeps_the_rest(tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "model"
    with replacing(folder) as new:
        fill(new, {"a": "1", "sub/x": "1", "sub/y": "1", "model-00001-of-00002.safetensors": "1"})
        assert not folder.exists()
    with replacing(folder) as new:
        fill(new, {"a": "2", "sub/y": "2", "model.safetensors": "2"})
        assert content(folder)["a"] == "1"
    assert content(folder) == {"a": "2", "sub/x": "1", "sub/y": "2", "model.safetensors": "2"}
    assert [path.name for path in folder.parent.iterdir()] == ["model"]


@pytest.mark.usefixtures("_both_ways")
def test_a_save_that_fails_leaves_the_old_folder(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    fill(folder, {"a": "1"})

    def cut_off() -> None:
        with replacing(folder) as new:
            fill(new, {"a": "2"})
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cut_off()
    assert content(tmp_path) == {"model/a": "1"}


def test_writing_within_a_save_goes_into_that_save(tmp_path: Path) -> None:
    with replacing(tmp_path / "model") as outer:
        with replacing(outer) as inner, replacing(outer / "sub") as below:
            assert inner == outer and below == outer / "sub"
            fill(below, {"a": "1"})
        assert not (tmp_path / "model").exists()
    assert content(tmp_path) == {"model/sub/a": "1"}


def test_a_link_to_a_folder_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "link").symlink_to("there")
    with replacing(tmp_path / "link") as new:
        fill(new, {"a": "1"})
    assert (tmp_path / "link").is_symlink() and content(tmp_path / "there") == {"a": "1"}


def test_a_save_over_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "model").write_text("mine")
    with pytest.raises(CheckpointError, match="is a file, expected a folder"), replacing(tmp_path / "model"):
        pass
    with pytest.raises(CheckpointError, match="cannot be saved"), replacing(tmp_path / "model" / "below"):
        pass


def test_repair_finishes_an_exchange_that_was_cut_off(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    fill(tmp_path / ".model.old", {"a": "1"})
    repair(folder)
    assert content(tmp_path) == {"model/a": "1"}
    fill(tmp_path / ".model.old", {"a": "0"})
    repair(folder)
    assert content(tmp_path) == {"model/a": "1"}
    repair(tmp_path / "other")
    assert content(tmp_path) == {"model/a": "1"}


def test_permissions_stay_and_new_folders_get_the_usual_ones(tmp_path: Path) -> None:
    (tmp_path / "usual").mkdir()
    with replacing(tmp_path / "model"):
        pass
    assert (tmp_path / "model").stat().st_mode == (tmp_path / "usual").stat().st_mode
    (tmp_path / "model").chmod(0o750)
    with replacing(tmp_path / "model"):
        pass
    assert (tmp_path / "model").stat().st_mode & 0o777 == 0o750


@pytest.mark.parametrize("steps", ["one-step", "two-steps"])
def test_a_process_killed_while_it_saves_leaves_a_whole_folder(tmp_path: Path, steps: str) -> None:
    folder, chance = tmp_path / "model", random.Random(7)
    with replacing(folder) as new:
        fill(new, dict.fromkeys(("a", "b", "model.safetensors"), "0\n" * 200))
    for _ in range(8):
        saver = subprocess.Popen([sys.executable, "-c", SAVER, str(folder), steps], stdout=subprocess.PIPE)
        assert saver.stdout is not None and saver.stdout.readline() == b"ready\n"
        time.sleep(chance.uniform(0, 0.05))
        os.kill(saver.pid, signal.SIGKILL)
        saver.communicate()
        repair(folder)
        files = content(folder)
        assert files.keys() == {"a", "b", "model.safetensors"}
        assert len(set(files.values())) == 1 and files["a"].count("\n") == 200
    with replacing(folder):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["model"]
