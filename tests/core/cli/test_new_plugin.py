"""`speechgraft new-plugin` writes packages that are clean as they come out, and overwrites nothing."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from speechgraft.cli import main
from speechgraft.cli.new_plugin import LONGEST, Kind, contents, write_plugin
from speechgraft.errors import PluginError
from speechgraft.registry import Catalog, Origin, collect, default_catalog
from speechgraft.registry.discovery import Plugin
from speechgraft.testing import PROPERTIES

KINDS = list(Kind)
LONG = "n" + "x" * (LONGEST - 1)


def loaded(folder: Path, package: str, monkeypatch: pytest.MonkeyPatch) -> Catalog:
    """A catalog of what a written package registers beside what is built in."""
    from importlib import import_module

    monkeypatch.syspath_prepend(str(folder / "src"))
    hooks = import_module(package)
    catalog = collect([Plugin.of(hooks, package=package, version="0.1.0")])
    assert not catalog.broken
    return catalog


@pytest.mark.parametrize("kind", KINDS)
def test_every_file_is_told_of_and_nothing_is_left_open(
    kind: Kind, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "there" / "new"
    assert main(["new-plugin", kind.value, f"my-{kind.value}", str(folder)]) == 0
    *told, then = capsys.readouterr().out.splitlines()
    found = {path for path in folder.rglob("*") if path.is_file()}
    assert {Path(line) for line in told} == found
    assert then.startswith(f'next: pip install -e "{folder}[test]"')
    names = {"README.md", "pyproject.toml", "tests/test_kit.py"}
    modules = ("__init__", "config", kind.value, "weights", "strategies")
    names |= {f"src/my_{kind.value}/{file}" for file in ("py.typed", *(f"{module}.py" for module in modules))}
    assert {path.relative_to(folder).as_posix() for path in found} == names
    assert not [path for path in found if "$" in path.read_text(encoding="utf-8").replace("$ ", "")]
    project = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["name"] == f"my-{kind.value}"
    assert project["entry-points"]["speechgraft"] == {f"my-{kind.value}": f"my_{kind.value}"}


@pytest.mark.skipif(not shutil.which("ruff", path=str(Path(sys.executable).parent)), reason="ruff is not installed")
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["m", "my.plug-in_2", LONG], ids=["short", "parted", "long"])
def test_packages_are_formatted_and_linted_whatever_the_name(kind: Kind, name: str, tmp_path: Path) -> None:
    write_plugin(kind, name, tmp_path, catalog=default_catalog())
    ruff = str(Path(sys.executable).parent / "ruff")
    for arguments in (["format", "--check"], ["check"]):
        done = subprocess.run(
            [ruff, *arguments, "--no-cache", "."], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("kind", KINDS)
def test_what_it_registers_is_good_for_what_reads_entries(
    kind: Kind, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, package = f"tried-{kind.value}", f"tried_{kind.value}"
    write_plugin(kind, name, tmp_path, catalog=default_catalog())
    catalog = loaded(tmp_path, package, monkeypatch)
    entry = catalog.entry(kind.value, name)
    assert entry.load_config_class().model_type == name
    assert entry.load_weights() is not None
    assert catalog.config_class_for(name, kind.value) is entry.load_config_class()
    for check in (
        ("P02_lengths", "P03_batch_invariance") if kind is not Kind.DECODER else ("P05_causality", "P06_cache")
    ):
        PROPERTIES[check].run(entry, examples=2)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("My_Encoder", "; 'my-encoder' would do"),
        ("My_Encoder2", "; 'my-encoder2' would do"),
        ("2vec", "the first a letter"),
        ("my--encoder", "with single '-', '_' or '.'"),
        ("encoder-", "; 'encoder' would do"),
        ("ümlaut", "lower-case letters and digits"),
        ("", "name ''"),
        ("a/b", "; 'a-b' would do"),
        ("x" * (LONGEST + 1), f"up to {LONGEST}"),
        ("lambda", "Python keeps this word"),
        ("json", "a module 'json' already"),
        ("torch", "a module 'torch' already"),
        ("speechgraft", "a module 'speechgraft' already"),
        ("tests", "one would hide the other"),
        ("test", "one would hide the other"),
        ("src", "one would hide the other"),
        ("sew", "speechgraft 0.1.0 has encoder 'sew' already"),
    ],
)
def test_names_that_cannot_be_are_refused_with_the_reason(
    name: str, says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["new-plugin", "encoder", name, str(tmp_path / "new")]) == 2
    said = capsys.readouterr().err
    assert says in said
    assert said.count("\n") == 1
    assert not (tmp_path / "new").exists()


def test_a_name_that_another_package_has_taken_is_refused_with_that_package(tmp_path: Path) -> None:
    entry = default_catalog().decoder("gpt2")
    catalog = Catalog().extended(Origin("toy", "toy-package", "0.3"), decoders=[entry])
    with pytest.raises(PluginError, match=r"toy-package 0\.3 has decoder 'gpt2' already"):
        write_plugin(Kind.DECODER, "gpt2", tmp_path, catalog=catalog)
    assert contents(Kind.ENCODER, "gpt2"), "an encoder may have the name of a decoder"


def test_nothing_is_overwritten_and_nothing_is_written_beside_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "README.md").write_text("mine")
    assert main(["new-plugin", "decoder", "my-decoder", str(tmp_path)]) == 2
    assert f"{tmp_path / 'README.md'}: is there already" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["README.md"]
    assert (tmp_path / "README.md").read_text() == "mine"
    (tmp_path / "file").touch()
    assert main(["new-plugin", "decoder", "my-decoder", str(tmp_path / "file")]) == 2


def test_kinds_are_named_when_another_is_asked_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["new-plugin", "encodr", "my-encoder", str(tmp_path / "new")]) == 2
    said = capsys.readouterr().err
    assert "'encoder', 'decoder', 'connector'" in said


def test_classes_are_named_after_the_package_and_not_after_the_contract() -> None:
    def module(name: str) -> str:
        return contents(Kind.ENCODER, name)[Path("src", name.replace("-", "_"), "encoder.py")]

    assert "class ConformerEncoder(Encoder):" in module("conformer")
    assert "class MyEncoder(Encoder):" in module("my-encoder")
    assert "class EncoderEncoder(Encoder):" in module("encoder")
