"""Go a new user's way from the template to a package that is listed, pairs and passes its kit, and time it.

    python docs/examples/new_user.py [--wheel SPEECHGRAFT.whl] [--kind encoder] [--limit 90] [FOLDER]

Everything happens in FOLDER, a temporary one where none is given, in an environment of its own that holds the wheels of
speechgraft and of the package; what they need beside each other (torch, pytest, ...) comes from the environment that
runs this script. Seconds are those of the processors, which other work on the machine does not lengthen much; those of
the clock stand beside them. The script fails where a step fails, or where all steps but the installation take longer
than the limit.
"""

from __future__ import annotations

import argparse
import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from check import ROOT, SOURCES, build, listed, make_environment, pip, run

Result = TypeVar("Result")

KINDS = ("encoder", "decoder", "connector")

PAIR = """
import sys
from itertools import product

import torch
import speechgraft as sg
from speechgraft.registry import default_catalog
from speechgraft.testing.strategies import make_batch

torch.set_num_threads(1)
kind, name = sys.argv[1:]
catalog = default_catalog()
ours = {"encoder": ["wav2vec2"], "decoder": ["bert"], "connector": ["linear"]}
if kind == "encoder":
    ours["decoder"] = catalog.list_decoders()
else:
    ours["encoder"] = catalog.list_encoders()
ours[kind] = [name]
for encoder, decoder, connector in product(*ours.values()):
    report = sg.check(encoder, decoder, connector=connector)
    assert report.ok, report.problems
    chosen = {
        "encoder": dict(catalog.encoder(encoder).tiny),
        "decoder": dict(catalog.decoder(decoder).tiny),
        "connector": {"model_type": connector, **catalog.connector(connector).tiny},
    }
    model = sg.pair(encoder, decoder, **chosen, decoder_start_token_id=1, eos_token_id=2, pad_token_id=0).eval()
    inputs = make_batch(model.encoder, (model.encoder.minimum_length + 7,), "noise", 0).inputs
    inputs = inputs.float() if inputs.is_floating_point() else inputs
    ids = model.generate(inputs, max_new_tokens=3, num_beams=2)
    assert ids.shape[0] == 1
    print(f"{encoder} + {connector} + {decoder}: ok")
"""


class Watch:
    """Seconds of each step, of the processors and of the clock."""

    def __init__(self) -> None:
        self.counted = 0.0

    def step(self, name: str, act: Callable[[], Result], *, counts: bool = True) -> Result:
        """Do a step, and say how long it took."""
        clock, processors = time.perf_counter(), spent()
        result = act()
        seconds = spent() - processors
        self.counted += seconds if counts else 0.0
        note = "" if counts else ", not counted"
        print(f"{name}: {seconds:.1f} s ({time.perf_counter() - clock:.1f} s by the clock{note})", flush=True)
        return result


def spent() -> float:
    """Seconds of the processors that this process and the processes it ran have used."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def go(kind: str, folder: Path, wheel: Path | None, limit: float) -> None:
    """All steps, for one kind of package."""
    watch, name = Watch(), f"my-{kind}"
    ready = watch.step("build speechgraft", lambda: wheel or build(ROOT, folder, SOURCES), counts=False)
    python = watch.step("install it", lambda: make_environment(folder / "environment", [ready]), counts=False)
    package = folder / name
    command = ("-m", "speechgraft", "new-plugin", kind, name, package)
    watch.step("write the package", lambda: run(python, *command, where=folder))
    watch.step("install the package", lambda: install(package, python), counts=False)
    found = watch.step(f"speechgraft {kind}s", lambda: listed(python, f"{kind}s", folder))
    if not any((each["name"], each["package"]) == (name, name) for each in found):
        sys.exit(f"speechgraft {kind}s does not list {name!r} of {name}")
    print(watch.step("pair it with everything", lambda: run(python, "-c", PAIR, kind, name, where=folder)).rstrip())
    kit = ("-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", package, "-c", os.devnull, package / "tests")
    print(watch.step("its tests, the kit among them", lambda: run(python, *kit, where=folder)).strip().splitlines()[-1])
    print(f"{kind}: {watch.counted:.1f} s without the installation, of at most {limit:g} s")
    if watch.counted > limit:
        sys.exit(f"{kind}: {watch.counted:.1f} s are more than {limit:g} s")


def install(package: Path, python: Path) -> None:
    """Install the package as its README says, without the network."""
    pip("install", "--no-build-isolation", package, python=python)


def main() -> None:
    """Read the command line and go."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path, help="where everything happens")
    parser.add_argument("--wheel", type=Path, help="a wheel of speechgraft that is built already")
    parser.add_argument("--kind", choices=KINDS, default="encoder", help="what the package brings")
    parser.add_argument("--limit", type=float, default=90.0, help="seconds of the processors that it may take")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) if given.folder is None else given.folder
        folder.mkdir(parents=True, exist_ok=True)
        go(given.kind, folder.resolve(), given.wheel and given.wheel.resolve(), given.limit)


if __name__ == "__main__":
    main()
