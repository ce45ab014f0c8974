"""Every command line of README and docs is one that the command line takes: its command, options and arguments."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from speechgraft.cli import COMMANDS, app

ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
CONSOLE = re.compile(r"^```console\n(.*?)^```", re.MULTILINE | re.DOTALL)
MENTION = re.compile(r"`(?:[A-Z_]+=\S+ )?speechgraft ([a-z][^`]*)`")


def said(line: str) -> list[str] | None:
    """The words behind `speechgraft` of a line that somebody types; what stands behind a comment or a pipe is none."""
    words = shlex.split(line.removeprefix("$ "), comments=True)
    if not line.startswith("$ ") or words[:1] != ["speechgraft"]:
        return None
    ends = [place for place, word in enumerate(words) if word in ("|", ">", "<", "&&")]
    return words[1 : ends[0] if ends else None]


def in_consoles(page: Path) -> list[list[str]]:
    """The command lines of a page's console blocks."""
    lines = [line for block in CONSOLE.findall(page.read_text()) for line in block.splitlines()]
    return [words for words in map(said, lines) if words is not None]


LINES = [(page, words) for page in PAGES for words in in_consoles(page)]
MENTIONS = [(page, words.split()) for page in PAGES for words in MENTION.findall(page.read_text())]


def command(name: str) -> Any:
    assert name in COMMANDS
    return get_command(app).get_command(None, name)  # type: ignore[attr-defined]


def told(case: Any) -> str:
    return case.name if isinstance(case, Path) else " ".join(case)


@pytest.mark.parametrize(("page", "words"), LINES, ids=told)
def test_a_line_of_a_console_is_taken(page: Path, words: list[str]) -> None:
    command(words[0]).make_context(words[0], words[1:])


@pytest.mark.parametrize(("page", "words"), MENTIONS, ids=told)
def test_a_command_that_a_text_mentions_has_the_options_that_it_mentions(page: Path, words: list[str]) -> None:
    options = {name for each in command(words[0]).params for name in (*each.opts, *each.secondary_opts)}
    assert {word for word in words if word.startswith("--")} <= {*options, "--help"}


def test_lines_and_mentions_are_found() -> None:
    assert (["check", "sew*", "bert"]) in [words[:3] for _, words in LINES]
    assert (["check", "...", "--routing"]) in [words for _, words in MENTIONS]
