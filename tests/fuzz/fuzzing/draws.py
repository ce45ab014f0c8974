"""Chances that bytes decide, so that hypothesis, atheris and a plain count all drive the same mutations."""

from __future__ import annotations

import hashlib
import random


def bytes_of(number: int) -> bytes:
    """The bytes of a numbered case."""
    return hashlib.sha256(b"%d" % number).digest()


class Drawn(random.Random):
    """Bits out of `data` as long as it lasts, then out of a generator that all of it seeds."""

    def __init__(self, data: bytes) -> None:
        super().__init__(int.from_bytes(hashlib.sha256(data).digest()))
        self._left = data

    def getrandbits(self, k: int) -> int:
        count = (k + 7) // 8
        if count > len(self._left):
            return super().getrandbits(k)
        taken, self._left = self._left[:count], self._left[count:]
        return int.from_bytes(taken) >> (8 * count - k)

    def random(self) -> float:
        return self.getrandbits(53) / 2**53

    def once_in(self, count: int) -> bool:
        """Whether one of so many equal chances has come."""
        return self.randrange(count) == 0
