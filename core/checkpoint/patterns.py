"""Names with placeholders, as the rows of a weight map have them."""

from __future__ import annotations

import re
from functools import cached_property

import attrs

from speechgraft.errors import PluginError

_KINDS = {"i": r"\d+", "j": r"\d+", "p": r"[^.]+", "q": r"[^.]+", "rest": r".+"}
_PLACEHOLDER = re.compile(r"\{(\w*)\}")


@attrs.frozen(slots=False)
class Pattern:
    """A dotted name with placeholders: `{i}`, `{j}` digits, `{p}`, `{q}` one part, `{rest}` anything.

    Raises:
        PluginError: It has a placeholder of another name.
    """

    text: str

    def __attrs_post_init__(self) -> None:
        for name in self.placeholders - _KINDS.keys():
            raise PluginError(f"weight map: {self.text!r} has the placeholder {name!r}, known are {', '.join(_KINDS)}")

    def __str__(self) -> str:
        return repr(self.text)

    @cached_property
    def placeholders(self) -> frozenset[str]:
        """Names of the placeholders."""
        return frozenset(_PLACEHOLDER.findall(self.text))

    @cached_property
    def _regex(self) -> re.Pattern[str]:
        seen: set[str] = set()
        source = ""
        for index, piece in enumerate(_PLACEHOLDER.split(self.text)):
            if index % 2 == 0:
                source += re.escape(piece)
            else:
                source += f"(?P={piece})" if piece in seen else f"(?P<{piece}>{_KINDS[piece]})"
                seen.add(piece)
        return re.compile(source)

    def match(self, name: str) -> dict[str, str] | None:
        """What stands for each placeholder in a name, `None` where the name does not fit."""
        found = self._regex.fullmatch(name)
        return None if found is None else found.groupdict()

    def fill(self, values: dict[str, str]) -> str:
        """The name with these values for its placeholders."""
        return _PLACEHOLDER.sub(lambda found: values[found.group(1)], self.text)

    def translate(self, name: str, other: Pattern) -> str | None:
        """A name that fits this pattern as `other` has it, `None` where it does not fit."""
        values = self.match(name)
        return None if values is None else other.fill(values)
