"""`tf_model.h5` is read as tensors alone: no link is followed, and no more memory is taken than the file is long."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from speechgraft.checkpoint import open_tensors
from speechgraft.errors import CheckpointError, MissingExtraError

NAME = "tf_model.h5"


def new_file(folder: Path, name: str = NAME, *, layers: bool = True) -> h5py.File:
    file = h5py.File(folder / name, "w")
    if layers:
        file.attrs["layer_names"] = ["toy"]
    return file


def read(folder: Path) -> dict[str, torch.Tensor]:
    return dict(open_tensors(folder, "tensorflow"))


@pytest.mark.parametrize(
    ("place", "name"),
    [
        ("bert/tf_bert/bert/encoder/layer_._3/output/dense/bias:0", "bert.encoder.layer.3.output.dense.bias"),
        ("hubert/tf_hubert/hubert/encoder/layers.1/layer_norm/gamma:0", "hubert.encoder.layers.1.layer_norm.weight"),
        ("mlm___cls/tf_bert/mlm___cls/predictions/bias:0", "cls.predictions.bias"),
        ("hubert/tf_hubert/hubert/masked_spec_embed:0", "hubert.masked_spec_embed"),
        ("final_logits_bias/final_logits_bias:0", "final_logits_bias"),
        ("model/model.shared/model.shared/embeddings:0", "model.shared.weight"),
        ("norm/toy/norm/moving_mean:0", "norm.running_mean"),
    ],
)
def test_names_are_those_of_pytorch_files(tmp_path: Path, place: str, name: str) -> None:
    with new_file(tmp_path) as file:
        file[place] = np.arange(3, dtype=np.float32)
    assert {key: value.tolist() for key, value in read(tmp_path).items()} == {name: [0, 1, 2]}


@pytest.mark.parametrize("listed", [True, False], ids=["listed", "too many to list"])
def test_shards_have_paths_without_the_models_name(tmp_path: Path, listed: bool) -> None:
    shards = {f"tf_model-{n:05}-of-00002.h5": n for n in (1, 2)}
    for shard, n in shards.items():
        with new_file(tmp_path, shard, layers=listed) as file:
            if listed:
                file.attrs["layer_names"] = [b"bert/encoder/layer_._%d/dense/kernel:0" % n, b"model.shared"]
            file[f"bert/encoder/layer_._{n}/dense/kernel:0"] = np.full((2, 3), n, np.float32)
            file[f"model.shared/model.shared/table_{n}:0"] = np.zeros(2, np.float32)
    (tmp_path / f"{NAME}.index.json").write_text(json.dumps({"weight_map": {shard: shard for shard in shards}}))
    found = read(tmp_path)
    assert set(found) == {
        *(f"bert.encoder.layer.{n}.dense.weight" for n in (1, 2)), *(f"model.shared.table_{n}" for n in (1, 2)),
    }  # fmt: skip
    assert found["bert.encoder.layer.2.dense.weight"].tolist() == [[2, 2]] * 3


def test_layouts_are_those_of_pytorch_files(tmp_path: Path) -> None:
    kernel, conv = np.arange(6, dtype=np.float32).reshape(2, 3), np.arange(24, dtype=np.float32).reshape(4, 2, 3)
    with new_file(tmp_path) as file:
        file["a/toy/a/kernel:0"], file["b/toy/b/kernel:0"] = kernel, conv
        file["c/toy/c/weight_g:0"], file["c/toy/c/weight_v:0"] = conv[:, :1, :1], conv
        file["d/toy/d/weight:0"], file["d/toy/d/bias:0"] = kernel, kernel[:1]
        file["e/toy/e/half:0"] = kernel.astype(np.float16)
    found = read(tmp_path)
    assert np.array_equal(found["a.weight"], kernel.T)
    assert all(found["b.weight"][o, i, w] == conv[w, i, o] for o in range(3) for i in range(2) for w in range(4))
    assert found["c.weight_g"].shape == (1, 1, 4) and np.array_equal(found["c.weight_v"], conv)
    assert np.array_equal(found["d.weight"], kernel) and np.array_equal(found["d.bias"], kernel[0])
    assert found["e.half"].dtype == torch.float16


def test_tensors_that_several_layers_share_are_one_and_others_are_told(tmp_path: Path) -> None:
    with new_file(tmp_path) as file:
        for layer in ("bert", "mlm___cls"):
            file[f"{layer}/toy/bert/word/weight:0"] = np.ones(2, np.float32)
    assert list(read(tmp_path)) == ["bert.word.weight"]
    with h5py.File(tmp_path / NAME, "r+") as file:
        file["mlm___cls/toy/bert/word/weight:0"][0] = 3
    with pytest.raises(CheckpointError, match=r"differs from another tensor that is 'bert\.word\.weight' too"):
        read(tmp_path)


def spoil(file: h5py.File, folder: Path, fault: str) -> None:
    ones = np.ones((100, 100), np.float32)
    match fault:
        case "soft link":
            file["x/toy/a:0"] = h5py.SoftLink("/real")
        case "external link":
            file["x"] = h5py.ExternalLink(str(folder / "other.h5"), "/real")
        case "external values":
            (folder / "secret").write_bytes(b"s" * 80)
            file.create_dataset("x", (10,), "f8", external=[(str(folder / "secret"), 0, 80)])
        case "virtual":
            layout = h5py.VirtualLayout((10,), "f4")
            layout[:] = h5py.VirtualSource(str(folder / "other.h5"), "real", (10,))
            file.create_virtual_dataset("x", layout)
        case "compressed":
            file.create_dataset("x", data=ones, compression="gzip")
        case "not written":
            file.create_dataset("x", (10**6, 10**6), "f4")
        case "in itself":
            inner = file.create_group("x/y")
            inner["z"] = file["x"]
        case "twice":
            file["a"] = ones
            file["x"], file["y"] = file["a"], file["a"]
        case "strings":
            file["x"] = np.array([b"abc"])
        case "objects":
            file.create_dataset("x", data="text")
        case "deep":
            file.create_group("/".join(["d"] * 100))["x"] = ones


@pytest.mark.parametrize(
    ("fault", "problem"),
    [
        ("soft link", "is a link, which may lead out of the file"),
        ("external link", "is a link, which may lead out of the file"),
        ("external values", "compressed, elsewhere or not there"),
        ("virtual", "compressed, elsewhere or not there"),
        ("compressed", "compressed, elsewhere or not there"),
        ("not written", "takes 4000000000000 bytes, the file has 0 of it"),
        ("in itself", "is in itself, in two places, or too deep"),
        ("twice", "take more bytes than the file has"),
        ("strings", "expected one of float16"),
        ("objects", "expected one of float16"),
        ("deep", "is in itself, in two places, or too deep"),
    ],
)
def test_what_is_no_plain_tensor_is_refused(tmp_path: Path, fault: str, problem: str) -> None:
    with new_file(tmp_path) as file:
        spoil(file, tmp_path, fault)
    with pytest.raises(CheckpointError, match=problem):
        read(tmp_path)


def test_no_extra_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / NAME).write_bytes(b"no HDF5")
    with pytest.raises(CheckpointError, match="no HDF5 file, or a damaged one"):
        read(tmp_path)
    monkeypatch.setitem(__import__("sys").modules, "h5py", None)
    with pytest.raises(MissingExtraError, match=r"speechgraft\[convert\]"):
        read(tmp_path)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    folder = tmp_path_factory.mktemp("whole")
    with new_file(folder) as file:
        for n in range(4):
            file[f"a/toy/layer_._{n}/kernel:0"] = np.ones((3, 4), np.float32)
    return (folder / NAME).read_bytes()


@settings(max_examples=50)
@given(data=st.data())
def test_damage_gives_tensors_or_one_error(whole: bytes, tmp_path_factory: Any, data: st.DataObject) -> None:
    content = bytearray(whole)
    if data.draw(st.booleans(), "cut"):
        del content[data.draw(st.integers(0, len(content) - 1), "at") :]
    for _ in range(data.draw(st.integers(0, 4), "flips") if content else 0):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.mktemp("damage") / NAME
    path.write_bytes(content)
    try:
        found = open_tensors(path)
    except CheckpointError as error:
        assert str(path) in str(error)
    else:
        assert sum(tensor.nbytes for tensor in found.values()) <= len(content)
