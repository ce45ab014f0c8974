"""Parameter names on disk beside ours: one table, read in both directions.

A table is a list of rows. Each names tensors on disk first and ours second, with placeholders for
what the two have in common: `{i}`, `{j}` a number, `{p}`, `{q}` one part of a dotted name, `{rest}`
anything.

```python
def weight_map(config: ToyConfig) -> WeightMap:
    return WeightMap(
        [
            rename("toy.embed.weight", "embedding.weight"),
            rename("toy.layers.{i}.attn.out.{p}", "layers.{i}.attention.output.{p}"),
            transpose("toy.layers.{i}.mlp.weight", "layers.{i}.feed_forward.inner.weight"),
            split(
                "toy.layers.{i}.attn.qkv.{p}",
                tuple(f"layers.{{i}}.attention.{part}.{{p}}" for part in ("query", "key", "value")),
            ),
            old_spelling("{rest}.LayerNorm.gamma", "{rest}.LayerNorm.weight"),
        ],
        ignored=[("toy.pooler.{rest}", "a decoder has no pooler")],
        fresh=[("layers.{i}.cross_attention.{rest}", "injected: the checkpoint has no cross-attention")],
        prefix="toy.",
    )
```
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Self

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
    """

    disk: Pattern
    ours: tuple[Pattern, ...]
    dim: int = 0
    transposed: bool = False

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


def old_spelling(old: str, new: str) -> Row:
    """A name that older files have for the newer name, which is the one that other rows know and that is written."""
    return OldSpelling(Pattern(old), Pattern(new))


@attrs.frozen
class Mapped:
    """What a weight map makes of the tensors of a file.

    Attributes:
        tensors: Ours, by name.
        sources: Our name to the name on disk that it came from.
        ignored: Names on disk that are known and left out, with the reason.
        unexpected: Names on disk that no row knows.
    """

    tensors: dict[str, Tensor]
    sources: dict[str, str]
    ignored: dict[str, str]
    unexpected: tuple[str, ...]


@attrs.frozen
class _Table:
    """The rows of one part of a model, all of whose names begin with `root`."""

    rules: tuple[Rule, ...]
    old: tuple[OldSpelling, ...]
    ignored: tuple[tuple[Pattern, str], ...]
    fresh: tuple[tuple[Pattern, str], ...]
    prefix: str
    writes_prefix: bool | None
    root: str = ""

    def spellings(self, name: str) -> Iterable[str]:
        """A name on disk without the root as the rows may know it: with the prefix or without, in today's spelling."""
        candidates = [name]
        if self.prefix:
            candidates.append(name.removeprefix(self.prefix) if name.startswith(self.prefix) else self.prefix + name)
        for candidate in candidates:
            spelling = candidate
            for row in self.old:
                spelling = row.old.translate(spelling, row.new) or spelling
            yield spelling

    def read(self, name: str) -> tuple[Rule, list[str]] | str | None:
        """The rule for a name on disk with our names, the reason to leave it out, or `None`."""
        for spelling in self.spellings(name):
            for rule in self.rules:
                if (values := rule.disk.match(spelling)) is not None:
                    return rule, [self.root + pattern.fill(values) for pattern in rule.ours]
            for pattern, reason in self.ignored:
                if pattern.match(spelling) is not None:
                    return reason
        return None

    def write(self, name: str) -> tuple[Rule, str, list[str]] | None:
        """The rule for one of our names, the name on disk, and all of ours that lie in that tensor."""
        for rule in self.rules:
            for pattern in rule.ours:
                if (values := pattern.match(name)) is not None:
                    ours = [self.root + each.fill(values) for each in rule.ours]
                    return rule, self.root + self._with_prefix(rule.disk.fill(values)), ours
        return None

    def _with_prefix(self, name: str) -> str:
        if self.writes_prefix is None:
            return name
        bare = name.removeprefix(self.prefix)
        return self.prefix + bare if self.writes_prefix else bare


