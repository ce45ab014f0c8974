"""Checkpoints of one part, under whatever head and in whatever spelling, become a part of a pair."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from draws import DECODER, ENCODER, normal
from safetensors.torch import load_file, save_file
from yardstick import randomised, same, same_bits, tensors_in

from speechgraft import SpeechEncoderDecoderModel
from speechgraft.errors import CheckpointError

PRETRAINING = {"codevector_dim": 8, "proj_codevector_dim": 8, "num_codevectors_per_group": 3}
FAMILIES = ("Wav2Vec2", "Hubert", "SEW", "SEWD")
HEADS = {
    "Model": set(),
    "ForCTC": {"the CTC head of a fine-tuned checkpoint"},
    "ForSequenceClassification": {"the classification head of a fine-tuned checkpoint"},
}
HEADS_OF_ENCODERS = {
    **{f"{family}{head}": ignored for family in FAMILIES for head, ignored in HEADS.items()},
    "Wav2Vec2ForPreTraining": {"used in pre-training alone"},
}
HEADS_OF_DECODERS = {
    "BertModel": {"a decoder has no pooler"},
    "BertLMHeadModel": set(),
    "BertForMaskedLM": set(),
    "BertForPreTraining": {"a decoder has no pooler", "the next-sentence head of pre-training"},
}
INJECTED = "injected: BERT was pretrained without cross-attention"
NO_HEAD = "the checkpoint holds no language model head"


def encoder_folder(place: Path, kind: str = "Wav2Vec2Model", **options: Any) -> Any:
    """Write an encoder's checkpoint of transformers."""
    model = getattr(transformers, kind)
    more = PRETRAINING if kind.startswith("Wav2Vec2") else {}
    return written(place, model(model.config_class(**{**ENCODER, **more, "vocab_size": 9, **options})))


def decoder_folder(place: Path, kind: str = "BertLMHeadModel", **options: Any) -> Any:
    """Write a BERT's checkpoint of transformers, an encoder as it is published."""
    config = transformers.BertConfig(**{**DECODER, **options})
    return written(place, getattr(transformers, kind)(config))


def written(place: Path, model: Any) -> Any:
    model = randomised(model, 5)
    model.save_pretrained(place)
    return model


def pair_of(tmp_path: Path, **options: Any) -> SpeechEncoderDecoderModel:
    defaults = {"dtype": torch.float64, "decoder_start_token_id": 1, "pad_token_id": 0, "eos_token_id": 2}
    return SpeechEncoderDecoderModel.from_encoder_decoder_pretrained(
        tmp_path / "encoder", tmp_path / "decoder", **{**defaults, **options}
    )


def check_encoder(pair: SpeechEncoderDecoderModel, place: Path) -> None:
    """Ours of a folder is what transformers makes of it."""
    expected = transformers.AutoModel.from_pretrained(place)
    x = normal(1, 2, 90)
    same(pair.encoder(x).last_hidden_state, expected(x).last_hidden_state, "frames")


def check_decoder(pair: SpeechEncoderDecoderModel, place: Path) -> None:
    """Without a memory it is still the language model that transformers makes of the folder."""
    expected = transformers.BertLMHeadModel.from_pretrained(place, is_decoder=True)
    ids = torch.tensor([[1, 4, 2, 9], [3, 3, 0, 16]])
    same(pair.decoder(ids).logits, expected(ids).logits, "logits")


@pytest.mark.parametrize("decoder", HEADS_OF_DECODERS)
@pytest.mark.parametrize("encoder", HEADS_OF_ENCODERS)
def test_checkpoints_of_parts_under_any_head_make_a_pair(tmp_path: Path, encoder: str, decoder: str) -> None:
    encoder_folder(tmp_path / "encoder", encoder)
    decoder_folder(tmp_path / "decoder", decoder)
    pair = pair_of(tmp_path)
    report = pair.load_report
    assert report is not None
    assert not report.missing and not report.unexpected and not report.unknown_config_keys
    assert set(report.ignored.values()) == HEADS_OF_ENCODERS[encoder] | HEADS_OF_DECODERS[decoder]
    assert set(report.made.values()) == {INJECTED, *([NO_HEAD] if decoder == "BertModel" else [])}
    injected = {name for name, reason in report.made.items() if reason == INJECTED}
    assert injected == {name for name in pair.state_dict() if ".cross_attention" in name}
    projection = {"connector.projection.weight", "connector.projection.bias"}
    assert {*report.loaded, *report.made} | projection == {*pair.state_dict()}
    check_encoder(pair, tmp_path / "encoder")
    if decoder != "BertModel":
        check_decoder(pair, tmp_path / "decoder")


