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

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Self

import attrs

from speechgraft.checkpoint.patterns import Pattern
from speechgraft.checkpoint.rows import OldSpelling, Row, Rule
from speechgraft.errors import CheckpointError, PluginError

if TYPE_CHECKING:
    from torch import Tensor


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
    """The rows of one part of a model, all of whose names begin with `root`, and on disk with `disk_root`."""

    rules: tuple[Rule, ...]
    old: tuple[OldSpelling, ...]
    ignored: tuple[tuple[Pattern, str], ...]
    fresh: tuple[tuple[Pattern, str], ...]
    prefix: str
    writes_prefix: bool | None
    root: str = ""
    disk_root: str = ""

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
        return next(self._writes(name, duplicates=False), None)

    def duplicates(self, name: str) -> list[str]:
        """Further names on disk under which one of our tensors is written as it is."""
        return [on_disk for rule, on_disk, _ in self._writes(name, duplicates=True) if rule.written]

    def _writes(self, name: str, *, duplicates: bool) -> Iterator[tuple[Rule, str, list[str]]]:
        for rule in self.rules:
            for pattern in rule.ours:
                if rule.duplicate == duplicates and (values := pattern.match(name)) is not None:
                    ours = [self.root + each.fill(values) for each in rule.ours]
                    yield rule, self.disk_root + self._with_prefix(rule.disk.fill(values)), ours

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

    def nested(self, prefix: str, *, on_disk: str | None = None) -> WeightMap:
        """This map for a module that is a part of another: names begin with `prefix` (`"encoder."`).

        Args:
            prefix: What our names begin with.
            on_disk: What names on disk begin with, before any prefix that the map itself knows; `None`: the same.
        """
        disk = prefix if on_disk is None else on_disk
        moved = WeightMap(())
        moved._tables = tuple(
            attrs.evolve(table, root=prefix + table.root, disk_root=disk + table.disk_root) for table in self._tables
        )
        return moved

    def with_prefix(self) -> WeightMap:
        """This map, writing names with their `prefix`."""
        prefixed = WeightMap(())
        prefixed._tables = tuple(attrs.evolve(table, writes_prefix=True) for table in self._tables)
        return prefixed

    def to_ours(self, disk: Mapping[str, Tensor]) -> Mapped:
        """Our tensors from those on disk. Tensors that are not needed are not read.

        Raises:
            CheckpointError: Two tensors on disk are the same one of ours, or one cannot be split.
        """
        mapped = Mapped({}, {}, {}, ())
        unexpected: list[str] = []
        duplicates: list[tuple[str, Rule, list[str]]] = []
        for name in disk:
            match self._read(name):
                case None:
                    unexpected.append(name)
                case str() as reason:
                    mapped.ignored[name] = reason
                case Rule(duplicate=True) as rule, ours:
                    duplicates.append((name, rule, ours))
                case rule, ours:
                    self._take(mapped, name, disk[name], rule, ours)
        rules = [rule for table in self._tables for rule in table.rules]
        for name, rule, ours in sorted(duplicates, key=lambda found: rules.index(found[1])):
            if ours[0] in mapped.tensors:
                mapped.ignored[name] = f"{mapped.sources[ours[0]]} stands for it"
            else:
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
            for twin in self._duplicates(name):
                disk[twin] = ours[name].clone()
        return disk

    def name_on_disk(self, name: str) -> str | None:
        """The name that one of our tensors has on disk, `None` where no row knows it."""
        try:
            return self._write(name)[1]
        except PluginError:
            return None

    def spelling(self, name: str) -> str:
        """How this map writes a name on disk that it reads in another spelling as well; others as they are."""
        match self._read(name):
            case Rule(duplicate=False), ours:
                return self.name_on_disk(ours[0]) or name
            case _:
                return name

    def fresh_reason(self, name: str) -> str | None:
        """Why a checkpoint may lack one of our tensors, `None` where it may not."""
        for table in self._tables:
            if name.startswith(table.root):
                for pattern, reason in table.fresh:
                    if pattern.match(name.removeprefix(table.root)) is not None:
                        return reason
        return None

    def _read(self, name: str) -> tuple[Rule, list[str]] | str | None:
        tables = [table for table in self._tables if name.startswith(table.disk_root)]
        found = (table.read(name.removeprefix(table.disk_root)) for table in tables)
        return next((each for each in found if each is not None), None)

    def _duplicates(self, name: str) -> list[str]:
        tables = [table for table in self._tables if name.startswith(table.root)]
        return [twin for table in tables for twin in table.duplicates(name.removeprefix(table.root))]

    def _write(self, name: str) -> tuple[Rule, str, list[str]]:
        for table in self._tables:
            if name.startswith(table.root) and (found := table.write(name.removeprefix(table.root))):
                return found
        raise PluginError(f"weight map: no row knows our {name}")
