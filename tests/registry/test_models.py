"""Pairs under their published names."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

import speechgraft as sg
from speechgraft.errors import CheckpointError, ConfigError, IncompatiblePairError, InputError, RoutingError
from speechgraft.plugins.bert.decoder import BertDecoder
from speechgraft.plugins.wav2vec2.encoder import Wav2Vec2Encoder
from speechgraft.registry.configs import ELSEWHERE, OF_FACTORIES
from speechgraft.registry.discovery import default_catalog
from speechgraft.routing import keywords

IDS = {"pad_token_id": 0, "eos_token_id": 3, "decoder_start_token_id": 2}


def configs(**decoder: Any) -> tuple[Any, Any]:
    catalog = default_catalog()
    return catalog.encoder("wav2vec2").tiny_config(), catalog.decoder("bert").tiny_config().copy(**decoder)


def tiny(**options: Any) -> sg.SpeechEncoderDecoderModel:
    config = sg.SpeechEncoderDecoderConfig.from_encoder_decoder_configs(*configs(), **{**IDS, **options})
    torch.manual_seed(0)
    return sg.SpeechEncoderDecoderModel(config=config).eval()


def same_weights(one: torch.nn.Module, other: torch.nn.Module) -> bool:
    pairs = zip(one.state_dict().items(), other.state_dict().items(), strict=True)
    return all(name == twin and torch.equal(a, b) for (name, a), (twin, b) in pairs)


def test_configs_passed_in_are_copied_and_never_changed() -> None:
    encoder, decoder = configs(is_decoder=False, add_cross_attention=False)
    before = encoder.to_dict(), decoder.to_dict()
    config = sg.SpeechEncoderDecoderConfig.from_encoder_decoder_configs(encoder, decoder, **IDS)
    model = sg.SpeechEncoderDecoderModel(config=config)
    assert (encoder.to_dict(), decoder.to_dict()) == before
    assert model.config.decoder.is_decoder
    assert model.config.decoder.add_cross_attention
    assert model.config is not config
    model.config.pad_token_id = 1
    assert config.pad_token_id == 0


def test_the_decoder_of_a_pair_is_one_whatever_its_config_said() -> None:
    config = sg.SpeechEncoderDecoderConfig(encoder=sg.Wav2Vec2Config(), decoder=sg.BertConfig())
    with torch.device("meta"):
        model = sg.SpeechEncoderDecoderModel(config=config)
    model.config.decoder.is_decoder = model.config.decoder.add_cross_attention = True  # as published code does
    assert not config.decoder.is_decoder


def test_a_field_that_shaped_a_built_model_cannot_be_changed() -> None:
    model = tiny()
    with pytest.raises(ConfigError, match="hidden_size"):
        model.config.encoder.hidden_size = 64


def test_parts_read_the_token_ids_that_the_model_s_config_holds() -> None:
    model = tiny()
    assert model.decoder.config is model.config.decoder
    assert model.encoder.config is model.config.encoder


def test_ready_made_parts_make_the_same_model_as_their_configs() -> None:
    model = tiny()
    twin = sg.SpeechEncoderDecoderModel(encoder=model.encoder, decoder=model.decoder)
    assert twin.encoder is model.encoder
    assert twin.config.decoder is model.decoder.config
    with pytest.raises(ConfigError, match="both an encoder and a decoder"):
        sg.SpeechEncoderDecoderModel(encoder=model.encoder)


def test_a_saved_folder_loads_as_it_was_and_reads_as_published(tmp_path: Path) -> None:
    model = tiny(ctc_vocab_size=11)
    model.generation_config.max_new_tokens = 5
    model.save_pretrained(tmp_path / "pair", max_shard_size=20_000)
    loaded = sg.SpeechEncoderDecoderModel.from_pretrained(tmp_path / "pair")
    assert len(list((tmp_path / "pair").glob("model-*.safetensors"))) > 1
    assert same_weights(model, loaded)
    assert loaded.generation_config.max_new_tokens == 5
    assert not loaded.training
    assert loaded.load_report is not None
    assert not loaded.load_report.missing
    written = json.loads((tmp_path / "pair" / "config.json").read_text())
    assert written["model_type"] == "speech-encoder-decoder"
    assert written["architectures"] == ["SpeechEncoderDecoderModel"]
    assert (written["encoder"]["model_type"], written["decoder"]["model_type"]) == ("wav2vec2", "bert")


def test_half_precision_on_disk_is_loaded_as_it_is_or_as_asked(tmp_path: Path) -> None:
    tiny().save_pretrained(tmp_path, dtype=torch.float16)
    half = sg.SpeechEncoderDecoderModel.from_pretrained(tmp_path)
    single = sg.SpeechEncoderDecoderModel.from_pretrained(tmp_path, dtype=torch.float32)
    assert {p.dtype for p in half.parameters()} == {torch.float16}
    assert {p.dtype for p in single.parameters()} == {torch.float32}


def test_options_of_loading_reach_the_config_they_name(tmp_path: Path) -> None:
    tiny().save_pretrained(tmp_path)
    model = sg.SpeechEncoderDecoderModel.from_pretrained(tmp_path, encoder_layerdrop=0.25, decoder_start_token_id=5)
    assert model.config.encoder.layerdrop == 0.25
    assert model.config.decoder_start_token_id == 5
    with pytest.raises(RoutingError, match="encoder_layerdrop"):
        sg.SpeechEncoderDecoderModel.from_pretrained(tmp_path, encoder_layerdrp=0.25)


def test_a_misspelt_option_of_loading_or_grafting_is_answered_with_what_these_take(tmp_path: Path) -> None:
    tiny().save_pretrained(tmp_path)
    with pytest.raises(
        RoutingError, match="unknown option 'ignore_mismatched_size'; did you mean 'ignore_mismatched_s"
    ):
        sg.SpeechEncoderDecoderModel.from_pretrained(tmp_path, ignore_mismatched_size=True)
    with pytest.raises(RoutingError, match="unknown option 'keep_ctc_heads'; did you mean 'keep_ctc_head'"):
        sg.SpeechEncoderDecoderModel.from_encoder_decoder_pretrained(tmp_path, tmp_path, keep_ctc_heads=True)


def test_the_blank_of_a_head_is_one_of_its_tokens() -> None:
    assert tiny(ctc_vocab_size=7, ctc_blank_token_id=6).ctc_head is not None
    with pytest.raises(ConfigError, match=r"\$.ctc_blank_token_id: 7 is not one of the 7 tokens of the CTC head"):
        tiny(ctc_vocab_size=7, ctc_blank_token_id=7)


def test_all_that_factories_take_is_known_to_messages() -> None:
    cls = sg.SpeechEncoderDecoderModel
    taken = {*keywords(cls.from_pretrained), *keywords(cls.from_encoder_decoder_pretrained), *keywords(sg.pair)}
    published = {name for name in taken if name.endswith("_pretrained_model_name_or_path")}
    assert taken - published <= set(OF_FACTORIES)
    assert not ELSEWHERE.keys() & set(keywords(sg.pair))


def test_parts_are_taken_out_of_whole_pairs(tmp_path: Path) -> None:
    whole = tiny()
    whole.save_pretrained(tmp_path)
    pair = sg.SpeechEncoderDecoderModel.from_encoder_decoder_pretrained(tmp_path, tmp_path, **IDS)
    assert same_weights(pair.encoder, whole.encoder) and same_weights(pair.decoder, whole.decoder)
    assert set(pair.load_report.made) == {name for name in whole.state_dict() if name.startswith("enc_to_dec_proj")}
    assert pair.config.decoder == whole.config.decoder
    with pytest.raises(CheckpointError, match=r"there is no CTC head \(lm_head\) to keep"):
        sg.SpeechEncoderDecoderModel.from_encoder_decoder_pretrained(tmp_path, tmp_path, keep_ctc_head=True)


@pytest.mark.parametrize("fault", ["missing", "surplus", "shape", "truncated", "no weights"])
def test_a_checkpoint_that_does_not_fit_is_refused_by_name(tmp_path: Path, fault: str) -> None:
    from safetensors.torch import load_file, save_file

    tiny().save_pretrained(tmp_path)
    file = tmp_path / "model.safetensors"
    tensors = load_file(file)
    name = "enc_to_dec_proj.weight" if "enc_to_dec_proj.weight" in tensors else "encoder.encoder.layer_norm.weight"
    if fault == "missing":
        del tensors[name]
    elif fault == "surplus":
        name = "encoder.something.else"
        tensors[name] = torch.zeros(2)
    elif fault == "shape":
        tensors[name] = torch.zeros(3, 3)
    save_file(tensors, file)
    if fault == "truncated":
        file.write_bytes(file.read_bytes()[:-100])
        name = "model.safetensors"
    elif fault == "no weights":
        file.unlink()
        name = "model.safetensors"
    with pytest.raises(CheckpointError, match=name.replace(".", r"\.")):
        sg.SpeechEncoderDecoderModel.from_pretrained(tmp_path)


def test_all_problems_of_a_config_file_come_at_once_with_their_paths(tmp_path: Path) -> None:
    tiny().save_pretrained(tmp_path)
    data = json.loads((tmp_path / "config.json").read_text())
    data["encoder"]["hidden_size"] = "16"
    data["encoder"]["hidden_act"] = "gelo"
    data["decoder"]["num_attention_heads"] = 0
    (tmp_path / "config.json").write_text(json.dumps(data))
    with pytest.raises(ConfigError) as caught:
        sg.SpeechEncoderDecoderModel.from_pretrained(tmp_path)
    text = str(caught.value)
    assert all(
        path in text for path in ("$.encoder.hidden_size", "$.encoder.hidden_act", "$.decoder.num_attention_heads")
    )


def test_parts_that_were_trained_apart_are_grafted_with_a_report(tmp_path: Path) -> None:
    from transformers import BertConfig, BertForMaskedLM, Wav2Vec2Config, Wav2Vec2ForCTC

    encoder, decoder = configs()
    strange = {"extras", "padding"}
    Wav2Vec2ForCTC(Wav2Vec2Config(**{k: v for k, v in encoder.to_dict().items() if k not in strange})).save_pretrained(
        tmp_path / "encoder"
    )
    bert = BertConfig(**{**decoder.to_dict(), "is_decoder": False, "add_cross_attention": False})
    BertForMaskedLM(bert).save_pretrained(tmp_path / "decoder")
    model = sg.SpeechEncoderDecoderModel.from_encoder_decoder_pretrained(
        tmp_path / "encoder", tmp_path / "decoder", encoder_layerdrop=0.0, decoder_hidden_dropout_prob=0.0, **IDS
    )
    report = model.load_report
    assert report is not None
    assert any("lm_head" in name for name in report.ignored)
    assert any("cross_attention" in name for name in report.made)
    assert model.config.encoder.layerdrop == 0.0
    assert model.config.pad_token_id == 0
    assert not any(parameter.is_meta or parameter.isnan().any() for parameter in model.parameters())
    assert isinstance(model.encoder, Wav2Vec2Encoder)
    assert isinstance(model.decoder, BertDecoder)


def test_what_cannot_be_grafted_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no encoder"):
        sg.SpeechEncoderDecoderModel.from_encoder_decoder_pretrained(None, tmp_path)
    encoder, decoder = configs(cross_attention_hidden_size=7)
    with pytest.raises(IncompatiblePairError, match="cross_attention_hidden_size"):
        sg.SpeechEncoderDecoderModel(
            config=sg.SpeechEncoderDecoderConfig.from_encoder_decoder_configs(encoder, decoder)
        )


def test_a_model_without_weights_can_be_made_on_meta() -> None:
    with torch.device("meta"):
        model = tiny()
    assert all(parameter.is_meta for parameter in model.parameters())