def test_what_is_newly_made_begins_as_the_yardsticks_does(tmp_path: Path) -> None:
    """Normal with the config's deviation, biases zero, norms the identity; drawn anew by each seed."""
    encoder_folder(tmp_path / "encoder")
    decoder_folder(tmp_path / "decoder", "BertModel", hidden_size=48, initializer_range=0.3)
    weights = []
    for seed in (0, 1):
        torch.manual_seed(seed)
        pair = pair_of(tmp_path)
        cross = pair.decoder.stack.layers[0].cross_attention
        weights.append(torch.cat([cross.query.weight.flatten(), pair.enc_to_dec_proj.weight.flatten()]))
        assert not cross.query.bias.any() and not pair.decoder.head.output.bias.any()
        norm = pair.decoder.stack.layers[1].cross_attention_norm
        assert (norm.weight == 1).all() and not norm.bias.any()
    for weight in weights:
        assert weight.dtype == torch.float64
        assert abs(float(weight.detach().std()) - 0.3) < 0.03
    assert not torch.equal(*weights)


def test_a_pair_of_parts_goes_to_transformers_and_back(tmp_path: Path) -> None:
    encoder_folder(tmp_path / "encoder", "Wav2Vec2ForCTC")
    decoder_folder(tmp_path / "decoder", "BertForMaskedLM", tie_word_embeddings=False)
    pair = pair_of(tmp_path)
    pair.save_pretrained(tmp_path / "pair")
    reference, info = transformers.SpeechEncoderDecoderModel.from_pretrained(
        tmp_path / "pair", output_loading_info=True
    )
    assert not info["missing_keys"] and not info["unexpected_keys"] and not info["mismatched_keys"]
    x = normal(2, 3, 80)
    labels = torch.tensor([[4, 5, 2], [6, 2, -100], [7, 8, 9]])
    same(pair(x, labels=labels).loss, reference(x, labels=labels).loss, "loss")
    assert pair.generate(x, max_new_tokens=6).tolist() == reference.generate(x, max_new_tokens=6).tolist()


def test_options_reach_the_configs_of_pair_and_parts(tmp_path: Path) -> None:
    encoder_folder(tmp_path / "encoder")
    decoder_folder(tmp_path / "decoder")
    options = {"encoder_layerdrop": 0.0, "decoder_hidden_dropout_prob": 0.3, "encoder_mask_time_prob": 0.0}
    pair = pair_of(tmp_path, **options)
    reference = transformers.SpeechEncoderDecoderModel.from_encoder_decoder_pretrained(
        str(tmp_path / "encoder"), str(tmp_path / "decoder"), **options
    )
    for part in ("encoder", "decoder"):
        ours, theirs = getattr(pair.config, part).to_dict(), getattr(reference.config, part).to_dict()
        for key in (*ENCODER, *DECODER, *(name.removeprefix(f"{part}_") for name in options)):
            assert ours.get(key) == theirs.get(key), key


def rewritten(place: Path, *spellings: tuple[str, str]) -> None:
    """Rename the tensors of a folder, as regular expressions say."""
    tensors = load_file(place / "model.safetensors")
    renamed = {}
    for name, tensor in tensors.items():
        older = name
        for pattern, old in spellings:
            older = re.sub(pattern, old, older)
        renamed[older] = tensor
    assert renamed.keys() != tensors.keys()
    save_file(renamed, place / "model.safetensors", metadata={"format": "pt"})


@pytest.mark.parametrize("family", FAMILIES)
def test_old_spellings_load(tmp_path: Path, family: str) -> None:
    """Weight norm's g and v, layer norm's gamma and beta."""
    encoder = encoder_folder(tmp_path / "encoder", f"{family}ForCTC")
    decoder = decoder_folder(tmp_path / "decoder", "BertForPreTraining")
    rewritten(
        tmp_path / "encoder",
        (r"parametrizations\.weight\.original0", "weight_g"),
        (r"parametrizations\.weight\.original1", "weight_v"),
    )
    rewritten(tmp_path / "decoder", (r"LayerNorm\.weight", "LayerNorm.gamma"), (r"LayerNorm\.bias", "LayerNorm.beta"))
    pair = pair_of(tmp_path)
    disk = pair.weight_map().to_disk(pair.state_dict())
    same_bits(disk, {f"encoder.{name}": value for name, value in encoder.base_model.state_dict().items()})
    same_bits(
        disk,
        {f"decoder.bert.{name}": value for name, value in decoder.bert.state_dict().items() if "pooler" not in name},
    )
    check_encoder(pair, tmp_path / "encoder")


