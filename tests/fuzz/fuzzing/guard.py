"""What is allowed while a stranger's file is read, and what was seen."""

from __future__ import annotations

import os
import resource
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import attrs

from speechgraft.errors import SpeechGraftError

MIB = 2**20
ADDRESS_SPACE = 4096 * MIB
"""What a case may map beyond what was mapped before."""
CPU_SECONDS = 20
"""What a case may compute; far beyond what a tiny model takes on a loaded machine."""

_RUNS = (
    "subprocess.",
    "os.system",
    "os.exec",
    "os.posix_spawn",
    "os.spawn",
    "os.fork",
    "pty.",
    "socket.",
    "pickle.",
    "ftplib.",
    "urllib.",
    "ctypes.dlopen",
)
_WRITES = (
    "os.remove",
    "os.rename",
    "os.mkdir",
    "os.rmdir",
    "os.link",
    "os.symlink",
    "os.chmod",
    "os.truncate",
    "shutil.",
    "tempfile.",
)
_WRITE_FLAGS = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


@attrs.frozen
class Verdict:
    """How a case ended."""

    outcome: Literal["loaded", "refused", "fault"]
    """A value was given, a `SpeechGraftError` raised, or a promise broken."""

    detail: str
    """The error, or the promise."""

    seconds: float = 0.0
    """Of computing."""

    extra: int = 0
    """Bytes of memory beyond what there was before, at the peak."""


class Watch:
    """An audit hook that notes, while it is on, what is opened and started. It cannot be taken off, only silenced."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        self._folder: str | None = None
        self._libraries = tuple(
            {
                os.path.realpath(each) + os.sep
                for each in (sys.prefix, sys.base_prefix, *filter(os.path.isdir, sys.path))
            }
        )
        sys.addaudithook(self._hear)

    @contextmanager
    def over(self, folder: Path) -> Iterator[None]:
        """Listen; only this folder may be read beside the libraries, and nothing be written."""
        self.seen, self._folder = [], os.path.realpath(folder) + os.sep
        try:
            yield
        finally:
            self._folder = None

    def may_read(self, path: str) -> bool:
        """Whether a file belongs to the folder or is a part of the program."""
        real = os.path.realpath(path)
        return f"{real}{os.sep}".startswith((self._folder or "", *self._libraries))

    def _hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self._folder is None:
            return
        if event == "open":
            self._opened(*arguments)
        elif event.startswith(_RUNS) or event.startswith(_WRITES):
            self.seen.append(f"{event} {arguments!r:.200}")
        elif event == "import" and arguments[0] in ("evil", "modeling_evil"):
            self.seen.append(f"imports {arguments[0]}")

    def _opened(self, path: Any, mode: Any, flags: int) -> None:
        if isinstance(path, int):
            return
        name = os.fsdecode(path)
        if flags & _WRITE_FLAGS:
            self.seen.append(f"writes {name}")
        elif not self.may_read(name):
            self.seen.append(f"reads {name}")


def watched(watch: Watch, folder: Path, attempt: Callable[[Path], Any], room: Callable[[Any], int]) -> Verdict:
    """Try something under the limits.

    Args:
        watch: The process's hook.
        folder: Where it may read.
        attempt: What is tried.
        room: Bytes of memory that it may take, of what it gave (`None` where it was refused).
    """
    held, begun, value, outcome, detail = _reset_peak(), time.process_time(), None, "loaded", ""
    before = _tree(folder.parent)
    with _limited(), watch.over(folder):
        try:
            value = attempt(folder)
        except SpeechGraftError as error:
            outcome, detail = "refused", f"{type(error).__name__}: {error}"
        except BaseException as error:  # noqa: BLE001 - whatever else comes is what is looked for
            outcome, detail = "fault", f"raises {_told(error)}"
    seconds, extra = time.process_time() - begun, _peak() - held
    broken = [*watch.seen, *_mapped_from(folder.parent, folder)]
    if _tree(folder.parent) != before:
        broken.append("files changed")
    if extra > room(value):
        broken.append(f"takes {extra / MIB:.0f} MiB of {room(value) / MIB:.0f}")
    if seconds > CPU_SECONDS / 2:
        broken.append(f"computes {seconds:.0f} s")
    if broken and outcome != "fault":
        outcome, detail = "fault", "; ".join(broken[:3]) + f" ({detail:.200})"
    return Verdict(outcome, detail, seconds, extra)  # type: ignore[arg-type]


def _told(error: BaseException) -> str:
    """An error with the last place of ours that it went through."""
    place, trace = "", error.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        if "fuzz" not in code.co_filename and "site-packages" not in code.co_filename:
            place = f"{code.co_filename.rsplit('/', 2)[-1]}:{trace.tb_lineno} {code.co_name}"
        trace = trace.tb_next
    return f"{type(error).__name__} at {place}: {str(error)[:200]}"


@contextmanager
def _limited() -> Iterator[None]:
    """Bounds on address space and computing time; a process that computes on is ended by the system."""
    space, cpu = resource.getrlimit(resource.RLIMIT_AS), resource.getrlimit(resource.RLIMIT_CPU)
    used = resource.getrusage(resource.RUSAGE_SELF)
    try:
        resource.setrlimit(resource.RLIMIT_AS, (_status("VmSize") + ADDRESS_SPACE, space[1]))
        resource.setrlimit(resource.RLIMIT_CPU, (int(used.ru_utime + used.ru_stime) + CPU_SECONDS, cpu[1]))
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, space)
        resource.setrlimit(resource.RLIMIT_CPU, cpu)


def _status(key: str) -> int:
    """Bytes that the system tells of this process."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{key}:"):
            return int(line.split()[1]) * 1024
    raise LookupError(key)


def _reset_peak() -> int:
    """What is held now; the peak is counted from here."""
    Path("/proc/self/clear_refs").write_text("5")
    return _status("VmRSS")


def _peak() -> int:
    return _status("VmHWM")


def _mapped_from(place: Path, folder: Path) -> list[str]:
    """Files beside the folder that are mapped: libraries open theirs past Python's hooks, and a value holds them."""
    lines = Path("/proc/self/maps").read_text().splitlines()
    paths = {line.split(maxsplit=5)[5] for line in lines if f" {place}{os.sep}" in line}
    return [f"maps {path}" for path in sorted(paths) if not path.startswith(f"{folder}{os.sep}")]


def _tree(folder: Path) -> dict[str, tuple[int, int]]:
    """Every file with its size and when it was changed."""
    found = {}
    for path, _, names in os.walk(folder):
        for name in names:
            each = Path(path, name).lstat()
            found[f"{path}/{name}"] = (each.st_size, each.st_mtime_ns)
    return found
