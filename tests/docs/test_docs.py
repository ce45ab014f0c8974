"""Every Python block of README and docs runs, those of one page one after another in one namespace.

A block that begins with a comment such as `# package/module.py` is that file: the blocks of its page import it.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").glob("*.md")])
BLOCK = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
FILE = re.compile(r"# ([\w/]+\.py)\n")
LINK = re.compile(r"\]\((?!https?:|#)([^)#]+)")


@pytest.fixture
def modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder to import from; what came from it is forgotten afterwards."""
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    for name, module in list(sys.modules.items()):
        if str(getattr(module, "__file__", None)).startswith(str(tmp_path)):
            del sys.modules[name]


@pytest.mark.parametrize("page", [page for page in PAGES if BLOCK.search(page.read_text())], ids=lambda page: page.name)
def test_code_blocks_run(page: Path, modules: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    namespace: dict[str, object] = {"__name__": page.stem}
    text = page.read_text()
    blocks = list(BLOCK.finditer(text))
    for block in blocks:
        if file := FILE.match(block[1]):
            path = modules / file[1]
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block[1])
    for block in blocks:
        line = text[: block.start(1)].count("\n")
        if not FILE.match(block[1]):
            exec(compile("\n" * line + block[1], str(page), "exec"), namespace)
    assert len(namespace) > 1, f"{page.name}: its blocks define nothing"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    broken = [link for link in LINK.findall(page.read_text()) if not (page.parent / link).exists()]
    assert not broken


def test_tests_that_differences_names_are_there() -> None:
    named = re.findall(r"`(tests/[^`]+)`", (ROOT / "docs" / "differences.md").read_text())
    missing = [path for path in named if not (ROOT / path).exists()]
    assert named
    assert not missing
