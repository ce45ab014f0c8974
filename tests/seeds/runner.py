"""Run examples of `docs/seeds.md` as a program of their own would, and write down what they print and leave.

    python runner.py LIBRARY OUT TITLE...

LIBRARY is what the examples import from: `speechgraft` or `transformers`.
"""

from __future__ import annotations

import doctest
import io
import os
import sys
import tempfile
from contextlib import nullcontext, redirect_stdout
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from page import Example, examples
from torch import Tensor, nn

OURS = "speechgraft"
LARGE = 10_000_000
"""Parameters from which a model's values are not written down."""


def run(example: Example, library: str) -> dict[str, Any]:
    """What an example prints, statement by statement, and the names that it leaves; or how it failed."""
    source = example.code.replace(f"from {OURS} import", f"from {library} import")
    assert library == OURS or source != example.code, f"{example.title} does not import from {OURS}"
    names: dict[str, Any] = {"__name__": "__main__"}
    printed: list[Any] = []
    torch.manual_seed(0)
    for statement in doctest.DocTestParser().get_examples(source):
        try:
            printed.append(_told(statement.source, names))
        except Exception as error:  # noqa: BLE001 - whatever it is, the test tells of it
            failure = f"{type(error).__name__}: {error}"
            return {"failed": statement.source, "error": failure, "kinds": _kinds(error)}
    del names["__name__"], names["__builtins__"]
    left = {name: plain(value) for name, value in names.items() if not name.startswith("_")}
    return {"printed": [each for each in printed if each is not None], "left": left}


def _told(statement: str, names: dict[str, Any]) -> Any:
    """What a statement prints or, typed at a prompt, would have shown."""
    shown: list[Any] = []
    hook, sys.displayhook = sys.displayhook, shown.append
    written = io.StringIO()
    try:
        with redirect_stdout(written):
            exec(compile(statement, "<example>", "single"), names)
    finally:
        sys.displayhook = hook
    return written.getvalue() or next((plain(value) for value in shown if value is not None), None)


def _kinds(error: BaseException) -> list[str]:
    return [kind.__name__ for kind in type(error).__mro__]


def plain(value: Any) -> Any:
    """A value without the classes of either library, so that two can be compared."""
    if isinstance(value, Tensor):
        return value.detach().clone()
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, type):
        return value.__name__
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    if isinstance(value, nn.Module):
        return _model(value)
    if hasattr(value, "input_values") or hasattr(value, "logits") or hasattr(value, "last_hidden_state"):
        return {key: plain(value[key]) for key in value if isinstance(value[key], Tensor)}
    return type(value).__name__


def _model(model: Any) -> dict[str, Any]:
    """A model's class, whether it trains, and its parameters under their published names."""
    tensors = model.weight_map().to_disk(model.state_dict()) if hasattr(model, "weight_map") else model.state_dict()
    small = sum(tensor.numel() for tensor in tensors.values()) < LARGE
    found = {"class": type(model).__name__, "training": model.training}
    found["shapes"] = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
    found["values"] = {name: tensor.clone() for name, tensor in tensors.items()} if small else {}
    return found


def _elsewhere(example: Example, library: str) -> dict[str, Any]:
    """The same in an empty folder; of the yardstick's full-size models that are not saved, the shapes are enough."""
    large = library != OURS and not example.downloads and not example.writes
    with tempfile.TemporaryDirectory() as folder, torch.device("meta") if large else nullcontext():
        os.chdir(folder)
        try:
            return run(example, library)
        finally:
            os.chdir("/")


def main(library: str, out: str, *titles: str) -> None:
    torch.set_num_threads(1)
    if library == OURS:
        # What is refused is refused before it would be used: pages import it first.
        sys.modules.setdefault("tensorflow", ModuleType("tensorflow"))
    if library == "transformers":
        import transformers

        transformers.logging.set_verbosity_error()
        transformers.logging.disable_progress_bar()
    by_title = {example.title: example for example in examples()}
    results = {title: _elsewhere(by_title[title], library) for title in titles}
    torch.save(results, Path(out))


if __name__ == "__main__":
    main(*sys.argv[1:])
