"""Models come from repositories by their ids, whatever weights those have, in this process and in others."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import msgpack
import numpy as np
import pytest
import torch
from hub_server import Hub

import speechgraft as sg
from speechgraft.checkpoint import open_tensors
from speechgraft.errors import CheckpointError, RoutingError
from speechgraft.registry import default_catalog


def tiny(folder: Path) -> sg.HubertModel:
    model = sg.HubertModel(sg.HubertConfig(**dict(default_catalog().encoder("hubert").tiny)))
    model.save_pretrained(folder)
    return model


def same(one: Any, other: Any) -> bool:
    theirs = other.state_dict()
    return all(torch.equal(value, theirs[name]) for name, value in one.state_dict().items())


def flax_file(tensors: Any) -> bytes:
    """Tensors as Flax packs them, under names that it does not change."""
    tree: dict[str, Any] = {}
    for name, tensor in tensors.items():
        branch, (*parts, leaf) = tree, name.split(".")
        for part in parts:
            branch = branch.setdefault(part, {})
        array = np.ascontiguousarray(tensor.numpy())
        branch[leaf] = msgpack.ExtType(1, msgpack.packb((array.shape, array.dtype.name, array.tobytes())))
    return msgpack.packb(tree)


def test_a_model_comes_by_its_id_and_revision(hub: Hub, tmp_path: Path) -> None:
    old, new = tiny(tmp_path / "old"), tiny(tmp_path / "new")
    commit = hub.add_folder("owner/toy", tmp_path / "old")
    hub.add_folder("owner/toy", tmp_path / "new")
    assert same(sg.HubertModel.from_pretrained("owner/toy"), new)
    assert same(sg.HubertModel.from_pretrained("owner/toy", revision=commit), old)
    assert same(sg.HubertModel.from_pretrained("owner/toy", local_files_only=True), new)
    fetched = len(hub.fetched())
    with pytest.raises(CheckpointError, match="the repository has no revision 'nightly'"):
        sg.HubertModel.from_pretrained("owner/toy", revision="nightly")
    assert len(hub.fetched()) == fetched == 3, "the config that two commits share, and the weights of each"


def test_weights_of_flax_are_fetched_when_they_are_asked_for_alone(hub: Hub, tmp_path: Path) -> None:
    model = tiny(tmp_path / "toy")
    files = {path.name: path.read_bytes() for path in (tmp_path / "toy").iterdir()}
    hub.add("owner/toy", {**files, "flax_model.msgpack": flax_file(open_tensors(tmp_path / "toy"))})
    assert same(sg.HubertModel.from_pretrained("owner/toy", from_flax=True), model)
    assert set(hub.fetched()) == {"config.json", "flax_model.msgpack"}
    decoder = tmp_path / "decoder"
    sg.GPT2LMHeadModel(sg.GPT2Config(**dict(default_catalog().decoder("gpt2").tiny))).save_pretrained(decoder)
    hub.add_folder("owner/text", decoder)
    build = sg.SpeechEncoderDecoderModel.from_encoder_decoder_pretrained
    pair = build("owner/toy", "owner/text", encoder_from_flax=True)
    assert same(pair.encoder, model.encoder)
    with pytest.raises(CheckpointError, match=r"owner/text: .*model\.safetensors: leave decoder_from_tf"):
        build("owner/toy", "owner/text", decoder_from_tf=True)
    hub.add("owner/toy", {"config.json": files["config.json"], "flax_model.msgpack": b""})
    with pytest.raises(CheckpointError, match=r"there is flax_model\.msgpack: pass encoder_from_flax=True to read it"):
        build("owner/toy", "owner/text")
    with pytest.raises(RoutingError, match="takes encoder_from_flax and decoder_from_flax"):
        build(tmp_path / "toy", decoder, from_flax=True)


def test_other_processes_ask_the_hub_that_the_environment_names(hub: Hub, tmp_path: Path) -> None:
    tiny(tmp_path / "toy")
    hub.add_folder("owner/toy", tmp_path / "toy")
    code = "import speechgraft; print(speechgraft.HubertModel.from_pretrained('owner/toy').num_parameters())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(done.stdout) > 0
    assert hub.fetched() == ["config.json", "model.safetensors"]


def test_each_part_of_a_pair_lies_where_the_call_says(hub: Hub, tmp_path: Path) -> None:
    old, new = tiny(tmp_path / "old"), tiny(tmp_path / "new")
    commit = hub.add_folder("owner/toy", tmp_path / "old", access="gated")
    hub.add_folder("owner/toy", tmp_path / "new")
    sg.GPT2LMHeadModel(sg.GPT2Config(**dict(default_catalog().decoder("gpt2").tiny))).save_pretrained(tmp_path / "text")
    build = sg.SpeechEncoderDecoderModel.from_encoder_decoder_pretrained
    with pytest.raises(CheckpointError, match="owner/toy"):
        build("owner/toy", tmp_path / "text")
    found = build("owner/toy", tmp_path / "text", encoder_token="let-me-in", encoder_revision=commit)
    assert same(found.encoder, old.encoder)
    found = build("owner/toy", tmp_path / "text", token="let-me-in", cache_dir=tmp_path / "kept")
    assert same(found.encoder, new.encoder) and any((tmp_path / "kept").iterdir())
    assert same(
        build("owner/toy", tmp_path / "text", cache_dir=tmp_path / "kept", local_files_only=True).encoder, new.encoder
    )
