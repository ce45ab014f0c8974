"""Built-in plugins use nothing that others could not: each works as a package of its own, under another name.

Every folder of `plugins/` is copied out, renamed, built and installed beside speechgraft, whose own plugins are then
left out, so that the copies are all there is.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest

from speechgraft.registry import Role, default_catalog

FOLDERS = sorted(path.parent for path in (Path(__file__).parents[2] / "plugins").glob("*/__init__.py"))

PROJECT = """
[build-system]
requires = ["setuptools"]
build-backend = "setuptools.build_meta"

[project]
name = "outer-{name}"
version = "1.5"

[project.entry-points.speechgraft]
outer-{name} = "outer_{name}"

[tool.setuptools]
packages = ["outer_{name}"]
"""

USE = """
import json, sys, tempfile
import torch
torch.set_num_threads(1)
from speechgraft.registry import check, default_catalog, pair
from speechgraft.testing import PROPERTIES, cases

catalog = default_catalog()
assert not catalog.broken, catalog.broken
entries = [*catalog.encoders.values(), *catalog.decoders.values(), *catalog.connectors.values()]
for entry in entries:
    for name in ("P00_capabilities", "P10_round_trip"):
        PROPERTIES[name].run(entry, examples=1)
pairs = {}
names = [[*each] for each in (catalog.encoders, catalog.decoders, catalog.connectors)]
for place in range(max(map(len, names))):
    encoder, decoder, connector = (each[place % len(each)] for each in names)
    parts = {"encoder": dict(catalog.encoder(encoder).tiny), "decoder": dict(catalog.decoder(decoder).tiny)}
    tokens = {"pad_token_id": 0, "decoder_start_token_id": 1, "eos_token_id": 2}
    assert check(encoder, decoder, connector=connector, **parts).ok
    model = pair(encoder, decoder, connector=connector, **parts, **tokens).eval()
    kind = model.encoder.input_kind
    inputs = torch.ones(1, 12, dtype=torch.long) if kind == "tokens" else torch.ones(1, 400)
    with tempfile.TemporaryDirectory() as folder:
        model.save_pretrained(folder)
        loaded = type(model).from_pretrained(folder)
    found, expected = (each.generate(inputs, max_new_tokens=3).tolist() for each in (loaded, model))
    assert found == expected
    pairs[f"{encoder} {decoder} {connector}"] = {type(part).__module__ for part in model.children()}
ours = [name for name in sys.modules if name.startswith("speechgraft.plugins.")]
print(json.dumps({"pairs": {name: sorted(found) for name, found in pairs.items()}, "ours": ours}))
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a package for each built-in plugin, installed by pip."""
    folder = tmp_path_factory.mktemp("copied_out")
    sources = []
    for original in FOLDERS:
        name = original.name
        package = folder / name / f"outer_{name}"
        package.mkdir(parents=True)
        for path in original.glob("*.py"):
            text = path.read_text(encoding="utf-8").replace(f"speechgraft.plugins.{name}", f"outer_{name}")
            (package / path.name).write_text(text, encoding="utf-8")
        (folder / name / "pyproject.toml").write_text(PROJECT.format(name=name))
        sources.append(str(folder / name))
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    subprocess.run([*pip, "--no-compile", "--target", str(folder / "site"), *sources], check=True)
    return folder / "site"


def run(site: Path, *arguments: str) -> str:
    """What Python prints with the copies alone for plugins."""
    environment = {**os.environ, "PYTHONPATH": str(site)}
    environment["SPEECHGRAFT_PLUGINS"] = ",".join(f"outer-{folder.name}" for folder in FOLDERS)
    done = subprocess.run([sys.executable, *arguments], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_copies_are_listed_as_what_they_are_and_import_no_model_code(site: Path) -> None:
    told = json.loads(run(site, "-m", "speechgraft", "plugins", "--json"))
    assert {one["plugin"]: (one["package"], one["version"], one["state"]) for one in told} == {
        f"outer-{folder.name}": (f"outer-{folder.name}", "1.5", "ok") for folder in FOLDERS
    }
    run(
        site,
        "-c",
        "import sys; from speechgraft.registry import default_catalog; default_catalog();"
        "assert 'torch' not in sys.modules;"
        "assert not [name for name in sys.modules if name.endswith(('.encoder', '.decoder', '.config'))]",
    )


def test_copies_build_pairs_that_generate_and_come_back_from_disk(site: Path) -> None:
    told = json.loads(run(site, "-c", USE))
    assert told["ours"] == []
    catalog = default_catalog()
    ours = {name for name, origin in catalog.origins.items() if origin.package == "speechgraft"}
    tried = {(role, name) for key in told["pairs"] for role, name in zip(get_args(Role), key.split(), strict=True)}
    assert tried == ours
    for name, modules in told["pairs"].items():
        foreign = [module for module in modules if not module.startswith(("outer_", "speechgraft.nn."))]
        assert not foreign, f"{name}: {foreign}"
