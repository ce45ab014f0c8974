"""`speechgraft convert` writes safetensors of any weights that load again, and says what became of each tensor."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import h5py
import msgpack
import numpy as np
import pytest
import torch
from hub_server import Hub

import speechgraft as sg
from speechgraft.checkpoint import open_tensors
from speechgraft.cli import main
from speechgraft.registry import default_catalog


def tiny_ctc() -> Any:
    options = dict(default_catalog().encoder("hubert").tiny)
    torch.manual_seed(0)
    return sg.HubertForCTC(sg.HubertConfig(**options, vocab_size=5))


def tiny_pair() -> Any:
    catalog = default_catalog()
    encoder = sg.Wav2Vec2Config(**dict(catalog.encoder("wav2vec2").tiny))
    decoder = sg.BertConfig(**dict(catalog.decoder("bert").tiny))
    return sg.SpeechEncoderDecoderModel(
        sg.SpeechEncoderDecoderConfig.from_encoder_decoder_configs(encoder, decoder, decoder_start_token_id=1)
    )


def as_pickle(folder: Path) -> dict[str, torch.Tensor]:
    """Put a folder's weights into a pickle instead."""
    tensors = dict(open_tensors(folder))
    torch.save(tensors, folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    return tensors


def same(one: Any, other: Any) -> bool:
    mine, theirs = one.state_dict(), other.state_dict()
    return mine.keys() == theirs.keys() and all(torch.equal(mine[name], theirs[name]) for name in mine)


def test_a_pickle_becomes_safetensors_beside_its_settings(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model, out = tiny_ctc(), tmp_path / "out"
    model.save_pretrained(tmp_path / "in")
    tensors = as_pickle(tmp_path / "in")
    (tmp_path / "in" / "vocab.json").write_text("{}")
    assert main(["convert", str(tmp_path / "in"), str(out)]) == 0
    assert {path.name for path in out.iterdir()} == {"config.json", "vocab.json", "model.safetensors"}
    assert same(sg.HubertForCTC.from_pretrained(out), model)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["in", "the", "file", "written", "as", "shape", "a", "model"]
    assert len(lines) == len(tensors) + 2
    row = next(line for line in lines if line.startswith("lm_head.bias"))
    assert row.split()[1:4] == ["lm_head.bias", "float32", "5"] and row.endswith("loaded")
    assert lines[-1].endswith(f"{len(tensors)} tensors; {len(tensors)} loaded")


def test_json_says_of_each_tensor_what_became_of_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model, out = tiny_ctc(), tmp_path / "out"
    model.save_pretrained(tmp_path / "in")
    tensors = as_pickle(tmp_path / "in")
    torch.save({**tensors, "strange": torch.zeros(2)}, tmp_path / "in" / "pytorch_model.bin")
    assert main(["convert", str(tmp_path / "in"), str(out), "--json", "--max-shard-size", "20KB"]) == 0
    rows = {row["source"]: row for row in json.loads(capsys.readouterr().out)}
    assert rows.keys() == {*tensors, "strange"} == set(open_tensors(out))
    assert (out / "model.safetensors.index.json").is_file()
    assert rows["strange"] == {
        "source": "strange", "name": "strange", "shape": [2], "dtype": "float32", "use": "unexpected",
    }  # fmt: skip
    assert rows["lm_head.weight"]["use"] == "loaded", "config.json says that it is a model with that head"
    assert rows["hubert.encoder.layer_norm.weight"]["use"] == "loaded"


def test_tensors_that_share_memory_are_each_written(tmp_path: Path) -> None:
    shared = torch.arange(6.0).reshape(2, 3)
    (tmp_path / "in").mkdir()
    torch.save({"a": shared, "b": shared, "c": shared.t()}, tmp_path / "in" / "pytorch_model.bin")
    assert main(["convert", str(tmp_path / "in"), str(tmp_path / "out")]) == 0
    read = open_tensors(tmp_path / "out")
    assert torch.equal(read["a"], shared) and torch.equal(read["b"], shared) and torch.equal(read["c"], shared.t())


def write_flax(folder: Path, tensors: dict[str, torch.Tensor]) -> None:
    tree: dict[str, Any] = {}
    for name, tensor in tensors.items():
        branch = tree
        *parts, leaf = name.split(".")
        for part in parts:
            branch = branch.setdefault(part, {})
        array = np.ascontiguousarray(tensor.numpy())
        branch[leaf] = msgpack.ExtType(1, msgpack.packb((array.shape, array.dtype.name, array.tobytes())))
    (folder / "flax_model.msgpack").write_bytes(msgpack.packb(tree))


def test_flax_is_found_where_there_is_nothing_else_and_its_classes_become_pytorchs(tmp_path: Path) -> None:
    model, source = tiny_pair(), tmp_path / "in"
    model.save_pretrained(source)
    write_flax(source, dict(open_tensors(source)))
    (source / "model.safetensors").unlink()
    config = json.loads((source / "config.json").read_text())
    (source / "config.json").write_text(json.dumps({**config, "architectures": ["FlaxSpeechEncoderDecoderModel"]}))
    assert main(["convert", str(source), str(tmp_path / "out")]) == 0
    assert same(sg.SpeechEncoderDecoderModel.from_pretrained(tmp_path / "out"), model)
    assert json.loads((tmp_path / "out" / "config.json").read_text())["architectures"] == ["SpeechEncoderDecoderModel"]


def test_names_of_parts_that_tensorflow_has_become_those_of_pairs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = tmp_path / "in"
    tiny_pair().save_pretrained(source)
    with h5py.File(source / "tf_model.h5", "w") as file:
        file.attrs["layer_names"] = ["encoder"]
        file["encoder/tf_model/encoder/wav2vec2/masked_spec_embed:0"] = np.ones(3, np.float32)
    assert main(["convert", str(source), str(tmp_path / "out"), "--from", "tensorflow", "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert row["source"] == "encoder/tf_model/encoder/wav2vec2/masked_spec_embed:0"
    assert row["name"] == "encoder.masked_spec_embed" and row["use"] == "loaded"


def test_a_folder_may_be_converted_in_place(tmp_path: Path) -> None:
    model = tiny_ctc()
    model.save_pretrained(tmp_path)
    as_pickle(tmp_path)
    assert main(["convert", str(tmp_path), str(tmp_path)]) == 0
    assert same(sg.HubertForCTC.from_pretrained(tmp_path), model)


def test_a_folder_without_weights_is_refused_and_nothing_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "in").mkdir()
    assert main(["convert", str(tmp_path / "in"), str(tmp_path / "out")]) == 2
    assert "there is neither model.safetensors nor pytorch_model.bin" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_weights_of_another_kind_are_named_with_the_option_that_reads_them(
    hub: Hub, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hub.add("owner/toy", {"config.json": b"{}", "tf_model.h5": b"keras"})
    assert main(["convert", "owner/toy", str(tmp_path / "out")]) == 2
    assert "there is tf_model.h5: pass --from tensorflow to read it" in capsys.readouterr().err
    tiny_ctc().save_pretrained(tmp_path / "in")
    assert main(["convert", str(tmp_path / "in"), str(tmp_path / "out"), "--from", "flax"]) == 2
    assert "leave --from out to read it" in capsys.readouterr().err


def test_what_the_class_in_the_config_leaves_out_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tiny_ctc().save_pretrained(tmp_path / "in")
    config = json.loads((tmp_path / "in" / "config.json").read_text())
    for architectures, use in (["HubertModel"], "left out"), (["OtherModel"], "left out"), (["HubertForCTC"], "loaded"):
        (tmp_path / "in" / "config.json").write_text(json.dumps({**config, "architectures": architectures}))
        assert main(["convert", str(tmp_path / "in"), str(tmp_path / "out"), "--json"]) == 0
        rows = {row["source"]: row["use"] for row in json.loads(capsys.readouterr().out)}
        assert rows["lm_head.weight"].startswith(use)


def test_a_wrong_config_is_told_with_its_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tiny_ctc().save_pretrained(tmp_path / "in")
    config = json.loads((tmp_path / "in" / "config.json").read_text())
    (tmp_path / "in" / "config.json").write_text(json.dumps({**config, "conv_dim": "x"}))
    assert main(["convert", str(tmp_path / "in"), str(tmp_path / "out")]) == 2
    assert f"{tmp_path / 'in' / 'config.json'}: not a valid hubert configuration" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("role", ["encoder", "decoder"])
def test_more_layers_than_the_weights_have_are_told_with_the_number_of_tensors_that_there_are(
    role: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tiny_pair().save_pretrained(tmp_path / "in")
    config = json.loads((tmp_path / "in" / "config.json").read_text())
    config[role]["num_hidden_layers"] = 10**7
    (tmp_path / "in" / "config.json").write_text(json.dumps(config))
    assert main(["convert", str(tmp_path / "in"), str(tmp_path / "out")]) == 2
    count = len(open_tensors(tmp_path / "in"))
    told = f"a config asks for more than 2000 tensors, and the checkpoint has {count}: see its numbers of layers"
    assert told in capsys.readouterr().err and not (tmp_path / "out").exists()
