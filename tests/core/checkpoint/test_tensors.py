"""Tensors survive being written and read, sharded or not, and damaged files are refused with the reason."""

from __future__ import annotations

import json
import os
import struct
import tempfile
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from speechgraft.checkpoint import header, open_tensors, write_tensors
from speechgraft.errors import CheckpointError

DTYPES = [torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.int64, torch.uint8, torch.bool]
STATUS = Path("/proc/self/status")


@st.composite
def collections(draw: st.DrawFn) -> dict[str, torch.Tensor]:
    names = draw(
        st.lists(
            st.text(st.characters(codec="utf-8"), min_size=1).filter(lambda n: n != "__metadata__"),
            max_size=5,
            unique=True,
        )
    )
    shapes = st.lists(st.integers(0, 4), max_size=3)
    return {name: (torch.randn(draw(shapes)) * 9).to(draw(st.sampled_from(DTYPES))) for name in names}


@pytest.mark.parametrize("kind", header.DTYPES)
def test_every_dtype_is_read_as_its_library_reads_it(kind: str, tmp_path: Path) -> None:
    size, name = header.DTYPES[kind]
    values = torch.arange(6 * size, dtype=torch.uint8).remainder(2).view(getattr(torch, name)).view(2, 3)
    safetensors.torch.save_file({"odd": torch.ones(3, dtype=torch.uint8), "x": values}, tmp_path / "model.safetensors")
    found = open_tensors(tmp_path)["x"]
    expected = safetensors.torch.load_file(tmp_path / "model.safetensors")["x"]
    assert found.dtype == expected.dtype and found.shape == expected.shape
    assert torch.equal(found.view(torch.uint8), expected.view(torch.uint8))


def test_what_is_written_into_a_tensor_does_not_reach_its_file(tmp_path: Path) -> None:
    write_tensors(tmp_path, {"x": torch.zeros(5)})
    open_tensors(tmp_path)["x"].fill_(1)
    assert open_tensors(tmp_path)["x"].sum() == 0


@pytest.mark.skipif(not STATUS.exists(), reason="the system does not tell what a process has mapped")
def test_tensors_map_no_more_than_the_file_has(tmp_path: Path) -> None:
    def mapped() -> int:
        return next(int(line.split()[1]) << 10 for line in STATUS.read_text().splitlines() if line.startswith("VmSize"))

    tensors = {str(place): torch.zeros(2**18) for place in range(64)}
    write_tensors(tmp_path, tensors)
    files, before = open_tensors(tmp_path), mapped()
    held = [files[name] for name in tensors]
    assert mapped() - before < 2 * sum(tensor.nbytes for tensor in held)
    held.clear()
    assert mapped() - before < 2**24


