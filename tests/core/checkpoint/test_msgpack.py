"""`flax_model.msgpack` is read as tensors alone, in no more memory than the file is long."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import msgpack
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from speechgraft.checkpoint import open_tensors
from speechgraft.errors import CheckpointError, MissingExtraError

NAME = "flax_model.msgpack"


def array(values: Any, dtype: str = "float32", shape: Any = None, code: int = 1) -> msgpack.ExtType:
    """As flax.serialization packs an array."""
    content = values if isinstance(values, bytes) else np.asarray(values, dtype).tobytes()
    return msgpack.ExtType(code, msgpack.packb((np.shape(values) if shape is None else shape, dtype, content)))


def write(folder: Path, tree: Any) -> None:
    (folder / NAME).write_bytes(tree if isinstance(tree, bytes) else msgpack.packb(tree))


def read(folder: Path) -> dict[str, torch.Tensor]:
    return dict(open_tensors(folder, "flax"))


def test_names_and_layouts_are_those_of_pytorch_files(tmp_path: Path) -> None:
    kernel, conv = np.arange(6).reshape(2, 3), np.arange(24).reshape(4, 2, 3)
    layer = {"kernel": array(kernel), "bias": array([1, 2, 3])}
    tree = {
        "encoder": {"layers": {"0": layer}, "norm": {"scale": array([4]), "bias": array([5])}},
        "conv": {"kernel": array(conv)},
        "word": {"embedding": array(kernel)},
        "masked_spec_embed": array([6]),
    }
    write(tmp_path, tree)
    found = read(tmp_path)
    assert set(found) == {
        "encoder.layers.0.weight", "encoder.layers.0.bias", "encoder.norm.weight", "encoder.norm.bias", "conv.weight",
        "word.weight", "masked_spec_embed",
    }  # fmt: skip
    assert np.array_equal(found["encoder.layers.0.weight"], kernel.T) and np.array_equal(found["word.weight"], kernel)
    assert all(found["conv.weight"][o, i, w] == conv[w, i, o] for o in range(3) for i in range(2) for w in range(4))
    statistics = {"norm": {"mean": array([1.0]), "var": array([2.0])}}
    write(tmp_path, {"params": tree, "batch_stats": statistics})
    assert set(read(tmp_path)) == {*found, "norm.running_mean", "norm.running_var"}


@pytest.mark.parametrize(
    "dtype", ["float16", "bfloat16", "float32", "float64", "int8", "int16", "int32", "int64", "uint8", "bool"]
)
def test_every_type_comes_bitwise(tmp_path: Path, dtype: str) -> None:
    tensor = (torch.randn(3, 5) * 4).to(getattr(torch, dtype))
    content = tensor.view(torch.uint8).numpy().tobytes()
    write(
        tmp_path,
        {"a": array(content, dtype, (3, 5)), "none": array(b"", dtype, (0, 5)), "one": array(b"", dtype, (0,))},
    )
    found = read(tmp_path)
    assert found["a"].dtype == tensor.dtype and torch.equal(found["a"], tensor) and found["none"].shape == (0, 5)
    found["a"].zero_()
    assert torch.equal(read(tmp_path)["a"], tensor), "writing to a tensor leaves the file as it was"


def test_arrays_in_pieces_are_joined(tmp_path: Path) -> None:
    pieces = {"0": array(np.arange(4)), "1": array(np.arange(4, 6))}
    chunked = {"__msgpack_chunked_array__": True, "shape": {"0": 2, "1": 3}, "chunks": pieces}
    write(tmp_path, {"layer": {"kernel": chunked}})
    assert read(tmp_path)["layer.weight"].tolist() == [[0, 3], [1, 4], [2, 5]]
    for spoilt in ({"shape": {"0": 7}}, {"chunks": {}}, {"chunks": {"0": 3}}, {"shape": {"0": "a"}}, {"shape": None}):
        write(tmp_path, {"layer": {"kernel": {**chunked, **spoilt}}})
        with pytest.raises(CheckpointError, match="the pieces of layer/kernel do not make an array of its shape"):
            read(tmp_path)


def nested(depth: int) -> Any:
    tree: Any = array([1])
    for _ in range(depth):
        tree = {"a": tree}
    return tree


@pytest.mark.parametrize(
    ("tree", "problem"),
    [
        (b"", "not what Flax writes, or damaged"),
        ({"a": array(b"1234", "float32", (10**12,))}, r"takes 4000000000000 bytes, it has 4"),
        ({"a": array(b"1234", "float32", (-1,))}, "expected integers not below 0"),
        ({"a": array(b"1234", "object", (1,))}, "'object', expected one of float16"),
        ({"a": array(b"1234", "float32", "x")}, "lacks shape, type or values"),
        ({"a": array(b"1234", "float32", (1,) * 40)}, "damaged"),
        ({"a": array([1.0], code=2)}, "a complex number"),
        ({"a": msgpack.ExtType(9, b"")}, "an extension value of type 9"),
        ({"a": msgpack.ExtType(1, b"\xc1")}, "damaged"),
        ({"a": 3}, "a is a int or too deep, expected an array"),
        ({"a": "text"}, "a is a str or too deep"),
        ([array([1])], "damaged"),
        (array([1]), "holds a Tensor, expected arrays by name"),
        (nested(50), "too deep, expected an array"),
        (b"\x81\xa1a" * 100_000, "damaged"),
        (b"\xdd" + struct.pack(">I", 2**32 - 1), "damaged"),
        (b"\xdd\x00\x10\x00\x00" * 500 + b"\x00" * 2**20, "damaged"),
        (b"\xdf" + struct.pack(">I", 2**32 - 1), "damaged"),
        ({3: array([1])}, "damaged"),
        ({"a": {"kernel": array([1]), "scale": array([1])}}, "and another array are both 'a.weight'"),
    ],
)  # fmt: skip
def test_what_is_no_plain_tensor_by_name_is_refused(tmp_path: Path, tree: Any, problem: str) -> None:
    write(tmp_path, tree)
    with pytest.raises(CheckpointError, match=problem) as caught:
        read(tmp_path)
    assert NAME in str(caught.value)


def test_no_extra_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, {"a": array([1])})
    monkeypatch.setitem(__import__("sys").modules, "msgpack", None)
    with pytest.raises(MissingExtraError, match=r"speechgraft\[convert\]"):
        read(tmp_path)


WHOLE = msgpack.packb({"a": {str(n): {"kernel": array(np.ones((3, 4)))} for n in range(4)}})


@settings(max_examples=50)
@given(data=st.data())
def test_damage_gives_tensors_or_one_error(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    content = bytearray(WHOLE)
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
