"""What strangers put into files: each is loaded or refused, within bounds, and nothing else is touched or run."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fuzzing import KINDS, Pool, Watch, make, plant, watched
from fuzzing.draws import bytes_of
from fuzzing.guard import MIB
from hypothesis import given, settings
from hypothesis import strategies as st

from speechgraft.errors import CheckpointError


@pytest.fixture(scope="module")
def seeds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("seeds")
    plant(folder)
    return folder


@pytest.fixture(scope="module")
def pool(seeds: Path) -> Iterator[Pool]:
    with Pool(seeds) as made:
        yield made


@pytest.fixture(scope="module")
def watch() -> Watch:
    return Watch()


@pytest.mark.parametrize("kind", KINDS)
@given(data=st.binary(max_size=48))
@settings(max_examples=30)
def test_a_spoilt_file_is_loaded_or_refused(kind: str, data: bytes, pool: Pool) -> None:
    verdict = pool.run(kind, data)
    assert verdict.outcome != "fault", verdict.detail


@pytest.mark.parametrize("kind", KINDS)
def test_cases_are_others_each_time_and_the_same_for_the_same_bytes(kind: str, seeds: Path, tmp_path: Path) -> None:
    def content(number: int, name: str) -> dict[str, bytes | str]:
        folder = make(kind, bytes_of(number), seeds, tmp_path / name).folder
        return {str(path.relative_to(folder)): _what_is(path) for path in folder.rglob("*")}

    assert content(0, "a") == content(0, "b")
    assert len({str(sorted(content(number, f"c{number}").items())) for number in range(8)}) > 4


def _what_is(path: Path) -> bytes | str:
    if path.is_symlink():
        return f"to {Path(path.readlink()).name}"
    return path.read_bytes() if path.is_file() else "odd"


def _import_evil(folder: Path) -> None:
    (folder / "evil.py").write_text("")
    sys.path.insert(0, str(folder))
    try:
        import evil  # type: ignore[import-not-found]  # noqa: F401
    finally:
        sys.path.pop(0)
        sys.modules.pop("evil", None)


def _hold(folder: Path) -> bytes:
    return b"a" * (256 * MIB)  # many times what the system may take back of the process meanwhile


def _refuse(folder: Path) -> None:
    raise CheckpointError("no")


@pytest.mark.parametrize(
    ("attempt", "detail"),
    [
        (lambda folder: (folder / "new").write_text("a"), "writes"),
        (lambda folder: (folder / "a").unlink(), "os.remove"),
        (lambda folder: Path("/etc/passwd").read_text(), "reads /etc/passwd"),
        (lambda folder: (folder / "link").read_text(), "reads"),
        (lambda folder: os.system("true"), "os.system"),
        (lambda folder: subprocess.run(["true"], check=True), "subprocess.Popen"),
        (_import_evil, "evil"),
        (_hold, " MiB of 64"),
        (lambda folder: {}["a"], "raises KeyError"),
        (lambda folder: sys.exit(), "raises SystemExit"),
        (lambda folder: bytearray(2**45), "raises MemoryError"),
    ],
)
def test_the_guard_sees_every_broken_promise(
    attempt: Callable[[Path], Any], detail: str, watch: Watch, tmp_path: Path
) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "a").write_text("a")
    (folder / "link").symlink_to("/etc/passwd")
    verdict = watched(watch, folder, attempt, lambda _: 64 * MIB)
    assert verdict.outcome == "fault" and detail in verdict.detail


@pytest.mark.parametrize("attempt", [_refuse, lambda folder: (folder / "a").read_text()])
def test_the_guard_lets_pass_what_is_promised(attempt: Callable[[Path], Any], watch: Watch, tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "a").write_text("a")
    verdict = watched(watch, folder, attempt, lambda _: 64 * MIB)
    assert verdict.outcome == ("refused" if attempt is _refuse else "loaded")


@pytest.mark.long  # a process takes seconds to begin
def test_a_process_that_hangs_or_dies_is_a_fault_and_another_goes_on(seeds: Path, monkeypatch: Any) -> None:
    with Pool(seeds) as pool:
        monkeypatch.setattr("fuzzing.pool.HANG_SECONDS", 0.0)
        assert pool.run("audio", b"").detail == "hangs"
        monkeypatch.undo()
        assert pool.run("audio", b"").outcome != "fault"
        os.kill(pool.process_id, 9)
        assert pool.run("audio", b"").detail == "dies of SIGKILL"
        assert pool.run("audio", b"").outcome != "fault"
