"""Folders that are not what was exported: each fault is told with the file and the place in it."""

from __future__ import annotations

import json
import shutil
import sys

import pytest

from speechgraft.cli import main
from speechgraft.errors import CheckpointError, MissingExtraError
from speechgraft.export import export_folder, load_exported


@pytest.fixture
def folder(folders, tmp_path):
    """A copy to break."""
    return shutil.copytree(folders / "onnx", tmp_path / "copy")


def change(folder, *path, value):
    told = json.loads((folder / "export.json").read_text())
    place = told
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    (folder / "export.json").write_text(json.dumps(told))


STEP = ("programs", "decoder_step", "inputs")


@pytest.mark.parametrize(
    ("path", "value", "expected"),
    [
        (["format"], 2, r"export.json: format is 2, this version reads 1"),
        (["target"], "onn", "no export to 'onn'; did you mean 'onnx'"),
        (["target"], ["onnx"], "no export to"),
        (["programs"], None, r"\$.programs.encoder: None, expected a dict"),
        (["programs", "encoder", "outputs"], {}, r"\$.programs.encoder.outputs: \{\}, expected a list"),
        ([*STEP, 0], 3, r"decoder_step.inputs\[0\].shape: None, expected a list"),
        ([*STEP, 0, "shape"], [-1], r"decoder_step.inputs\[0\].shape: \[-1\], expected numbers above zero"),
        (
            [*STEP, 0, "name"],
            "ids",
            r"decoder_step.onnx: its inputs are \['input_ids'.*but the description says \['ids'",
        ),
        ([*STEP, 4, "shape"], ["rows", "heads", 0.5], "expected numbers above zero and names"),
        (
            [*STEP, 4, "shape"],
            ["rows", "heads"],
            r"keys_0 has the sizes .*, but the description says \['rows', 'heads'\]",
        ),
        ([*STEP, 4, "shape"], ["rows", 10**30, "seen", 8], "keys_0 has the sizes .*, but the description says"),
        ([*STEP, 4, "shape"], ["rows", "heads", "seen", 8], "takes keys of .* expected"),
    ],
    ids=str,
)
def test_a_wrong_description(folder, path, value, expected):
    change(folder, *path, value=value)
    with pytest.raises(CheckpointError, match=expected):
        load_exported(folder)


def test_programs_of_two_pairs_do_not_fit(folder):
    for name in ("inputs", "outputs"):
        change(folder, "programs", "cross_attention", name, value=[])
    with pytest.raises(CheckpointError, match=r"cross_attention\.onnx: its inputs are"):
        load_exported(folder)


@pytest.mark.parametrize("name", ["encoder", "cross_attention", "decoder_step"])
def test_a_program_that_is_broken_or_gone(folder, name):
    file = folder / f"{name}.onnx"
    file.write_bytes(file.read_bytes()[:100])
    with pytest.raises(CheckpointError, match=f"{name}.onnx: onnxruntime cannot read it"):
        load_exported(folder)
    file.unlink()
    with pytest.raises(CheckpointError, match=f"{name}.onnx: there is no such file"):
        load_exported(folder)


def test_a_program_whose_weights_lie_elsewhere_is_refused(folder, tmp_path):
    import onnx

    program = onnx.load(folder / "encoder.onnx")
    (tmp_path / "secret.bin").write_bytes(b"\0" * 4096)
    for each in program.graph.initializer:
        size = len(each.raw_data)
        each.ClearField("raw_data")
        each.data_location = onnx.TensorProto.EXTERNAL
        del each.external_data[:]
        each.external_data.add(key="location", value="../secret.bin")
        each.external_data.add(key="length", value=str(size))
    (folder / "encoder.onnx").write_bytes(program.SerializeToString())
    with pytest.raises(CheckpointError, match=r"encoder\.onnx: onnxruntime cannot read it"):
        load_exported(folder)


def test_a_program_that_lies_elsewhere_is_refused(folder, folders):
    (folder / "encoder.onnx").unlink()
    (folder / "encoder.onnx").symlink_to(folders / "onnx" / "encoder.onnx")
    with pytest.raises(CheckpointError, match=r"encoder\.onnx: a link out of its folder"):
        load_exported(folder)


def test_a_folder_without_a_pair(folder, tmp_path):
    (folder / "config.json").write_text('{"model_type": "wav2vec2"}')
    with pytest.raises(CheckpointError, match="model_type is 'wav2vec2', expected that of a pair"):
        load_exported(folder)
    with pytest.raises(CheckpointError, match="model_type is 'wav2vec2', expected that of a pair"):
        export_folder(folder, tmp_path / "out", to="onnx")
    (tmp_path / "empty").mkdir()
    with pytest.raises(CheckpointError, match="there is no such file"):
        export_folder(tmp_path / "empty", tmp_path / "out", to="onnx")


@pytest.mark.parametrize("library", ["onnx", "onnxscript"])
def test_without_the_extra_nothing_is_exported(folders, tmp_path, monkeypatch, library):
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(MissingExtraError, match=rf"{library}: pip install \"speechgraft\[export\]\""):
        export_folder(folders / "bundle", tmp_path / "out", to="onnx")


def test_without_the_extra_nothing_is_run(folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(MissingExtraError, match=r"onnxruntime: pip install \"speechgraft\[export\]\""):
        load_exported(folder)


def test_the_command_tells_what_is_wrong(folders, tmp_path, capsys):
    assert main(["export", str(folders / "bundle"), str(folders / "onnx")]) == 2
    assert "is not empty" in capsys.readouterr().err
    assert main(["export", str(folders / "bundle"), str(tmp_path / "out"), "--to", "tflite"]) == 2
    assert "'tflite'" in capsys.readouterr().err
    assert main(["export", str(tmp_path / "nowhere"), str(tmp_path / "out")]) == 2
    assert "nowhere" in capsys.readouterr().err and not (tmp_path / "out").exists()
