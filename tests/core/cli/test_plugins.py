"""`speechgraft plugins` names the broken ones and why."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from attrs import evolve

from speechgraft.cli import main
from speechgraft.registry import Origin, default_catalog

BROKEN = default_catalog().with_broken(Origin("toy", "toy-package", "0.3"), "ImportError: no toys")


def test_what_is_brought_by_whom(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plugins"]) == 0
    header, *lines = capsys.readouterr().out.splitlines()
    assert header.split() == ["plugin", "package", "version", "encoders", "decoders", "connectors", "state"]
    assert any(line.split()[:2] == ["wav2vec2", "speechgraft"] and line.split()[-1] == "ok" for line in lines)
    assert any("linear, conv, stack, mlp" in line for line in lines)


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
    assert main(["plugins", "--json"]) == 0
    assert {one["plugin"]: one["state"] for one in json.loads(capsys.readouterr().out)}["toy"] == "broken"


def test_plugins_that_the_variable_leaves_out_are_listed_on_request(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    catalog = evolve(default_catalog(), unwanted=(Origin("toy", "toy-package", "0.3"),))
    monkeypatch.setattr("speechgraft.registry.default_catalog", lambda: catalog)
    assert main(["plugins"]) == 0
    assert "toy" not in capsys.readouterr().out
    assert main(["plugins", "--all", "--json"]) == 0
    assert {one["plugin"]: one["state"] for one in json.loads(capsys.readouterr().out)}["toy"] == "left out"


def test_the_variable_limits_what_is_loaded_and_what_is_imported() -> None:
    code = (
        "import sys, json; from speechgraft.cli import main; main(['plugins', '--all', '--json']);"
        "assert 'torch' not in sys.modules and 'speechgraft.plugins.bert' not in sys.modules"
    )
    environment = {**os.environ, "SPEECHGRAFT_PLUGINS": "wav2vec2, gpt2,brt"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    states = {one["plugin"]: one for one in json.loads(done.stdout)}
    assert {name for name, one in states.items() if one["state"] == "ok"} == {"wav2vec2", "gpt2"}
    assert states["bert"]["state"] == "left out"
    assert "no package is called so; did you mean 'bert'" in states["brt"]["broken"]