def test_batch_norm_and_adapters_of_layers_load(tmp_path: Path) -> None:
    """A Hubert with running statistics in its checkpoint, and one without adapters that gets them."""
    options = {"conv_pos_batch_norm": True, "do_stable_layer_norm": True}
    reference = encoder_folder(tmp_path / "encoder", "HubertForCTC", adapter_attn_dim=3, **options)
    decoder_folder(tmp_path / "decoder")
    pair = pair_of(tmp_path)
    check_encoder(pair, tmp_path / "encoder")
    disk = pair.weight_map().to_disk(pair.state_dict())
    same_bits(disk, {f"encoder.{name}": value for name, value in reference.base_model.state_dict().items()})
    encoder_folder(tmp_path / "encoder", "HubertForCTC", **options)
    made = pair_of(tmp_path, encoder_adapter_attn_dim=3).load_report.made
    assert {name for name in made if ".adapter." in name} == {name for name in pair.state_dict() if ".adapter." in name}


def test_a_pair_in_old_spellings_loads(tmp_path: Path) -> None:
    config = transformers.SpeechEncoderDecoderConfig.from_encoder_decoder_configs(
        transformers.Wav2Vec2Config(**ENCODER), transformers.BertConfig(**DECODER)
    )
    reference = written(tmp_path, transformers.SpeechEncoderDecoderModel(config))
    new = tensors_in(tmp_path)
    rewritten(
        tmp_path,
        (r"parametrizations\.weight\.original0", "weight_g"),
        (r"parametrizations\.weight\.original1", "weight_v"),
        (r"LayerNorm\.weight", "LayerNorm.gamma"),
        (r"LayerNorm\.bias", "LayerNorm.beta"),
    )
    pair = SpeechEncoderDecoderModel.from_pretrained(tmp_path)
    same_bits(pair.weight_map().to_disk(pair.state_dict()), new)
    x = normal(3, 2, 70)
    ids = torch.tensor([[1, 2], [3, 4]])
    same(pair(x, decoder_input_ids=ids).logits, reference(x, decoder_input_ids=ids).logits, "logits")


def test_an_untied_bias_under_its_older_name_is_read(tmp_path: Path) -> None:
    """Files of the years in which the two names meant one tensor hold one of them."""
    encoder_folder(tmp_path / "encoder")
    decoder = decoder_folder(tmp_path / "decoder", "BertForMaskedLM", tie_word_embeddings=False)
    tensors = load_file(tmp_path / "decoder" / "model.safetensors")
    tensors["cls.predictions.bias"] = tensors.pop("cls.predictions.decoder.bias")
    save_file(tensors, tmp_path / "decoder" / "model.safetensors")
    pair = pair_of(tmp_path)
    assert torch.equal(pair.decoder.head.output.bias, decoder.cls.predictions.decoder.bias)


@pytest.mark.parametrize("family", FAMILIES)
def test_tensors_without_the_models_prefix_load(tmp_path: Path, family: str) -> None:
    """Headed checkpoints carry it, bare ones do not; neither side minds."""
    encoder = encoder_folder(tmp_path / "encoder", f"{family}ForCTC")
    decoder_folder(tmp_path / "decoder", "BertForMaskedLM")
    rewritten(tmp_path / "encoder", (rf"^{encoder.base_model_prefix}\.", ""))
    rewritten(tmp_path / "decoder", (r"^bert\.", ""))
    pair = pair_of(tmp_path)
    assert set(pair.load_report.made.values()) == {INJECTED}
    check_encoder(pair, tmp_path / "encoder")


def test_a_lacking_tensor_is_named_as_it_is_on_disk(tmp_path: Path) -> None:
    encoder_folder(tmp_path / "encoder")
    decoder_folder(tmp_path / "decoder")
    tensors = load_file(tmp_path / "decoder" / "model.safetensors")
    del tensors["bert.encoder.layer.1.output.dense.weight"]
    save_file(tensors, tmp_path / "decoder" / "model.safetensors")
    with pytest.raises(CheckpointError, match=r"missing \(1\): bert\.encoder\.layer\.1\.output\.dense\.weight"):
        pair_of(tmp_path)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_folders_keep_their_bits(tmp_path: Path, dtype: torch.dtype) -> None:
    encoder_folder(tmp_path / "encoder").to(dtype).save_pretrained(tmp_path / "encoder")
    decoder_folder(tmp_path / "decoder").to(dtype).save_pretrained(tmp_path / "decoder")
    pair = pair_of(tmp_path, dtype=dtype)
    same_bits(
        pair.weight_map().to_disk(pair.state_dict()),
        {f"encoder.{name}": value for name, value in tensors_in(tmp_path / "encoder").items()},
    )
    wide = pair_of(tmp_path, dtype=None)
    assert {parameter.dtype for parameter in wide.parameters()} == {torch.get_default_dtype()}
    same(wide.encoder.context.norm.weight, pair.encoder.context.norm.weight.float(), "widened")
