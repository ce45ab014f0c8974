"""Saving a folder so that it is the old one or the new one at every moment, never half of each.

A save fills a sibling folder, then the two change places: in one step where the system can
(Linux, macOS), otherwise by way of `.NAME.old`, which `repair` puts back if the process dies
between the two steps.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import shutil
import sys
import tempfile
from collections.abc import Collection, Iterator
from pathlib import Path

from speechgraft.checkpoint.tensors import is_weights
from speechgraft.errors import CheckpointError
from speechgraft.json_files import open_to_all

_SUFFIX = ".part"
_AT_FDCWD = -100
_RENAME_EXCHANGE = 2


@contextlib.contextmanager
def replacing(folder: Path | str, *, without: Collection[str] = ()) -> Iterator[Path]:
    """A folder to fill, which takes the place of `folder` when the block ends well.

    Files of the old folder that the block did not write are in the new one as well, except those
    named in `without` and old weights beside new ones. If the block raises, or the process dies,
    the old folder is as it was. Within the block, replacing the folder that it was given is writing to it.

    Raises:
        CheckpointError: The folder cannot be written.
    """
    folder = Path(folder).expanduser()
    if any(_is_scratch(part) for part in (folder, *folder.parents)):
        folder.mkdir(parents=True, exist_ok=True)
        yield folder
        return
    folder = folder.resolve()
    if folder.exists() and not folder.is_dir():
        raise CheckpointError(f"{folder}: is a file, expected a folder to save to")
    repair(folder)
    with _reported(folder):
        scratch, lock = _make_scratch(folder)
    try:
        yield scratch
        with _reported(folder):
            _finish(scratch, folder, frozenset(without))
    finally:
        os.close(lock)
        shutil.rmtree(scratch, ignore_errors=True)


def repair(folder: Path | str) -> None:
    """Mend a save that was cut off between its two steps. Whatever else is there stays as it is."""
    folder = Path(folder).expanduser()
    old = _old(folder)
    # Nothing to mend is the usual case, and a folder that may only be read needs none.
    with contextlib.suppress(OSError):
        if old.is_dir():
            if folder.exists():
                shutil.rmtree(old, ignore_errors=True)
            else:
                old.rename(folder)


def _old(folder: Path) -> Path:
    return folder.parent / f".{folder.name}.old"


def _is_scratch(path: Path) -> bool:
    return path.name.startswith(".") and path.name.endswith(_SUFFIX) and path.is_dir()


@contextlib.contextmanager
def _reported(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise CheckpointError(f"{folder}: cannot be saved ({error.strerror or error})") from error


def _make_scratch(folder: Path) -> tuple[Path, int]:
    """An empty sibling of `folder` and a lock on it that ends with this process; what dead processes left goes."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    for left in folder.parent.glob(f".{folder.name}.*{_SUFFIX}"):
        lock = _locked(left)
        if lock is not None:
            shutil.rmtree(left, ignore_errors=True)
            os.close(lock)
    scratch = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", suffix=_SUFFIX, dir=folder.parent))
    lock = _locked(scratch)
    assert lock is not None, "nobody else knows this folder yet"
    if folder.exists():
        scratch.chmod(folder.stat().st_mode)
    else:
        open_to_all(scratch, 0o777)
    return scratch, lock


def _locked(folder: Path) -> int | None:
    """A lock on a folder as an open file descriptor, `None` where a living process holds it."""
    lock = os.open(folder, os.O_RDONLY)
    if sys.platform != "win32":
        import fcntl

        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            return None
    return lock


def _finish(scratch: Path, folder: Path, without: frozenset[str]) -> None:
    for path in (*scratch.rglob("*"), scratch):
        _flush(path)
    if not folder.exists():
        scratch.rename(folder)
    else:
        _keep_others(folder, scratch, without)
        _exchange(scratch, folder)
    _flush(folder.parent)


def _flush(path: Path) -> None:
    """Have a file or folder written to the disk before anything that comes after it."""
    if path.is_symlink() or sys.platform == "win32":
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _keep_others(old: Path, new: Path, without: frozenset[str] = frozenset()) -> None:
    """Link into `new` what only `old` has, but for the names in `without`."""
    superseded = any(is_weights(path.name) for path in new.iterdir())
    for path in old.iterdir():
        target = new / path.name
        if path.is_dir() and not path.is_symlink():
            target.mkdir(exist_ok=True)
            _keep_others(path, target)
        elif not os.path.lexists(target) and path.name not in without and not (superseded and is_weights(path.name)):
            try:
                os.link(path, target, follow_symlinks=False)
            except OSError:
                shutil.copy2(path, target, follow_symlinks=False)


def _exchange(scratch: Path, folder: Path) -> None:
    """Let the two change places."""
    if _exchange_at_once(scratch, folder):
        return
    old = _old(folder)
    folder.rename(old)
    try:
        scratch.rename(folder)
    except OSError:
        old.rename(folder)
        raise
    shutil.rmtree(old, ignore_errors=True)


def _exchange_at_once(one: Path, other: Path) -> bool:
    """Let two folders change places in one step; false where the system or its file system cannot."""
    if sys.platform == "win32":
        return False
    libc = ctypes.CDLL(None, use_errno=True)
    names = os.fsencode(one), os.fsencode(other)
    if hasattr(libc, "renameat2"):
        return bool(libc.renameat2(_AT_FDCWD, names[0], _AT_FDCWD, names[1], _RENAME_EXCHANGE) == 0)
    if hasattr(libc, "renamex_np"):
        return bool(libc.renamex_np(*names, _RENAME_EXCHANGE) == 0)
    return False
