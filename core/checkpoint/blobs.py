"""Downloads held against their checksums. The client checks sizes alone where it downloads by HTTP.

In the cache each file lies under its ETag, which for large files is their SHA-256, and for small ones the SHA-1
that git gives them.
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

_SLACK = 2.0
"""Seconds by which clock and file system may differ."""


def discard_broken(storage: Path, since: float) -> list[str]:
    """Take files out of a repository's part of the cache whose content is not what their name says.

    Args:
        storage: The folder with `blobs` and `snapshots`; it need not be there.
        since: Only files written since then are read, in seconds of `time.time`.

    Returns:
        What they are called in the repository.
    """
    broken = []
    for blob in sorted(storage.glob("blobs/*")):
        new = not blob.is_symlink() and blob.is_file() and blob.stat().st_mtime >= since - _SLACK
        if new and not blob.name.endswith(".incomplete") and not _is_named_rightly(blob):
            blob.unlink(missing_ok=True)
            broken.append(blob.name)
    return _unlink_dangling(storage) if broken else []


def _unlink_dangling(storage: Path) -> list[str]:
    names = set()
    for commit in storage.glob("snapshots/*"):
        for path in commit.rglob("*"):
            if path.is_symlink() and not path.exists():
                path.unlink(missing_ok=True)
                names.add(path.relative_to(commit).as_posix())
    return sorted(names)


def _is_named_rightly(blob: Path) -> bool:
    """Whether a file has the checksum that it is named after; a name that is no checksum says nothing."""
    if re.fullmatch(r"[0-9a-f]{64}", blob.name):
        return _digest(blob, hashlib.sha256()) == blob.name
    if re.fullmatch(r"[0-9a-f]{40}", blob.name):
        # Mirrors of the hub name files after their plain SHA-1.
        sums = (hashlib.sha1(b"blob %d\0" % blob.stat().st_size), hashlib.sha1())
        return any(_digest(blob, begun) == blob.name for begun in sums)
    return True


def _digest(path: Path, begun: hashlib._Hash) -> str:
    with path.open("rb") as file:
        while piece := file.read(2**20):
            begun.update(piece)
    return begun.hexdigest()