@given(collections(), st.sampled_from([1, 64, "1KB", "5GB"]))
@settings(max_examples=50)
def test_what_is_written_is_read_bitwise(tensors: dict[str, torch.Tensor], limit: int | str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        write_tensors(folder, {"old": torch.zeros(9), "older": torch.zeros(9)}, 8)
        files = write_tensors(folder, tensors, limit)
        assert {file.name for file in files} == {file.name for file in Path(folder).iterdir()}
        read = open_tensors(folder)
        assert set(read) == set(tensors) and len(read) == len(tensors)
        for name, tensor in tensors.items():
            assert read[name].dtype == tensor.dtype and torch.equal(read[name], tensor)
            assert read.entry(name).shape == tuple(tensor.shape)


def test_views_of_one_storage_are_written_apart(tmp_path: Path) -> None:
    whole = torch.arange(6.0)
    write_tensors(tmp_path, {"a": whole[:3], "b": whole[3:], "c": whole.view(2, 3).t()})
    assert torch.equal(open_tensors(tmp_path)["c"], whole.view(2, 3).t())
    write_tensors(tmp_path, dict(open_tensors(tmp_path)))
    assert torch.equal(open_tensors(tmp_path)["b"], whole[3:])


def raw(path: Path, header: Any, data: bytes = b"") -> Path:
    """A file with this header, as JSON or as it is."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)
    return path


def entry(dtype: str, shape: Any, begin: int, end: int) -> dict[str, Any]:
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


@pytest.mark.parametrize(
    ("header", "data", "problem"),
    [
        (b"{", b"", "its header is not JSON"),
        (b"[1]", b"", "its header is not an object"),
        (b"\xff", b"", "its header is not JSON"),
        ({"a": 1}, b"", "tensor 'a': its header lacks dtype, shape or data_offsets"),
        ({"a": entry("F31", [1], 0, 4)}, b"1234", "tensor 'a' has dtype 'F31'"),
        ({"a": entry("F32", [-1], 0, 4)}, b"1234", r"tensor 'a' has shape \[-1\]"),
        ({"a": entry("F32", [2**63], 0, 4)}, b"1234", r"tensor 'a' has shape \[9223372036854775808\]"),
        ({"a": entry("F32", [2**60] * 10_000, 0, 4)}, b"1234", "tensor 'a' has 10000 dimensions, expected 32 or fewer"),
        (
            {"a": entry("F32", [2], 0, 4)},
            b"1234",
            r"F32 of shape \(2,\) takes 8 bytes, but the header gives it bytes 0 to 4",
        ),
        ({"a": entry("F32", [1], 4, 8)}, b"12345678", "tensor 'a' begins at byte 4 of the data, expected 0"),
        ({"a": entry("F32", [1], 0, 4), "b": entry("F32", [1], 0, 4)}, b"1234", "tensor 'b' begins at byte 0"),
        ({"a": entry("F32", [2], 0, 8)}, b"1234", "truncated: tensor 'a' needs 8 bytes of data, the file has 4"),
        ({"a": entry("F32", [1], 0, 4)}, b"12345", "expected 4 bytes of data, found 5"),
    ],
)
def test_a_damaged_file_is_refused_with_the_reason(tmp_path: Path, header: Any, data: bytes, problem: str) -> None:
    file = raw(tmp_path / "model.safetensors", header, data)
    with pytest.raises(CheckpointError, match=problem) as caught:
        open_tensors(tmp_path)
    assert str(file) in str(caught.value) and "\n" not in str(caught.value)


@given(st.data())
@settings(max_examples=100)
def test_a_file_cut_anywhere_is_refused(data: st.DataObject) -> None:
    whole = safetensors.torch.save({"a": torch.randn(3, 2), "b": torch.randn(5)})
    cut = whole[: data.draw(st.integers(0, len(whole) - 1))]
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "model.safetensors").write_bytes(cut)
        with pytest.raises(CheckpointError, match="truncated"):
            open_tensors(folder)


def test_a_header_that_is_no_multiple_of_eight_bytes_long_is_read(tmp_path: Path) -> None:
    value = struct.pack("<2f", 1.0, 2.0)
    raw(tmp_path / "model.safetensors", json.dumps({"a": entry("F32", [2], 0, 8)}).encode() + b" ", value)
    assert open_tensors(tmp_path)["a"].tolist() == [1.0, 2.0]


@pytest.mark.parametrize("shard", ["../model.safetensors", "/etc/passwd", "a/b.safetensors", 3, "pickle.bin"])
def test_an_index_reaches_no_file_but_shards_beside_it(tmp_path: Path, shard: Any) -> None:
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps({"weight_map": {"a": shard}}))
    with pytest.raises(CheckpointError, match=r"expected the plain name of a \.safetensors file beside it"):
        open_tensors(tmp_path)


def test_an_index_that_does_not_fit_its_shards_is_refused(tmp_path: Path) -> None:
    index = tmp_path / "model.safetensors.index.json"
    write_tensors(tmp_path, {"a": torch.zeros(4), "b": torch.zeros(4)}, 16)
    content = json.loads(index.read_text())
    index.write_text(json.dumps({"weight_map": {**content["weight_map"], "c": "model-00001-of-00002.safetensors"}}))
    with pytest.raises(CheckpointError, match="tensor 'c' is not in it"):
        open_tensors(tmp_path)
    index.write_text(json.dumps({"weight_map": {"a": "model-00009-of-00002.safetensors"}}))
    with pytest.raises(CheckpointError, match="there is no such file"):
        open_tensors(tmp_path)
    index.write_text("{}")
    with pytest.raises(CheckpointError, match="expected an object under 'weight_map'"):
        open_tensors(tmp_path)


def test_an_export_says_what_reads_it(tmp_path: Path) -> None:
    (tmp_path / "export.json").write_text("{}")
    with pytest.raises(CheckpointError, match=r"there is export\.json: an export is read by .*\.load_exported"):
        open_tensors(tmp_path)


def test_a_folder_without_weights_says_what_it_has_instead(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"there is neither model\.safetensors nor"):
        open_tensors(tmp_path)
    (tmp_path / "tf_model.h5").write_bytes(b"")
    with pytest.raises(CheckpointError, match=r"there is tf_model\.h5: pass from_tf=True to read it"):
        open_tensors(tmp_path)
    with pytest.raises(CheckpointError, match=r"there is no flax_model\.msgpack, but there is tf_model\.h5"):
        open_tensors(tmp_path, "flax")


@pytest.mark.parametrize("size", ["5 parsecs", "", 0, -1, "0GB"])
def test_a_shard_size_that_is_none_is_refused(tmp_path: Path, size: int | str) -> None:
    with pytest.raises(CheckpointError, match="max_shard_size"):
        write_tensors(tmp_path, {}, size)


def test_written_files_have_the_rights_that_the_umask_leaves(tmp_path: Path) -> None:
    umask = os.umask(0o027)
    try:
        [file] = write_tensors(tmp_path / "new", {"a": torch.zeros(2)})
    finally:
        os.umask(umask)
    assert file.stat().st_mode & 0o777 == 0o640


def test_a_header_of_far_too_many_values_is_refused_before_it_is_read(tmp_path: Path) -> None:
    raw(tmp_path / "model.safetensors", {"__metadata__": {"a": [[]] * 400_000}})
    with pytest.raises(CheckpointError, match="more than 524288 values"):
        open_tensors(tmp_path)


def test_a_shard_that_is_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors.index.json").write_text('{"weight_map": {"a": "model-00001-of-00001.safetensors"}}')
    os.mkfifo(tmp_path / "model-00001-of-00001.safetensors")
    with pytest.raises(CheckpointError, match="a pipe, a socket or a device"):
        open_tensors(tmp_path)
