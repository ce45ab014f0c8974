"""`speechgraft plugins` names the broken ones and why."""

from __future__ import annotations

import json

import pytest

from speechgraft.cli import main
from speechgraft.registry import Origin, default_catalog

BROKEN = default_catalog().with_broken(Origin("toy", "toy-package", "0.3"), "ImportError: no toys")


def test_what_is_brought_by_whom(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plugins"]) == 0
    header, *lines = capsys.readouterr().out.splitlines()
    assert header.split() == ["plugin", "package", "version", "encoders", "decoders", "connectors"]
    assert any(line.split()[:2] == ["wav2vec2", "speechgraft"] for line in lines)


def test_broken_plugins_are_named_with_the_reason(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("speechgraft.registry.default_catalog", lambda: BROKEN)
    assert main(["plugins"]) == 0
    assert "broken: plugin 'toy' of toy-package 0.3: ImportError: no toys\n" in capsys.readouterr().out
    assert main(["plugins", "--json"]) == 0
    told = {one["plugin"]: one["broken"] for one in json.loads(capsys.readouterr().out)}
    assert told["toy"] == "ImportError: no toys"
    assert told["wav2vec2"] is None
