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
from speechgraft.registry import Catalog, Origin, default_catalog

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


def test_a_list_of_names_tells_of_broken_plugins_beside_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("speechgraft.cli.listing.default_catalog", lambda: BROKEN)
    assert main(["encoders", "--json"]) == 0
    told = capsys.readouterr()
    assert "wav2vec2" in {one["name"] for one in json.loads(told.out)}
    assert told.err == "broken, and so not here: toy; `speechgraft plugins` says why\n"


def test_a_list_may_be_empty(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("speechgraft.cli.listing.default_catalog", Catalog)
    assert main(["decoders", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == []
    assert main(["decoders"]) == 0
    assert capsys.readouterr().out.split()[0] == "name"
    assert main(["decoders", "b*"]) == 2
    assert "no decoder is named 'b*'; known: none" in capsys.readouterr().err


def test_plugins_that_the_variable_leaves_out_are_listed_on_request(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    catalog = evolve(default_catalog(), unwanted=(Origin("toy", "toy-package", "0.3"),))
    monkeypatch.setattr("speechgraft.registry.default_catalog", lambda: catalog)
    assert main(["plugins"]) == 0
    assert "toy" not in capsys.readouterr().out
    assert main(["plugins", "--all", "--json"]) == 0
    assert {one["plugin"]: one["state"] for one in json.loads(capsys.readouterr().out)}["toy"] == "left out"


def test_the_variable_limits_what_is_loaded_and_a_list_imports_no_model() -> None:
    code = (
        "import sys; from speechgraft.cli import main; main(['plugins', *sys.argv[1:], '--json']);"
        "assert 'speechgraft.plugins.bert' not in sys.modules; assert sys.argv[1:] or 'torch' not in sys.modules"
    )
    environment = {**os.environ, "SPEECHGRAFT_PLUGINS": "wav2vec2, gpt2,brt"}
    for arguments in ([], ["--all"]):
        command = [sys.executable, "-c", code, *arguments]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    states = {one["plugin"]: one for one in json.loads(done.stdout)}
    assert {name for name, one in states.items() if one["state"] == "ok"} == {"wav2vec2", "gpt2"}
    assert states["bert"]["state"] == "left out"
    assert "no package is called so; did you mean 'bert'" in states["brt"]["broken"]


ENTRY = """
from speechgraft.registry import EncoderEntry, hookimpl

@hookimpl
def speechgraft_encoders():
    return [EncoderEntry(name="toy-{name}", config="toy_{name}_config:ToyConfig", adapter="toy_{name}_config:ADAPTER",
                         factory="toy_{name}_config:Toy", weights="toy_{name}_config:weight_map",
                         input_kind="waveform", tiny={{}})]
"""
CONFIG = """
from typing import ClassVar
from speechgraft.config import Config, ConfigAdapter, config_class

@config_class
class ToyConfig(Config):
    model_type: ClassVar[str] = "toy-{name}"

def Toy(config): ...

def weight_map(config): ...

ADAPTER = ConfigAdapter(ToyConfig)
"""
DECODER = (
    ENTRY.replace("Encoder", "Decoder")
    .replace("encoders", "decoders")
    .replace('input_kind="waveform"', "cross_attention='native', tokenizer='toy_tongue:read'")
)
CONNECTOR = (
    ENTRY.replace("Encoder", "Connector").replace("encoders", "connectors").replace('input_kind="waveform", ', "")
)
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
    "factory": (ENTRY.replace('config:Toy"', 'model:Toy"'), CONFIG, "cannot load its factory: 'toy_factory_model:Toy'"),
    "weights": (ENTRY, CONFIG.replace("weight_map", "wait_map"), "has no 'weight_map'; did you mean 'wait_map'"),
    "uncalled": (ENTRY, CONFIG + "\nToy = 3", "factory 'toy_uncalled_config:Toy' is 3, which cannot be called"),
    "extractor": (ENTRY.replace("tiny", "extractor='toy_ears:Ears', tiny"), CONFIG, "cannot load its extractor"),
    "tokenizer": (DECODER, CONFIG, "decoder 'toy-tokenizer' cannot load its tokenizer: 'toy_tongue:read' does not"),
    "connector": (CONNECTOR, CONFIG.replace("Toy(", "Troy("), "connector 'toy-connector' cannot load its factory"),
    "both": (
        ENTRY,
        "1 / 0",
        "cannot load its weights: 'toy_both_config:weight_map' does not import: ZeroDivisionError",
    ),
    "exits": (ENTRY, "raise SystemExit('no licence')", "no licence"),
}
EARLY = {"raises", "taken", "misspelt", "newer", "older"}
"""Faults that a list of names finds; the others are in what an entry refers to, which nothing imports for a list."""


def install(folder: Path, name: str, hooks: str, config: str) -> None:
    """Lay out an installed package with one plugin."""
    info = folder / f"toys_{name}-1.2.dist-info"
    info.mkdir()
    (folder / f"toy_{name}.py").write_text(hooks.format(name=name))
    (folder / f"toy_{name}_config.py").write_text(config.format(name=name))
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: toys-{name}\nVersion: 1.2\n")
    (info / "entry_points.txt").write_text(f"[speechgraft]\n{name} = toy_{name}\n")


def beside(folder: Path) -> dict[str, str]:
    """The environment of a process that finds the packages in a folder."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join([str(folder), os.environ.get("PYTHONPATH", "")])}


def test_every_faulty_package_is_reported_with_its_reason_and_everything_else_goes_on(tmp_path: Path) -> None:
    install(tmp_path, "good", ENTRY, CONFIG)
    for name, (hooks, config, _) in FAULTS.items():
        install(tmp_path, name, hooks, config)

    def told(*arguments: str, loads_torch: bool = False) -> list[dict[str, object]]:
        code = (
            "import sys; from speechgraft.cli import main; status = main(sys.argv[1:]);"
            f"assert ('torch' in sys.modules) == {loads_torch}; sys.exit(status)"
        )
        command = [sys.executable, "-c", code, *arguments, "--json"]
        done = subprocess.run(command, env=beside(tmp_path), capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        found: list[dict[str, object]] = json.loads(done.stdout)
        return found

    lazily = {one["plugin"] for one in told("plugins") if one["state"] != "ok"}
    assert lazily == EARLY
    plugins = {one["plugin"]: one for one in told("plugins", "--all", loads_torch=True)}
    assert {name for name, one in plugins.items() if one["state"] != "ok"} == FAULTS.keys()
    for name, (_, _, reason) in FAULTS.items():
        assert (plugins[name]["package"], plugins[name]["version"]) == (f"toys-{name}", "1.2")
        assert reason in str(plugins[name]["broken"])
        assert "\n" not in str(plugins[name]["broken"])
    names = {one["name"] for role in ("encoders", "decoders", "connectors") for one in told(role)}
    assert {"toy-good", "sew", "wav2vec2", "gpt2", "conv"} <= names
    assert {f"toy-{name}" for name in FAULTS} & names == {f"toy-{name}" for name in FAULTS.keys() - EARLY}


def test_everything_else_goes_on_working_beside_faulty_packages(tmp_path: Path) -> None:
    install(tmp_path, "good", ENTRY, CONFIG)
    for name, (hooks, config, _) in FAULTS.items():
        install(tmp_path, name, hooks, config)
    code = """
import json
import speechgraft as sg
from speechgraft.registry import default_catalog
from speechgraft.testing.matrix import combinations, try_all

catalog = default_catalog()
parts = {"encoder": dict(catalog.encoder("sew").tiny), "decoder": dict(catalog.decoder("gpt2").tiny)}
assert sg.check("sew", "gpt2", connector="stack", **parts).ok
assert sg.pair("sew", "gpt2", connector="stack", **parts).num_parameters() > 0
[tried] = try_all(combinations(catalog, encoder="toy-exits", connector="stack", decoder="gpt2"), "quick")
print(json.dumps([tried.verdict, *tried.report.problems, *sg.check("toy-factory", "gpt2").problems]))
"""
    done = subprocess.run(
        [sys.executable, "-c", code], env=beside(tmp_path), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    verdict, exits, factory = json.loads(done.stdout)
    assert verdict not in ("ok", "no fit")  # the matrix tells of it too, and goes on
    assert "SystemExit: no licence" in exits and "cannot load its factory" in factory
