"""`speechgraft plugins` names the broken ones and why."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

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


ENTRY = """
from speechgraft.registry import EncoderEntry, hookimpl

@hookimpl
def speechgraft_encoders():
    return [EncoderEntry(name="toy-{name}", config="toy_{name}_config:ToyConfig", adapter="toy_{name}_config:ADAPTER",
                         factory="toy:F", weights="toy:w", input_kind="waveform", tiny={{}})]
"""
CONFIG = """
from typing import ClassVar
from speechgraft.config import Config, ConfigAdapter, config_class

@config_class
class ToyConfig(Config):
    model_type: ClassVar[str] = "toy-{name}"

ADAPTER = ConfigAdapter(ToyConfig)
"""
FAULTS = {
    "raises": (ENTRY + "1 / 0", CONFIG, "ZeroDivisionError: division by zero"),
    "taken": (
        ENTRY.replace('name="toy-{name}"', 'name="sew"'),
        CONFIG,
        "already registered by plugin 'sew' of speechgraft",
    ),
    "misspelt": (ENTRY.replace("speechgraft_encoders", "speechgraft_encodrs"), CONFIG, "mean 'speechgraft_encoders'"),
    "newer": (ENTRY.replace("tiny", "interface=99, tiny"), CONFIG, "install a newer speechgraft, or an older"),
    "older": (ENTRY.replace("tiny", "interface=0, tiny"), CONFIG, "install a newer version of the plugin"),
    "none": (ENTRY, CONFIG.partition("ADAPTER =")[0], "toy_none_config has no 'ADAPTER'"),
    "class": (ENTRY, CONFIG.replace("ConfigAdapter(ToyConfig)", "ToyConfig"), "which is no ConfigAdapter"),
    "another": (
        ENTRY.replace("toy_{name}_config:ADAPTER", "speechgraft.plugins.sew.config:ADAPTER"),
        CONFIG,
        "'speechgraft.plugins.sew.config:ADAPTER' is that of SEWConfig, not of ToyConfig",
    ),
    "type": (ENTRY, CONFIG.replace("toy-{name}", "toy"), "has the model_type 'toy', expected 'toy-type'"),
    "exits": (ENTRY, "raise SystemExit('no licence')", "no licence"),
}
LATER = {"none", "class", "another", "type", "exits"}
"""Faults in what an entry refers to: nothing imports it for a list of names."""


def install(folder: Path, name: str, hooks: str, config: str) -> None:
    """Lay out an installed package with one plugin."""
    info = folder / f"toys_{name}-1.2.dist-info"
    info.mkdir()
    (folder / f"toy_{name}.py").write_text(hooks.format(name=name))
    (folder / f"toy_{name}_config.py").write_text(config.format(name=name))
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: toys-{name}\nVersion: 1.2\n")
    (info / "entry_points.txt").write_text(f"[speechgraft]\n{name} = toy_{name}\n")


def test_every_faulty_package_is_reported_with_its_reason_and_everything_else_goes_on(tmp_path: Path) -> None:
    install(tmp_path, "good", ENTRY, CONFIG)
    for name, (hooks, config, _) in FAULTS.items():
        install(tmp_path, name, hooks, config)

    def told(*arguments: str) -> list[dict[str, object]]:
        code = (
            "import sys; from speechgraft.cli import main; status = main(sys.argv[1:]);"
            "assert 'torch' not in sys.modules; sys.exit(status)"
        )
        environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
        command = [sys.executable, "-c", code, *arguments, "--json"]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        found: list[dict[str, object]] = json.loads(done.stdout)
        return found

    plugins = {one["plugin"]: one for one in told("plugins", "--all")}
    assert {name for name, one in plugins.items() if one["state"] != "ok"} == FAULTS.keys()
    for name, (_, _, reason) in FAULTS.items():
        assert (plugins[name]["package"], plugins[name]["version"]) == (f"toys-{name}", "1.2")
        assert reason in str(plugins[name]["broken"])
        assert "\n" not in str(plugins[name]["broken"])
    names = {one["name"] for one in told("encoders")}
    assert {"toy-good", "sew", "wav2vec2"} <= names
    assert {f"toy-{name}" for name in FAULTS} & names == {f"toy-{name}" for name in LATER}
