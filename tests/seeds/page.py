"""The examples of `docs/seeds.md`, one a block."""

from __future__ import annotations

import re
from pathlib import Path

from attrs import frozen

PAGE = Path(__file__).parents[2] / "docs" / "seeds.md"
_PART = re.compile(r"^### ([^\n]+)$|^```pycon( refused)?\n(.*?)^```", re.MULTILINE | re.DOTALL)


@frozen
class Example:
    """A block of the page.

    Attributes:
        title: The heading it stands under; where two blocks stand there, the second's ends in `, here`.
        code: As `doctest` reads it.
        refused: Whether the page says that it ends in an error.
    """

    title: str
    code: str
    refused: bool

    @property
    def downloads(self) -> bool:
        """Whether it loads checkpoints, so that it is small; the others have the default configs' sizes."""
        return re.search(r'"(bert-base-uncased|[\w-]+/[\w.-]+)"', self.code) is not None

    @property
    def imported(self) -> list[str]:
        """The names that it imports from speechgraft."""
        [names] = re.findall(r"from speechgraft import (.*)", self.code)
        return str(names).split(", ")

    @property
    def writes(self) -> bool:
        return "save_pretrained" in self.code


def examples() -> list[Example]:
    """All of them, in the page's order.

    Raises:
        ValueError: Two have one title.
    """
    found: dict[str, Example] = {}
    title = ""
    for part in _PART.finditer(PAGE.read_text(encoding="utf-8")):
        if part[1]:
            title = part[1]
            continue
        name = f"{title}, here" if title in found else title
        if name in found:
            raise ValueError(f"{PAGE.name}: three blocks under {title!r}")
        found[name] = Example(name, part[3], part[2] is not None)
    return list(found.values())
