"""The rows of a weight map: what a tensor on disk is of ours."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import attrs

from speechgraft.checkpoint.patterns import Pattern
from speechgraft.errors import CheckpointError, PluginError

if TYPE_CHECKING:
    from torch import Tensor


@attrs.frozen
class Rule:
    """One row: a tensor on disk is one of ours, or several that lie side by side in it.

    Attributes:
        disk: Name on disk.
        ours: Our names; more than one where the tensor on disk is split.
        dim: The dimension of the tensor on disk along which ours lie side by side, in equal parts.
        transposed: Whether a matrix on disk has its dimensions the other way round.
        duplicate: Whether another row names the same tensor; this one is read where the tensor of that is not there.
        written: Whether a duplicate is written too.
    """

    disk: Pattern
    ours: tuple[Pattern, ...]
    dim: int = 0
    transposed: bool = False
    duplicate: bool = False
    written: bool = True

    def __attrs_post_init__(self) -> None:
        for pattern in self.ours:
            if pattern.placeholders != self.disk.placeholders:
                raise PluginError(f"weight map: {self.disk} and {pattern} have different placeholders")

    def take_apart(self, name: str, tensor: Tensor) -> tuple[Tensor, ...]:
        """Our tensors from the one on disk called `name`."""
        count = len(self.ours)
        if count == 1:
            return (tensor.t() if self.transposed else tensor,)
        if tensor.dim() <= self.dim or tensor.shape[self.dim] % count:
            raise CheckpointError(
                f"{name}: shape {tuple(tensor.shape)} cannot be split into "
                f"{count} equal parts along dimension {self.dim}"
            )
        return tuple(part.t() if self.transposed else part for part in tensor.chunk(count, self.dim))

    def put_together(self, tensors: Sequence[Tensor]) -> Tensor:
        """The tensor on disk from ours."""
        import torch

        turned = [tensor.t() if self.transposed else tensor for tensor in tensors]
        return turned[0] if len(turned) == 1 else torch.cat(turned, self.dim)


@attrs.frozen
class OldSpelling:
    """A row that is only read: an older name on disk for a newer one."""

    old: Pattern
    new: Pattern


Row = Rule | OldSpelling


def rename(disk: str, ours: str) -> Row:
    """The same tensor under two names."""
    return Rule(Pattern(disk), (Pattern(ours),))


def transpose(disk: str, ours: str) -> Row:
    """A matrix that lies on disk the other way round."""
    return Rule(Pattern(disk), (Pattern(ours),), transposed=True)


def split(disk: str, ours: Sequence[str], dim: int = 0, *, transposed: bool = False) -> Row:
    """One tensor on disk that is several of ours in equal parts along `dim` (each then transposed)."""
    return Rule(Pattern(disk), tuple(map(Pattern, ours)), dim, transposed)


def duplicate(disk: str, ours: str) -> Row:
    """A tensor that another row names too: written a second time, read only where the first is not there."""
    return Rule(Pattern(disk), (Pattern(ours),), duplicate=True)


def fallback(disk: str, ours: str) -> Row:
    """A tensor that is read where that of another row is not there, the first of such rows first; never written."""
    return Rule(Pattern(disk), (Pattern(ours),), duplicate=True, written=False)


def old_spelling(old: str, new: str) -> Row:
    """A name that older files have for the newer name, which is the one that other rows know and that is written."""
    return OldSpelling(Pattern(old), Pattern(new))