class WeightMap:
    """The two-way translation between a checkpoint's tensors and a module's.

    Args:
        rules: Rows of the table; of several that fit a name the first counts.
        ignored: Names on disk that are known and left out, each with the reason.
        fresh: Names of ours that a checkpoint may lack, each with the reason; they are newly made then.
        prefix: Names on disk may begin with it or not, whatever the rows say.
        writes_prefix: Whether names are written with it; `None`: as the rows say.

    Raises:
        PluginError: A row is no proper one.
    """

    def __init__(
        self,
        rules: Iterable[Row],
        *,
        ignored: Iterable[tuple[str, str]] = (),
        fresh: Iterable[tuple[str, str]] = (),
        prefix: str | None = None,
        writes_prefix: bool | None = None,
    ) -> None:
        rows = list(rules)
        table = _Table(
            tuple(row for row in rows if isinstance(row, Rule)),
            tuple(row for row in rows if isinstance(row, OldSpelling)),
            tuple((Pattern(name), reason) for name, reason in ignored),
            tuple((Pattern(name), reason) for name, reason in fresh),
            prefix or "",
            writes_prefix,
        )
        self._tables: tuple[_Table, ...] = (table,)

    @classmethod
    def join(cls, *maps: WeightMap) -> Self:
        """One map of several, for modules made of parts; the first that knows a name has it."""
        joined = cls(())
        joined._tables = tuple(table for each in maps for table in each._tables)
        return joined

    def nested(self, prefix: str) -> WeightMap:
        """This map for a module that is a part of another: on both sides names begin with `prefix` (`"encoder."`)."""
        moved = WeightMap(())
        moved._tables = tuple(attrs.evolve(table, root=prefix + table.root) for table in self._tables)
        return moved

    def to_ours(self, disk: Mapping[str, Tensor]) -> Mapped:
        """Our tensors from those on disk. Tensors that are not needed are not read.

        Raises:
            CheckpointError: Two tensors on disk are the same one of ours, or one cannot be split.
        """
        mapped = Mapped({}, {}, {}, ())
        unexpected = []
        for name in disk:
            match self._read(name):
                case None:
                    unexpected.append(name)
                case str() as reason:
                    mapped.ignored[name] = reason
                case rule, ours:
                    self._take(mapped, name, disk[name], rule, ours)
        return attrs.evolve(mapped, unexpected=tuple(unexpected))

    def _take(self, mapped: Mapped, name: str, tensor: Tensor, rule: Rule, ours: list[str]) -> None:
        for own, part in zip(ours, rule.take_apart(name, tensor), strict=True):
            if own in mapped.tensors:
                raise CheckpointError(f"{name} and {mapped.sources[own]} are two names of one tensor; keep one of them")
            mapped.tensors[own], mapped.sources[own] = part, name

    def to_disk(self, ours: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The tensors on disk from ours.

        Raises:
            PluginError: No row knows one of our names, or a part of a tensor on disk is missing.
        """
        disk: dict[str, Tensor] = {}
        for name in ours:
            rule, on_disk, parts = self._write(name)
            if missing := [part for part in parts if part not in ours]:
                raise PluginError(f"weight map: {on_disk} needs {', '.join(missing)} beside {name}")
            if on_disk not in disk:
                disk[on_disk] = rule.put_together([ours[part] for part in parts])
        return disk

    def name_on_disk(self, name: str) -> str | None:
        """The name that one of our tensors has on disk, `None` where no row knows it."""
        try:
            return self._write(name)[1]
        except PluginError:
            return None

    def fresh_reason(self, name: str) -> str | None:
        """Why a checkpoint may lack one of our tensors, `None` where it may not."""
        for table in self._tables:
            if name.startswith(table.root):
                for pattern, reason in table.fresh:
                    if pattern.match(name.removeprefix(table.root)) is not None:
                        return reason
        return None

    def _read(self, name: str) -> tuple[Rule, list[str]] | str | None:
        found = (table.read(name.removeprefix(table.root)) for table in self._tables if name.startswith(table.root))
        return next((each for each in found if each is not None), None)

    def _write(self, name: str) -> tuple[Rule, str, list[str]]:
        for table in self._tables:
            if name.startswith(table.root) and (found := table.write(name.removeprefix(table.root))):
                return found
        raise PluginError(f"weight map: no row knows our {name}")
