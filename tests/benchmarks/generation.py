"""Greedy decoding of a base-size pair, fp32, from 10 s of audio."""

from __future__ import annotations

import tempfile

import torch
import transformers
from encoders import RATE
from machine import Machine, compare, heading

import speechgraft as sg
from speechgraft.contracts import EncoderOutput

FRAMES = 499


def build() -> tuple[sg.SpeechEncoderDecoderModel, transformers.SpeechEncoderDecoderModel]:
    """A pair with random weights, and the same one loaded from the yardstick's own format."""
    torch.manual_seed(0)
    config = transformers.SpeechEncoderDecoderConfig.from_encoder_decoder_configs(
        transformers.Wav2Vec2Config(mask_time_prob=0.0),
        transformers.BertConfig(),
        decoder_start_token_id=101,
        pad_token_id=0,
    )
    theirs = transformers.SpeechEncoderDecoderModel(config=config).eval()
    with tempfile.TemporaryDirectory() as folder:
        theirs.save_pretrained(folder)
        return sg.SpeechEncoderDecoderModel.from_pretrained(folder), theirs


@torch.inference_mode()
def times(machine: Machine, rounds: int, tokens: int) -> None:
    """A row for each batch size."""
    ours, theirs = build()
    print(f"\nsame weights; largest difference of a pair's logits {difference(ours, theirs):.1e}", end="")
    heading(f"greedy, wav2vec2 and BERT, {tokens} tokens")
    weights = sum(parameter.nbytes for parameter in ours.decoder.parameters())
    limit = {"max_new_tokens": tokens}
    for rows in (1, 8):
        encoded = torch.randn(rows, FRAMES, 768)
        outputs = EncoderOutput(last_hidden_state=encoded)
        reference = transformers.modeling_outputs.BaseModelOutput(last_hidden_state=encoded)
        compare(
            f"batch {rows}",
            lambda outputs=outputs: ours.generate(encoder_outputs=outputs, **limit),
            lambda reference=reference: theirs.generate(encoder_outputs=reference, **limit, do_sample=False),
            tokens * weights / machine.bandwidth,
            rounds,
        )


def difference(ours: sg.SpeechEncoderDecoderModel, theirs: transformers.SpeechEncoderDecoderModel) -> float:
    """Of the logits of the two on one second of noise."""
    x, ids = torch.randn(1, RATE), torch.tensor([[101, 5, 6, 7]])
    mine = ours(input_values=x, decoder_input_ids=ids).logits
    return float((mine - theirs(input_values=x, decoder_input_ids=ids).logits).abs().max())
