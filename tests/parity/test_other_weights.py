"""TensorFlow's and Flax's files of every architecture that had them hold, once read, the tensors of PyTorch's files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from other_writers import write_h5, write_msgpack
from safetensors.torch import save_file

import speechgraft as sg
from speechgraft.checkpoint import open_tensors

SPEECH = {
    "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 24, "conv_dim": (8, 6),
    "conv_kernel": (10, 3), "conv_stride": (5, 2), "num_feat_extract_layers": 2, "num_conv_pos_embeddings": 7,
    "num_conv_pos_embedding_groups": 2, "vocab_size": 12,
}  # fmt: skip
STABLE = {**SPEECH, "feat_extract_norm": "layer", "do_stable_layer_norm": True, "conv_bias": True}
TEXT = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 24, "vocab_size": 20}
GPT2 = {"n_embd": 16, "n_layer": 2, "n_head": 2, "vocab_size": 20, "n_positions": 12}
BART = {
    "d_model": 16, "encoder_layers": 1, "decoder_layers": 2, "encoder_attention_heads": 2, "decoder_attention_heads": 2,
    "encoder_ffn_dim": 24, "decoder_ffn_dim": 24, "vocab_size": 20, "max_position_embeddings": 12,
}  # fmt: skip
CROSS = {"is_decoder": True, "add_cross_attention": True}


def build(name: str) -> Any:
    t = transformers
    match name:
        case "hubert":
            return t.HubertModel(t.HubertConfig(**SPEECH))
        case "hubert-ctc":
            return t.HubertForCTC(t.HubertConfig(**SPEECH))
        case "wav2vec2-stable":
            return t.Wav2Vec2Model(t.Wav2Vec2Config(**STABLE))
        case "wav2vec2-ctc":
            return t.Wav2Vec2ForCTC(t.Wav2Vec2Config(**SPEECH))
        case "bert":
            return t.BertForMaskedLM(t.BertConfig(**TEXT))
        case "bert-cross":
            return t.BertLMHeadModel(t.BertConfig(**TEXT, **CROSS))
        case "gpt2":
            return t.GPT2LMHeadModel(t.GPT2Config(**GPT2, add_cross_attention=True))
        case "bart":
            return t.BartForConditionalGeneration(t.BartConfig(**BART))
        case "bert-gpt2":
            parts = t.BertConfig(**TEXT), t.GPT2Config(**GPT2)
            return t.EncoderDecoderModel(t.EncoderDecoderConfig.from_encoder_decoder_configs(*parts))
        case "wav2vec2-bart":
            parts = t.Wav2Vec2Config(**STABLE), t.BartConfig(**{**BART, "d_model": 12, "decoder_attention_heads": 2})
            return t.SpeechEncoderDecoderModel(t.SpeechEncoderDecoderConfig.from_encoder_decoder_configs(*parts))
    raise AssertionError(name)


NAMES = ["hubert", "hubert-ctc", "wav2vec2-stable", "wav2vec2-ctc", "bert", "bert-cross", "gpt2", "bart", "bert-gpt2"]


def randomised(model: Any) -> Any:
    torch.manual_seed(0)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.randn_like(parameter) * 0.2)
    return model.eval()


def expected(model: Any) -> dict[str, torch.Tensor]:
    spelt = {".parametrizations.weight.original0": ".weight_g", ".parametrizations.weight.original1": ".weight_v"}
    found = {}
    for name, parameter in model.named_parameters():
        for new, old in spelt.items():
            name = name.replace(new, old)  # noqa: PLW2901
        found[name] = parameter.detach()
    return found


@pytest.mark.parametrize("weights", ["tensorflow", "flax"])
@pytest.mark.parametrize("name", [*NAMES, "wav2vec2-bart"])
def test_other_files_hold_the_tensors_of_pytorchs(tmp_path: Path, name: str, weights: Any) -> None:
    model = randomised(build(name))
    if weights == "tensorflow":
        write_h5(tmp_path / "tf_model.h5", model, "tf_" + name.replace("-", "_"))
    else:
        write_msgpack(tmp_path / "flax_model.msgpack", model)
    read, wanted = open_tensors(tmp_path, weights), expected(model)
    assert read.keys() == wanted.keys()
    for key, tensor in wanted.items():
        assert torch.equal(read[key], tensor), key
        assert read[key].dtype == tensor.dtype


CLASSES = {
    "hubert": "HubertModel",
    "hubert-ctc": "HubertForCTC",
    "wav2vec2-stable": "Wav2Vec2Model",
    "wav2vec2-ctc": "Wav2Vec2ForCTC",
    "bert-gpt2": "EncoderDecoderModel",
    "wav2vec2-bart": "SpeechEncoderDecoderModel",
}


@pytest.mark.parametrize("option", ["from_tf", "from_flax"])
@pytest.mark.parametrize("name", CLASSES)
def test_models_load_from_other_files_as_from_pytorchs(tmp_path: Path, name: str, option: str) -> None:
    model = randomised(build(name))
    model.save_pretrained(tmp_path / "torch")
    other = tmp_path / "other"
    model.config.save_pretrained(other)
    write_h5(other / "tf_model.h5", model, "tf_model_1")
    write_msgpack(other / "flax_model.msgpack", model)
    cls = getattr(sg, CLASSES[name])
    ours, theirs = cls.from_pretrained(other, **{option: True}), cls.from_pretrained(tmp_path / "torch")
    assert ours.load_report.missing == ours.load_report.unexpected == ()
    loaded = ours.state_dict()
    assert all(torch.equal(loaded[key], tensor) for key, tensor in theirs.state_dict().items())
    with pytest.raises(sg.errors.CheckpointError, match="pass from_tf=True to read it"):
        cls.from_pretrained(other)


@pytest.mark.parametrize("option", ["from_tf", "from_flax"])
def test_parts_of_pairs_load_from_other_files(tmp_path: Path, option: str) -> None:
    for name, head in (("hubert", "tf_hubert_model"), ("bert", "tf_bert_for_masked_lm")):
        model = randomised(build(name))
        model.config.save_pretrained(tmp_path / name)
        write_h5(tmp_path / name / "tf_model.h5", model, head)
        write_msgpack(tmp_path / name / "flax_model.msgpack", model)
    chosen = {f"encoder_{option}": True, f"decoder_{option}": True}
    pair = sg.SpeechEncoderDecoderModel.from_encoder_decoder_pretrained(
        tmp_path / "hubert", tmp_path / "bert", **chosen
    )
    assert set(pair.load_report.made.values()) == {"injected: BERT was pretrained without cross-attention"}
    word = randomised(build("bert")).bert.embeddings.word_embeddings.weight
    assert torch.equal(pair.decoder.embeddings.word.weight, word)


def test_weights_that_are_not_there_are_not_read_as_others(tmp_path: Path) -> None:
    model = randomised(build("hubert"))
    model.config.save_pretrained(tmp_path)
    save_file(expected(model), tmp_path / "model.safetensors")
    with pytest.raises(sg.errors.CheckpointError, match="leave from_tf and from_flax out"):
        sg.HubertModel.from_pretrained(tmp_path, from_flax=True)
    with pytest.raises(sg.errors.InputError, match="from_tf and from_flax were passed together"):
        sg.HubertModel.from_pretrained(tmp_path, from_tf=True, from_flax=True)
