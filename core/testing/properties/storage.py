"""P10: what is saved comes back bitwise, names, config and shards included."""

from __future__ import annotations

import copy
import json
import pickle
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from hypothesis import strategies as st
from torch import nn

from speechgraft.checkpoint import load_into
from speechgraft.config import Config
from speechgraft.contracts import Component
from speechgraft.nn.meta import weightless
from speechgraft.registry import DecoderEntry, EncoderEntry
from speechgraft.registry.models import PairModel
from speechgraft.testing.case import Case
from speechgraft.testing.models import build_decoder, build_encoder, drawn_pair
from speechgraft.testing.strategies import SEEDS, batches, configs, draw_ids


def encoder_tables(case: Case, entry: EncoderEntry) -> None:
    """An encoder's config and parameters come back from their published names."""
    config, seed = case.draw(configs(entry), "config"), case.draw(SEEDS, "seed")
    _config_returns(case, entry, config)
    with weightless():
        empty = entry.build(config.copy())
    _weights_return(case, entry, build_encoder(entry, config, seed), empty)


def decoder_tables(case: Case, entry: DecoderEntry) -> None:
    """A decoder's config and parameters come back from their published names."""
    config, seed = case.draw(configs(entry), "config"), case.draw(SEEDS, "seed")
    _config_returns(case, entry, config)
    with weightless():
        empty = entry.build(config.copy())
    _weights_return(case, entry, build_decoder(entry, config, seed), empty)


def _config_returns(case: Case, entry: EncoderEntry | DecoderEntry, config: Config) -> None:
    adapter = entry.load_adapter()
    written = adapter.write(config)
    case.holds(
        written.get("model_type") == entry.name,
        f"the file's model_type is {written.get('model_type')!r}, the entry is named {entry.name!r}",
        "model_type of the config class, name of the entry",
    )
    for way, found in (
        ("config.json", adapter.read(json.loads(json.dumps(written)))),
        ("pickle", pickle.loads(pickle.dumps(config))),
        ("copy", config.copy()),
        ("deepcopy", copy.deepcopy(config)),
    ):
        case.holds(found == config, f"through {way} the config comes back as {found}", "the config adapter")


def _weights_return(case: Case, entry: EncoderEntry | DecoderEntry, module: Component, empty: Component) -> None:
    table = entry.load_weights()(module.config)
    ours, tied = module.state_dict(), _ties(empty)
    report = load_into(empty, table.to_disk(ours), table, dtype="auto")
    case.holds(
        set(report.loaded) == ours.keys(), f"{ours.keys() - set(report.loaded)} did not come back", "the weight map"
    )
    for name, value in empty.state_dict().items():
        case.same(value, ours[name], f"{name}, to disk and back", "transposes and splits of the weight map")
    told = "; ".join(" and ".join(sorted(names)) for names in tied - _ties(empty))
    case.holds(not told, f"{told} were one parameter, and loading made them several", "tied weights; see OutputLayer")


def _ties(module: nn.Module) -> set[frozenset[str]]:
    """Names that stand for one parameter, where there are several."""
    names: dict[int, set[str]] = {}
    for name, parameter in module.named_parameters(remove_duplicate=False):
        names.setdefault(id(parameter), set()).add(name)
    return {frozenset(each) for each in names.values() if len(each) > 1}


@torch.no_grad()
def pair(case: Case, encoder: EncoderEntry, decoder: DecoderEntry) -> None:
    """A saved pair loads with bitwise the same parameters, config and logits, sharded or not."""
    model = drawn_pair(case, encoder, decoder)
    size = case.draw(st.sampled_from(["5GB", "1KB", "20KB"]), "max_shard_size")
    model.generation_config.max_length = case.draw(st.none() | st.integers(2, 9), "max_length")
    with TemporaryDirectory() as folder:
        model.save_pretrained(folder, max_shard_size=size)
        single = (Path(folder) / "model.safetensors").exists()
        case.holds(single == (size == "5GB"), f"with {size}, one file was written: {single}", "write_tensors")
        loaded = type(model).from_pretrained(folder, catalog=model.catalog)
    _same_model(case, loaded, model)
    batch = case.draw(batches(model.encoder), "batch")
    ids = draw_ids(batch.seed, model.decoder, len(batch.lengths), 2)
    # Matrix products may round otherwise where memory is aligned otherwise, as in a mapped file: a copy is not.
    aligned = copy.deepcopy(loaded)
    found, copied, expected = (
        each(batch.inputs, batch.mask, decoder_input_ids=ids).logits for each in (loaded, aligned, model)
    )
    case.close(found, expected, "logits of the loaded pair", "what is made of a config and not saved")
    case.same(copied, expected, "logits of a copy of the loaded pair", "what is made of a config and not saved")


def _same_model(case: Case, loaded: PairModel, model: PairModel) -> None:
    found, expected = loaded.state_dict(), model.state_dict()
    case.holds(found.keys() == expected.keys(), f"{found.keys() ^ expected.keys()} differ", "the weight map")
    for name, value in expected.items():
        case.same(found[name], value, f"{name} of the loaded pair", "the weight map")
    # What a save notes about itself is no part of what was configured.
    noted = {"architectures": None, "dtype": None}
    configs = loaded.config.copy(**noted), model.config.copy(**noted)
    case.holds(configs[0] == configs[1], f"the loaded config is {configs[0]}", "config adapters")
    # The file also says which tokens the pair's config brings: readers elsewhere look nowhere else.
    limits = loaded.generation_config, model.generation_config.filled_from(model.config, model.config.decoder)
    case.holds(limits[0] == limits[1], f"the loaded generation config is {limits[0]}", "generation_config.json")
