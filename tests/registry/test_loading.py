"""Checkpoints of every class are loaded by what their `config.json` says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

import speechgraft as sg
from speechgraft.errors import CheckpointError, ConfigError, InputError, PluginError, UnknownPluginError, UnofferedError
from speechgraft.registry import Catalog, EncoderEntry, Origin, default_catalog
from speechgraft.registry.loading import model_class

CATALOG = default_catalog()
SINGLE = [
    (entry, reference)
    for entry in (
        *(CATALOG.encoder(name) for name in CATALOG.list_encoders()),
        *(CATALOG.decoder(name) for name in CATALOG.list_decoders()),
    )
    for reference in entry.models
]


def saved(place: Path, entry: Any, name: str) -> Any:
    config = entry.tiny_config()
    if name == "BertLMHeadModel":
        config = config.copy(is_decoder=True)
    model = getattr(sg, name)(config)
    model.save_pretrained(place)
    return model


@pytest.mark.parametrize(("entry", "reference"), SINGLE, ids=[reference.rpartition(":")[2] for _, reference in SINGLE])
def test_a_model_of_one_part_comes_back_as_what_it_was(tmp_path: Path, entry: Any, reference: str) -> None:
    model = saved(tmp_path, entry, reference.rpartition(":")[2])
    again = sg.load(tmp_path)
    assert type(again) is type(model) and not again.training
    for name, value in model.state_dict().items():
        assert torch.equal(again.state_dict()[name], value)
    assert type(sg.AutoConfig.from_pretrained(tmp_path)) is type(model.config)


@pytest.mark.parametrize(
    ("encoder", "kind"), [("hubert", "SpeechEncoderDecoderModel"), ("bert", "EncoderDecoderModel")]
)
def test_a_pair_comes_back_whole(tmp_path: Path, encoder: str, kind: str) -> None:
    tiny = {
        name: dict(default_catalog().entry(role, name).tiny)
        for role, name in (("encoder", encoder), ("decoder", "gpt2"))
    }
    sg.pair(encoder, "gpt2", encoder=tiny[encoder], decoder=tiny["gpt2"]).save_pretrained(tmp_path)
    assert type(sg.load(tmp_path)).__name__ == kind
    config = sg.AutoConfig.from_pretrained(tmp_path, decoder_start_token_id=3)
    assert config.decoder_start_token_id == 3 and config.model_type == sg.load(tmp_path).config.model_type


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"architectures": ["BertForMaskedLM"]}, "BertModel"),
        ({"architectures": None}, "BertModel"),
        ({"architectures": "BertLMHeadModel"}, "BertModel"),
        ({"architectures": ["BertForMaskedLM"], "is_decoder": True}, "BertLMHeadModel"),
    ],
)
def test_a_class_that_there_is_not_becomes_the_nearest(changes: dict[str, Any], expected: str) -> None:
    data = {"model_type": "bert", **changes}
    assert model_class(data, default_catalog()).__name__ == expected


def test_what_names_no_model_is_refused(tmp_path: Path) -> None:
    for data, problem in (({}, "model_type is None"), ({"model_type": 3}, "model_type is 3")):
        (tmp_path / "config.json").write_text(json.dumps(data))
        with pytest.raises(CheckpointError, match=f"config.json: {problem}, expected the name of a model"):
            sg.load(tmp_path)
    (tmp_path / "config.json").write_text('{"model_type": "hubertt"}')
    for read in (sg.load, sg.AutoConfig.from_pretrained):
        with pytest.raises(UnknownPluginError, match="hubert"):
            read(tmp_path)


def test_a_plugin_without_classes_says_so() -> None:
    entry = EncoderEntry(
        name="mine", config="a:b", adapter="a:b", factory="a:b", weights="a:b", input_kind="waveform", tiny={}
    )
    catalog = Catalog().extended(Origin("mine", "mine", "1"), encoders=[entry])
    with pytest.raises(PluginError, match="encoder 'mine' has no class of its own"):
        model_class({"model_type": "mine"}, catalog)
    with pytest.raises(PluginError, match=r"models=\('no string',\): expected import strings"):
        EncoderEntry(
            name="mine",
            config="a:b",
            adapter="a:b",
            factory="a:b",
            weights="a:b",
            input_kind="waveform",
            tiny={},
            models=("no string",),
        )


def test_configs_are_made_by_name() -> None:
    assert sg.AutoConfig.for_model("sew-d", hidden_size=16, num_attention_heads=2).hidden_size == 16


@pytest.mark.parametrize("name", ["TFSpeechEncoderDecoderModel", "FlaxEncoderDecoderModel", "TFHubertForCTC"])
def test_classes_of_other_frameworks_say_what_to_use(name: str) -> None:
    option = "from_tf" if name.startswith("TF") else "from_flax"
    with pytest.raises(UnofferedError, match=rf"Use {name.removeprefix('TF').removeprefix('Flax')}.*{option}=True"):
        getattr(sg, name)
    with pytest.raises(ImportError, match="computes with PyTorch alone"):
        exec(f"from speechgraft import {name}")
    assert not hasattr(sg, "TFNothing")


@pytest.mark.parametrize(
    ("name", "instead"),
    [
        ("AutoModelForCTC", r"speechgraft\.load"),
        ("Seq2SeqTrainer", "import it from transformers"),
        ("pipeline", "Transcriber"),
    ],
)
def test_names_that_published_code_imports_too_say_where_they_are(name: str, instead: str) -> None:
    with pytest.raises(UnofferedError, match=rf"{name} is not offered: .*{instead}"):
        getattr(sg, name)


@pytest.mark.parametrize("layers", [10**4, 10**7, 2**62])
def test_ten_million_layers_are_refused_before_they_are_made(layers: int, tmp_path: Path) -> None:
    entry = default_catalog().encoder("bert")
    sg.BertModel(entry.tiny_config()).save_pretrained(tmp_path)
    described = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps({**described, "num_hidden_layers": layers}))
    with pytest.raises(ConfigError, match="more than 2000 tensors, and the checkpoint has"):
        sg.load(tmp_path)
    with pytest.raises(ConfigError, match="more than 2000 tensors, and the checkpoint has"):
        sg.EncoderDecoderModel.from_encoder_decoder_pretrained(tmp_path, tmp_path)


def test_weights_without_a_config_tell_what_they_look_like(tmp_path: Path) -> None:
    model = saved(tmp_path, CATALOG.encoder("hubert"), "HubertModel")
    (tmp_path / "config.json").unlink()
    loads = (sg.load, sg.HubertModel.from_pretrained, sg.SpeechEncoderDecoderModel.from_pretrained)
    for load in loads:
        with pytest.raises(CheckpointError, match=r"config\.json: there is no such file, but weights: copy"):
            load(tmp_path)
    save_file(model.state_dict(), tmp_path / "model.safetensors")
    (tmp_path / "training_args.bin").touch()
    for load in (*loads, lambda place: sg.SpeechEncoderDecoderModel.from_encoder_decoder_pretrained(place, place)):
        with pytest.raises(
            CheckpointError, match=r"Trainer wrote.*processing_class=model or a Transcriber.*load_state"
        ):
            load(tmp_path)
    again = sg.HubertModel(model.config)
    again.load_state_dict(load_file(tmp_path / "model.safetensors"))  # as the message says
    for name, value in model.state_dict().items():
        assert torch.equal(again.state_dict()[name], value)


def test_a_folder_of_another_class_says_how_it_is_loaded(tmp_path: Path) -> None:
    saved(tmp_path / "gpt2", CATALOG.decoder("gpt2"), "GPT2LMHeadModel")
    tiny = {name: dict(CATALOG.entry(role, name).tiny) for role, name in (("encoder", "hubert"), ("decoder", "gpt2"))}
    sg.pair("hubert", "gpt2", encoder=tiny["hubert"], decoder=tiny["gpt2"]).save_pretrained(tmp_path / "pair")
    for model, folder, told in (
        (sg.BertLMHeadModel, "gpt2", "'bert', got 'gpt2', saved from 'GPT2LMHeadModel'"),
        (sg.SpeechEncoderDecoderModel, "gpt2", "'speech-encoder-decoder', got 'gpt2', saved from 'GPT2LMHeadModel'"),
        (sg.HubertForCTC, "pair", "got 'speech-encoder-decoder', saved from 'SpeechEncoderDecoderModel'"),
    ):
        with pytest.raises(ConfigError, match=rf"{model.__name__} cannot be made of it(.|\n)*{told}: speechgraft.load"):
            model.from_pretrained(tmp_path / folder)


def test_weights_that_a_trainer_has_just_written_are_not_lost_to_another_model(tmp_path: Path) -> None:
    trained, file = saved(tmp_path / "first", CATALOG.encoder("hubert"), "HubertModel"), tmp_path / "model.safetensors"
    other = sg.HubertModel(trained.config)
    save_file(trained.state_dict(), file)
    before = file.read_bytes()
    with pytest.raises(InputError, match=r"with other values .*pass that very model as processing_class"):
        other.save_pretrained(tmp_path)
    assert file.read_bytes() == before and not (tmp_path / "config.json").exists()
    with torch.no_grad():
        next(trained.parameters()).fill_(float("nan"))
    save_file(trained.state_dict(), file)
    trained.save_pretrained(tmp_path)  # what diverged is its own all the same
    other.save_pretrained(tmp_path)  # there is a checkpoint, and it is replaced
    assert torch.isfinite(next(sg.load(tmp_path).parameters())).all()
    (tmp_path / "config.json").unlink()
    file.write_bytes(before[:100])
    other.save_pretrained(tmp_path)  # nothing in a damaged file would be lost
    assert isinstance(sg.load(tmp_path), sg.HubertModel)
