"""What BART alone has: files of both halves, embeddings under several names, and a forced end."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from draws import DECODER, ENCODER, Options, barts, normal, pairs, seeds, token_rows
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file
from test_folders import folder
from yardstick import examples, graft, randomised, reference_pair, same, same_bits

from speechgraft import EncoderDecoderModel, SpeechEncoderDecoderModel
from speechgraft.contracts import Decoder
from speechgraft.generation import GenerationConfig

SIZES: Options = {
    "vocab_size": 17,
    "d_model": 12,
    "decoder_layers": 2,
    "encoder_layers": 3,
    "decoder_attention_heads": 3,
    "encoder_attention_heads": 2,
    "decoder_ffn_dim": 10,
    "encoder_ffn_dim": 7,
    "max_position_embeddings": 24,
}
"""Of both halves, which differ."""


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("encoder")
    transformers.Wav2Vec2Model(transformers.Wav2Vec2Config(**ENCODER, mask_time_prob=0.1)).save_pretrained(place)
    return place


def saved(place: Path, kind: Any, **options: Any) -> Any:
    """A model of the yardstick, and its folder."""
    model = randomised(kind(transformers.BartConfig(**SIZES, **options, attn_implementation="eager")), 3)
    model.save_pretrained(place)
    return model


def decoder_logits(decoder: Decoder) -> torch.Tensor:
    ids, memory = torch.tensor([[2, 5, 9, 1], [2, 16, 0, 3]]), normal(1, 2, 5, SIZES["d_model"])
    return decoder(ids, memory=memory).logits


def full_logits(model: Any, output: Callable[[torch.Tensor], torch.Tensor]) -> torch.Tensor:
    """The same by the decoder half of a model of both halves."""
    ids, memory = torch.tensor([[2, 5, 9, 1], [2, 16, 0, 3]]), normal(1, 2, 5, SIZES["d_model"])
    half = model.get_decoder()
    return output(half(ids, encoder_hidden_states=memory, use_cache=False).last_hidden_state)


@pytest.mark.parametrize("tied", [True, False], ids=["tied", "untied"])
def test_from_both_halves_the_decoder_alone_is_read(encoder: Path, tmp_path: Path, tied: bool) -> None:
    reference = saved(tmp_path, transformers.BartForConditionalGeneration, tie_word_embeddings=tied)
    pair = SpeechEncoderDecoderModel.from_encoder_decoder_pretrained(encoder, tmp_path, dtype=torch.float64)
    same(decoder_logits(pair.decoder), full_logits(reference, reference.lm_head), "logits")
    report = pair.load_report
    assert report is not None
    assert not report.made, "the cross-attention is BART's own"
    left_out = {name.removeprefix("decoder.") for name in report.ignored if name.startswith("decoder.")}
    assert left_out >= {"final_logits_bias", "model.encoder.layers.2.fc1.weight"}
    assert not report.unexpected and not report.missing and not report.unknown_config_keys


def test_files_without_a_language_model_head_are_read(encoder: Path, tmp_path: Path) -> None:
    """`BartModel`: names without a prefix, embeddings that both halves share."""
    reference = saved(tmp_path, transformers.BartModel)
    pair = SpeechEncoderDecoderModel.from_encoder_decoder_pretrained(encoder, tmp_path, dtype=torch.float64)
    words = reference.shared.weight
    same(decoder_logits(pair.decoder), full_logits(reference, lambda hidden: hidden @ words.T), "logits")


def test_an_untied_head_that_a_file_lacks_is_newly_made(encoder: Path, tmp_path: Path) -> None:
    saved(tmp_path, transformers.BartModel, tie_word_embeddings=False)
    pair = SpeechEncoderDecoderModel.from_encoder_decoder_pretrained(encoder, tmp_path)
    report = pair.load_report
    assert report is not None and report.made["decoder.output.weight"] == "the checkpoint holds no language model head"
    assert pair.decoder.output.weight.std().item() == pytest.approx(0.02, rel=0.3)


@pytest.mark.parametrize("name", ["model.decoder.embed_tokens.weight", "model.shared.weight", "lm_head.weight"])
def test_shared_embeddings_are_read_under_whichever_name_a_file_has(encoder: Path, tmp_path: Path, name: str) -> None:
    reference = saved(tmp_path, transformers.BartForCausalLM)
    tensors = load_file(tmp_path / "model.safetensors")
    tensors[name] = tensors.pop("model.decoder.embed_tokens.weight")
    save_file(tensors, tmp_path / "model.safetensors")
    pair = SpeechEncoderDecoderModel.from_encoder_decoder_pretrained(encoder, tmp_path, dtype=torch.float64)
    same_bits({"": pair.decoder.embeddings.word.weight}, {"": reference.model.decoder.embed_tokens.weight})


def test_the_yardstick_loses_the_embeddings_that_both_halves_share(tmp_path: Path) -> None:
    """Its decoder alone begins them anew (`docs/differences.md`)."""
    reference = saved(tmp_path, transformers.BartForConditionalGeneration)
    alone, info = transformers.BartForCausalLM.from_pretrained(tmp_path, output_loading_info=True)
    assert "model.decoder.embed_tokens.weight" in info["missing_keys"]
    assert not torch.equal(alone.model.decoder.embed_tokens.weight, reference.model.shared.weight)


def test_the_yardsticks_cache_is_of_the_other_halfs_layers() -> None:
    """With fewer layers there than in the decoder it fails; ours has as many as the decoder (`docs/differences.md`)."""
    options = {**SIZES, "encoder_layers": 1, "eos_token_id": None, "forced_eos_token_id": None}
    config = transformers.SpeechEncoderDecoderConfig.from_encoder_decoder_configs(
        transformers.Wav2Vec2Config(**ENCODER), transformers.BartConfig(**options), pad_token_id=1
    )
    reference = randomised(transformers.SpeechEncoderDecoderModel(config), 5)
    values = normal(2, 2, 90)
    with pytest.raises(IndexError):
        reference.generate(values, max_new_tokens=5)
    ours = graft(reference)
    free = reference.generate(values, max_new_tokens=5, use_cache=False)
    assert ours.generate(values, max_new_tokens=5).tolist() == free.tolist()


@examples(30)
@given(data=st.data())
def test_a_pair_begins_with_the_generation_config_that_the_yardsticks_begins_with(data: st.DataObject) -> None:
    drawn = data.draw(pairs(decoder_name="bart"))
    drawn.decoder["eos_token_id"] = data.draw(st.none() | st.just(3))
    reference = reference_pair(drawn)
    ours = graft(reference)
    filled = ours.generation_config.filled_from(ours.config, ours.config.decoder)
    for name in ("forced_eos_token_id", "decoder_start_token_id", "eos_token_id", "pad_token_id"):
        assert getattr(filled, name) == getattr(reference.generation_config, name), name
    assert ours.generation_config.forced_eos_token_id == drawn.decoder["forced_eos_token_id"]
    inputs = {"input_values": normal(data.draw(seeds), 3, 100)}
    expected = reference.generate(**inputs, max_new_tokens=4)
    assert ours.generate(**inputs, max_new_tokens=4).tolist() == expected.tolist()


def test_old_keys_of_a_checkpoint_count_where_no_generation_config_lies_beside() -> None:
    options = {"decoder_start_token_id": 2, "pad_token_id": 1}
    drawn = {"num_beams": 4, "max_length": 30, "length_penalty": 2.0, "no_repeat_ngram_size": 3}
    config = transformers.SpeechEncoderDecoderConfig.from_encoder_decoder_configs(
        transformers.Wav2Vec2Config(**ENCODER), transformers.BartConfig(**SIZES), **options
    )
    with folder() as place:
        transformers.SpeechEncoderDecoderModel(config).save_pretrained(place)
        (place / "generation_config.json").unlink()
        written = json.loads((place / "config.json").read_text())
        written |= {"num_beams": 2}
        written["decoder"] |= {**drawn, "forced_bos_token_id": 5}
        (place / "config.json").write_text(json.dumps(written))
        theirs = transformers.SpeechEncoderDecoderModel.from_pretrained(place).generation_config
        ours = SpeechEncoderDecoderModel.from_pretrained(place).generation_config
    expected = {**drawn, "num_beams": 2, "forced_bos_token_id": 5, "forced_eos_token_id": 2}
    for name, value in expected.items():
        assert getattr(ours, name) == getattr(theirs, name) == value, name
    assert ours == GenerationConfig(**expected)


def text_pair(options: Options, seed: int) -> Any:
    """The yardstick's pair of a BERT and a BART."""
    config = transformers.EncoderDecoderConfig.from_encoder_decoder_configs(
        transformers.BertConfig(**DECODER),
        transformers.BartConfig(**options),
        attn_implementation="eager",
        decoder_start_token_id=0,
        pad_token_id=1,
    )
    return randomised(transformers.EncoderDecoderModel(config), seed)


