"""How many bytes of samples a wav or aiff header promises.

The decoder reads what is left of a file that was cut short and says nothing; the header knows.
Layouts: Microsoft/IBM "Multimedia Programming Interface and Data Specifications 1.0" (RIFF),
EBU Tech 3306 (RF64), Apple "Audio Interchange File Format 1.3" (FORM).
"""

from __future__ import annotations

import os
import struct
from typing import IO

_BYTE_ORDERS = {b"RIFF": "<", b"RF64": "<", b"RIFX": ">", b"FORM": ">"}
_SAMPLE_CHUNKS = (b"data", b"SSND")

# Programs that write to a pipe cannot go back to fill in the size, and leave one near 2 or 4 GiB.
_UNKNOWN_SIZE = 0x7FFF0000


def missing_bytes(file: IO[bytes]) -> tuple[int, int] | None:
    """Bytes of samples that a header promises and that are there, where the second is less.

    `None` for whole files, for other formats, and where the header does not know the size.
    `file` is seekable; its position is where it was afterwards.
    """
    start = file.tell()
    try:
        promised, there = _sample_bytes(file)
    finally:
        file.seek(start)
    return (promised, there) if promised > there else None


def _sample_bytes(file: IO[bytes]) -> tuple[int, int]:
    head = file.read(12)
    order = _BYTE_ORDERS.get(head[:4])
    if order is None or len(head) < 12:
        return 0, 0
    long_size = None
    while len(chunk := file.read(8)) == 8:
        name, size = chunk[:4], struct.unpack(order + "I", chunk[4:])[0]
        if name in _SAMPLE_CHUNKS:
            return _promised(size, long_size), _left(file)
        begin = file.tell()
        if name == b"ds64" and len(sizes := file.read(16)) == 16:
            long_size = struct.unpack("<QQ", sizes)[1]
        file.seek(begin + size + size % 2)
    return 0, 0


def _promised(size: int, long_size: int | None) -> int:
    if size < _UNKNOWN_SIZE:
        return size
    return long_size or 0


def _left(file: IO[bytes]) -> int:
    here = file.tell()
    return file.seek(0, os.SEEK_END) - here
