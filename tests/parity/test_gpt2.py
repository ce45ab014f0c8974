"""GPT-2's checkpoints, whatever head they were saved with, and its attention in lower precision."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from draws import ENCODER, normal
from families import DECODERS
from yardstick import graft_decoder, randomised, reference_decoder, reference_encoder, same, same_bits

from speechgraft import SpeechEncoderDecoderModel

GPT2: dict[str, Any] = {
    "vocab_size": 17,
    "n_embd": 12,
    "n_head": 3,
    "n_layer": 2,
    "n_positions": 24,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
}
IDS = torch.tensor([[1, 4, 2, 9], [3, 3, 0, 16]])
INJECTED = "injected: GPT-2 was pretrained without cross-attention"
NO_HEAD = "the checkpoint holds no language model head"
CLASSIFIER = "the classification head of a fine-tuned checkpoint"
HEADS = {
    "GPT2Model": set(),
    "GPT2LMHeadModel": set(),
    "GPT2DoubleHeadsModel": {"the multiple choice head of a fine-tuned checkpoint"},
    "GPT2ForSequenceClassification": {CLASSIFIER},
    "GPT2ForTokenClassification": {CLASSIFIER},
    "GPT2ForQuestionAnswering": {"the question answering head of a fine-tuned checkpoint"},
}
"""Kinds of checkpoints, and why parts of them are left out."""


def pair_of(place: Path, kind: str, **options: Any) -> tuple[Any, SpeechEncoderDecoderModel]:
    """The yardstick's language model that a folder holds, and our pair with it as the decoder."""
    reference_encoder(ENCODER, 1).save_pretrained(place / "encoder")
    model = getattr(transformers, kind)
    decoder = randomised(model(transformers.GPT2Config(**GPT2, **options)), 5)
    decoder.save_pretrained(place / "decoder")
    tokens = {"decoder_start_token_id": 1, "pad_token_id": 0}
    pair = SpeechEncoderDecoderModel.from_encoder_decoder_pretrained(
        place / "encoder", place / "decoder", dtype=torch.float64, decoder_cross_attention_init="zero", **tokens
    )
    return decoder, pair


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("kind", HEADS)
def test_checkpoints_under_any_head_become_a_decoder(tmp_path: Path, kind: str, tied: bool) -> None:
    reference, pair = pair_of(tmp_path, kind, tie_word_embeddings=tied)
    report = pair.load_report
    assert report is not None
    assert not report.missing and not report.unexpected and not report.unknown_config_keys
    headless = not tied and kind not in {"GPT2LMHeadModel", "GPT2DoubleHeadsModel"}
    assert set(report.ignored.values()) == HEADS[kind]
    assert set(report.made.values()) == {INJECTED, *([NO_HEAD] if headless else [])}
    injected = {name for name, reason in report.made.items() if reason == INJECTED}
    assert injected == {name for name in pair.state_dict() if ".cross_attention" in name}
    body = {f"decoder.transformer.{name}": value for name, value in reference.base_model.state_dict().items()}
    same_bits(pair.weight_map().to_disk(pair.state_dict()), body)


def test_a_pair_that_begins_as_nothing_is_the_language_model_of_the_yardstick(tmp_path: Path) -> None:
    """Whatever it hears; and it goes to transformers and back, `cross_attention_init` with it."""
    reference, pair = pair_of(tmp_path, "GPT2LMHeadModel")
    expected = reference(IDS).logits
    for seed in (1, 2):
        same(pair(normal(seed, 2, 90), decoder_input_ids=IDS).logits, expected, "logits")
    pair.save_pretrained(tmp_path / "pair")
    theirs, info = transformers.SpeechEncoderDecoderModel.from_pretrained(tmp_path / "pair", output_loading_info=True)
    assert not info["missing_keys"] and not info["unexpected_keys"] and not info["mismatched_keys"]
    same(theirs(normal(1, 2, 90), decoder_input_ids=IDS).logits, expected, "logits over there")
    theirs.save_pretrained(tmp_path / "theirs")
    back = SpeechEncoderDecoderModel.from_pretrained(tmp_path / "theirs")
    same_bits(back.state_dict(), pair.state_dict())
    assert back.config.decoder.cross_attention_init == "zero"


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-5), (torch.bfloat16, 2e-2)])
def test_upcast_attention_is_the_yardsticks(dtype: torch.dtype, tolerance: float) -> None:
    options = {**GPT2, "reorder_and_upcast_attn": True, "scale_attn_by_inverse_layer_idx": True}
    reference = reference_decoder(options, 3, DECODERS["gpt2"]).to(dtype)
    ours = graft_decoder(reference)
    memory = normal(1, 2, 5, 12).to(dtype)
    expected = reference(IDS, encoder_hidden_states=memory, output_attentions=True)
    found = ours(IDS, memory=memory, output_attentions=True)
    for name in ("attentions", "cross_attentions"):
        for one, other in zip(found[name], expected[name], strict=True):
            assert one.dtype == other.dtype == dtype
            torch.testing.assert_close(one, other, atol=tolerance, rtol=0.0)
    torch.testing.assert_close(ours(IDS, memory=memory).logits, found.logits, atol=0.0, rtol=0.0)
