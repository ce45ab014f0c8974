"""`speechgraft convert`: weights of PyTorch, TensorFlow or Flax as safetensors, and what became of each tensor."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import attrs
import typer

if TYPE_CHECKING:
    from speechgraft.checkpoint import WeightMap, Weights
    from speechgraft.checkpoint.convert import Converted


_OPTIONS = {
    "from_tf=True": "--from tensorflow",
    "from_flax=True": "--from flax",
    "leave from_tf and from_flax out": "leave --from out",
}


def command(
    source: Annotated[
        str, typer.Argument(help="A folder with a checkpoint, or its id on the hub.", show_default=False)
    ],
    out: Annotated[Path, typer.Argument(help="The folder to write.", show_default=False)],
    weights: Annotated[
        Literal["torch", "tensorflow", "flax"] | None,
        typer.Option("--from", help="Whose weights. [default: PyTorch's where there are any, else what a folder has]"),
    ] = None,
    max_shard_size: Annotated[str, typer.Option(help="The largest file.")] = "5GB",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Write a checkpoint's weights as safetensors beside its settings, and print what became of each tensor."""
    from speechgraft.checkpoint import locate
    from speechgraft.checkpoint.convert import convert, kinds_in
    from speechgraft.errors import CheckpointError

    try:
        folder = locate(source, weights=weights or "torch")
        found: Weights = next(iter(kinds_in(folder)), "torch") if weights is None else weights
        table, whole_pair = _table_of(folder, found)
        converted = convert(
            folder, out, weights=found, weight_map=table, whole_pair=whole_pair, max_shard_size=max_shard_size
        )
    except CheckpointError as error:
        raise CheckpointError(_in_options(str(error))) from None
    if as_json:
        print(json.dumps([attrs.asdict(each) for each in converted], indent=2))
    else:
        _print(converted, out)


def _in_options(problem: str) -> str:
    """What is wrong, with this command's options in place of the arguments of `from_pretrained`."""
    for argument, option in _OPTIONS.items():
        problem = problem.replace(argument, option)
    return problem


def _table_of(folder: Path, weights: Weights) -> tuple[WeightMap | None, bool]:
    """The weight map of the model that a folder describes, and whether it is a pair; none where no plugin reads it."""
    from speechgraft.checkpoint import CONFIG_FILE, open_tensors, read_json
    from speechgraft.errors import PluginError, UnknownPluginError
    from speechgraft.nn.meta import weightless
    from speechgraft.registry import default_catalog
    from speechgraft.registry.loading import config_class, model_class
    from speechgraft.registry.models import PairModel

    data = read_json(folder / CONFIG_FILE) if (folder / CONFIG_FILE).is_file() else {}
    name, catalog = data.get("model_type"), default_catalog()
    if not isinstance(name, str):
        return None, False
    try:
        model: Any = model_class(data, catalog)
    except UnknownPluginError:
        return None, False
    except PluginError:  # a part that is no model by itself
        return _map_of_part(name, data), False
    with weightless(lambda: len(open_tensors(folder, weights))):
        table: WeightMap = model(config_class(name, catalog).from_pretrained(folder)).weight_map()
    return table, issubclass(model, PairModel)


def _map_of_part(name: str, data: dict[str, Any]) -> WeightMap:
    """The weight map of an encoder, or of a decoder where no encoder has that name."""
    from speechgraft.registry import default_catalog

    catalog = default_catalog()
    entry = catalog.encoder(name) if name in catalog.list_encoders() else catalog.decoder(name)
    return entry.load_weights()(entry.load_adapter().read(data))


def _print(converted: tuple[Converted, ...], out: Path) -> None:
    from speechgraft.cli.table import table

    rows = [(each.source, each.name, _shape(each), each.use) for each in converted]
    print(table(("in the file", "written as", "shape", "a model"), rows))
    counts = Counter(each.use.partition(":")[0] or "written" for each in converted)
    print(f"{out}: {len(converted)} tensors; " + ", ".join(f"{count} {use}" for use, count in sorted(counts.items())))


def _shape(each: Converted) -> str:
    return f"{each.dtype} {' x '.join(map(str, each.shape)) or 'number'}"
