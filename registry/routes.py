"""Where each option of a pair goes, for people: the tables by which factories and `forward` sort options."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from textwrap import wrap

from attrs import field, frozen

from speechgraft.registry.frozen import FrozenMapping

_WIDTH = 100


def _frozen(values: Mapping[str, tuple[str, ...]]) -> FrozenMapping[str, tuple[str, ...]]:
    return FrozenMapping({part: tuple(names) for part, names in values.items()})


@frozen
class Routes:
    """The options of a pair by the part that they reach. `str(routes)` is a table."""

    factories: Mapping[str, tuple[str, ...]] = field(converter=_frozen, hash=False)
    """Options of `pair`, `check` and `from_encoder_decoder_pretrained`: those of the `"pair"` as they stand, those of
    a part behind its name (`encoder_hidden_size`)."""

    forward: Mapping[str, tuple[str, ...]] = field(converter=_frozen, hash=False)
    """Options of `model(...)`: those of the `"pair"` and of the `"encoder"` as they stand, those of the `"decoder"`
    behind its name; of the encoder behind its name too."""

    def to_dict(self) -> dict[str, dict[str, list[str]]]:
        """The tables as an object of JSON."""
        tables = {"factories": self.factories, "forward": self.forward}
        return {name: {part: list(names) for part, names in table.items()} for name, table in tables.items()}

    def __str__(self) -> str:
        return "\n".join(
            [
                *self._told("factories: pair, check, from_encoder_decoder_pretrained", self.factories, ()),
                "",
                *self._told("forward: model(...)", self.forward, ("encoder",)),
            ]
        )

    @staticmethod
    def _told(title: str, table: Mapping[str, tuple[str, ...]], bare: tuple[str, ...]) -> Iterator[str]:
        yield title
        for part, names in table.items():
            if not names:
                continue
            ways = [f"{part}_NAME"] if part != "pair" else ["NAME"]
            ways = ["NAME", *ways] if part in bare else ways
            yield f"  {' or '.join(ways)} -> the {part}, NAME one of"
            yield from (f"      {line}" for line in wrap(", ".join(names), _WIDTH, break_on_hyphens=False))