@examples(20)
@given(data=st.data())
def test_pairs_of_text_are_the_yardsticks_and_go_both_ways(data: st.DataObject) -> None:
    options = data.draw(barts())
    reference = text_pair(options, data.draw(seeds))
    rows = data.draw(st.integers(1, 3))
    ids = data.draw(token_rows(DECODER["vocab_size"], rows, 6))
    tokens = data.draw(token_rows(options["vocab_size"], rows, 5))
    inputs = {"input_ids": ids, "decoder_input_ids": tokens, "decoder_attention_mask": torch.ones_like(tokens)}
    with folder() as place:
        reference.save_pretrained(place)
        ours = EncoderDecoderModel.from_pretrained(place)
        ours.save_pretrained(place.with_name("ours"))
        again, info = transformers.EncoderDecoderModel.from_pretrained(
            place.with_name("ours"), attn_implementation="eager", output_loading_info=True
        )
    assert set(info["missing_keys"]) == {"encoder.pooler.dense.weight", "encoder.pooler.dense.bias"}
    assert not info["unexpected_keys"]
    expected = reference(**inputs)
    same(ours(**inputs).logits, expected.logits, "logits")
    same(again(**inputs).logits, expected.logits, "logits of theirs from ours")
    free = reference.generate(ids, max_new_tokens=4)
    assert ours.generate(ids, max_new_tokens=4).tolist() == free.tolist()
