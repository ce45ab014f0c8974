"""`pytorch_model.bin` is read as tensors alone: no code is run, whatever the pickle asks for."""

from __future__ import annotations

import io
import json
import os
import pickle
import zipfile
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from speechgraft.checkpoint import open_tensors
from speechgraft.errors import CheckpointError

NAME = "pytorch_model.bin"


def tensors() -> dict[str, torch.Tensor]:
    return {
        "a.weight": torch.randn(3, 4),
        "a.bias": torch.randn(3).half(),
        "b": torch.randn(2).bfloat16(),
        "count": torch.tensor(7),
        "none": torch.empty(0, 5),
    }


class Payload:
    """Makes a folder when it is unpickled."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.target),)


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "before 1.6"])
@pytest.mark.parametrize("of_dict", ["dict", "parameters", "shared"])
def test_every_tensor_comes_bitwise(tmp_path: Path, zipped: bool, of_dict: str) -> None:
    written: dict[str, Any] = tensors()
    if of_dict == "parameters":
        written = {n: torch.nn.Parameter(t, requires_grad=t.is_floating_point()) for n, t in written.items()}
    if of_dict == "shared":
        written["tied"] = written["a.weight"]
        written["turned"] = written["a.weight"].t()
        written["row"] = written["a.weight"][1]
    torch.save(written, tmp_path / NAME, _use_new_zipfile_serialization=zipped)
    read = open_tensors(tmp_path)
    assert read.keys() == written.keys()
    for name, tensor in written.items():
        assert read[name].dtype == tensor.dtype and torch.equal(read[name], tensor) and not read[name].requires_grad
    assert list(open_tensors(tmp_path / NAME)) == list(written)


def test_a_file_without_its_end_says_so(tmp_path: Path) -> None:
    torch.save(tensors(), tmp_path / NAME)
    whole = (tmp_path / NAME).read_bytes()
    for length in (len(whole) // 2, len(whole) - 30):
        (tmp_path / NAME).write_bytes(whole[:length])
        with pytest.raises(CheckpointError, match=r"pytorch_model\.bin: truncated"):
            open_tensors(tmp_path)


@pytest.mark.parametrize("name", [NAME, "model.safetensors"])
def test_what_git_lfs_has_in_a_files_place_is_told_as_that(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("version https://git-lfs.github.com/spec/v1\noid sha256:1f2e\nsize 12\n")
    with pytest.raises(CheckpointError, match="a pointer of Git LFS in the file's place: `git lfs pull`"):
        open_tensors(tmp_path)


def test_shards_are_read_together_and_safetensors_go_first(tmp_path: Path) -> None:
    from speechgraft.checkpoint import write_tensors

    parts = {
        "pytorch_model-00001-of-00002.bin": {"a": torch.ones(2)},
        "pytorch_model-00002-of-00002.bin": {"b": torch.zeros(3)},
    }
    for name, part in parts.items():
        torch.save(part, tmp_path / name)
    index = {"weight_map": {tensor: name for name, part in parts.items() for tensor in part}}
    (tmp_path / f"{NAME}.index.json").write_text(json.dumps(index))
    assert {name: tensor.tolist() for name, tensor in open_tensors(tmp_path).items()} == {"a": [1, 1], "b": [0, 0, 0]}
    torch.save({"a": torch.ones(1)}, tmp_path / "pytorch_model-00002-of-00002.bin")
    with pytest.raises(CheckpointError, match="tensor 'a' is in another shard too"):
        open_tensors(tmp_path)
    write_tensors(tmp_path, {"c": torch.ones(1)})
    assert list(open_tensors(tmp_path)) == ["c"]


@pytest.mark.parametrize("shard", ["../out.bin", "/etc/out.bin", "a/b.bin", "x.safetensors", "..", "a\\b.bin", 3])
def test_shards_elsewhere_are_refused(tmp_path: Path, shard: Any) -> None:
    (tmp_path / f"{NAME}.index.json").write_text(json.dumps({"weight_map": {"a": shard}}))
    with pytest.raises(CheckpointError, match=r"expected the plain name of a \.bin file beside it"):
        open_tensors(tmp_path)


def test_links_out_of_the_folder_are_refused_and_those_within_are_not(tmp_path: Path) -> None:
    torch.save({"a": torch.ones(1)}, tmp_path / "elsewhere.bin")
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / NAME).symlink_to(tmp_path / "elsewhere.bin")
    with pytest.raises(CheckpointError, match=r"a link out of its folder, to .*elsewhere\.bin"):
        open_tensors(folder)
    (folder / NAME).unlink()
    torch.save({"a": torch.ones(1)}, folder / "real.bin")
    (folder / NAME).symlink_to("real.bin")
    assert list(open_tensors(folder)) == ["a"]


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "before 1.6"])
@pytest.mark.parametrize("place", ["whole", "value", "key"])
def test_a_payload_is_refused_and_never_run(tmp_path: Path, zipped: bool, place: str) -> None:
    payload: Any = Payload(tmp_path / "was-run")
    written = {"whole": payload, "value": {"a": torch.ones(2), "b": payload}, "key": {"a": {"b": payload}}}[place]
    torch.save(written, tmp_path / NAME, _use_new_zipfile_serialization=zipped)
    with pytest.raises(CheckpointError, match=NAME):
        open_tensors(tmp_path)
    (tmp_path / NAME).write_bytes(pickle.dumps(written))
    with pytest.raises(CheckpointError, match=NAME):
        open_tensors(tmp_path)
    assert not (tmp_path / "was-run").exists()


@pytest.mark.parametrize(
    ("written", "problem"),
    [
        ([torch.ones(1)], "holds a list, expected tensors by name"),
        ({"a": 3}, "'a' is a int, expected a tensor"),
        ({"a": {"b": torch.ones(1)}}, "'a' is a dict, expected a tensor"),
        ({3: torch.ones(1)}, "a key is '3'"),
        ({"a": torch.ones(1).expand(10**9, 10**6)}, "takes 4000000000000000 bytes, the file has 4"),
        ({"a": torch.eye(3).to_sparse()}, "asks for torch._utils._rebuild_sparse_tensor"),
        ({"a": torch.empty(10**9, device="meta")}, "asks for torch._utils._rebuild_meta_tensor"),
    ],
)
def test_what_is_no_plain_tensor_by_name_is_refused(tmp_path: Path, written: Any, problem: str) -> None:
    torch.save(written, tmp_path / NAME)
    with pytest.raises(CheckpointError, match=problem):
        open_tensors(tmp_path)


@pytest.mark.parametrize(
    ("content", "asked"),
    [
        (b"cbuiltins\nbytearray\nJ\x00\x00\x00\x70\x85R.", "builtins.bytearray"),
        (b"c__builtin__\nbytearray\nJ\x00\x00\x00\x70\x85R.", "__builtin__.bytearray"),
        (b"cos\nsystem\nX\x04\x00\x00\x00true\x85R.", "os.system"),
        (b"ctorch\nload\nX\x04\x00\x00\x00true\x85R.", "torch.load"),
        (b"(S'true'\nios\nsystem\n.", "os.system"),
        (b"X\x02\x00\x00\x00osX\x06\x00\x00\x00system\x93.", "STACK_GLOBAL"),
    ],
)
@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "before 1.6"])
def test_what_tensors_have_no_need_of_is_refused_before_it_is_made(
    tmp_path: Path, content: bytes, asked: str, zipped: bool
) -> None:
    if zipped:
        with zipfile.ZipFile(tmp_path / NAME, "w") as archive:
            archive.writestr("archive/data.pkl", b"\x80\x02" + content)
            archive.writestr("archive/version", b"3\n")
    else:
        (tmp_path / NAME).write_bytes(b"\x80\x02" + content)
    with pytest.raises(CheckpointError, match=rf"{NAME}: asks for {asked}, expected what tensors"):
        open_tensors(tmp_path)


def test_errors_never_advise_to_run_what_a_file_holds(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / NAME, "w") as archive:
        archive.writestr("archive/data.pkl", b"\x80\x02l.")
        archive.writestr("archive/version", b"3\n")
    with pytest.raises(CheckpointError) as caught:
        open_tensors(tmp_path)
    assert "weights_only" not in str(caught.value) and "trust" not in str(caught.value)


def test_archives_that_grow_are_refused(tmp_path: Path) -> None:
    torch.save({"a": torch.zeros(10**6)}, tmp_path / "plain.bin")
    with (
        zipfile.ZipFile(tmp_path / "plain.bin") as plain,
        zipfile.ZipFile(tmp_path / NAME, "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for entry in plain.namelist():
            new.writestr(entry, plain.read(entry))
    with pytest.raises(CheckpointError, match="is compressed or overlaps others"):
        open_tensors(tmp_path)


def _whole(zipped: bool) -> bytes:
    buffer = io.BytesIO()
    torch.manual_seed(0)
    torch.save(tensors(), buffer, _use_new_zipfile_serialization=zipped)
    return buffer.getvalue()


WHOLE = {zipped: _whole(zipped) for zipped in (True, False)}


@settings(max_examples=60)
@given(zipped=st.booleans(), data=st.data())
def test_damage_gives_tensors_or_one_error(
    tmp_path_factory: pytest.TempPathFactory, zipped: bool, data: st.DataObject
) -> None:
    content = bytearray(WHOLE[zipped])
    if data.draw(st.booleans(), "cut"):
        del content[data.draw(st.integers(0, len(content) - 1), "at") :]
    for _ in range(data.draw(st.integers(0, 4), "flips") if content else 0):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.mktemp("damage") / NAME
    path.write_bytes(content)
    try:
        read = open_tensors(path)
    except CheckpointError as error:
        assert str(path) in str(error)
    else:
        assert all(isinstance(tensor, torch.Tensor) for tensor in read.values())


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "before 1.6"])
def test_a_pickle_of_a_million_steps_is_refused_before_it_is_run(tmp_path: Path, zipped: bool) -> None:
    steps = b"\x80\x02" + b"]0" * 2**19 + b"}."
    if zipped:
        with zipfile.ZipFile(tmp_path / NAME, "w") as archive:
            archive.writestr("archive/data.pkl", steps)
    else:
        (tmp_path / NAME).write_bytes(steps)
    with pytest.raises(CheckpointError, match="takes more than 524288 steps"):
        open_tensors(tmp_path)
