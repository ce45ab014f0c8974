"""Pairs with a decoder of base size, 768 wide with 12 layers, and the yardstick's with the same random weights."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any, Final

import torch
import transformers

import speechgraft as sg
from speechgraft.contracts import EncoderOutput
from speechgraft.nn.packing import prepared

FRAMES: Final = 499
"""Of the memory: what 10 s of audio give."""

SIZE: Final = 768
UNENDING: Final = {"bos_token_id": None, "eos_token_id": None}
"""No row ends before the limit, so that both sides take as many steps."""


def decoder_config(name: str) -> Any:
    """The yardstick's config of a decoder of base size, with its published vocabulary."""
    if name == "bert":
        return transformers.BertConfig(is_decoder=True, add_cross_attention=True)
    if name == "gpt2":
        return transformers.GPT2Config(add_cross_attention=True, **UNENDING)
    # The encoder half is not built, but the yardstick sizes its cache by it.
    sizes = {"d_model": SIZE, "encoder_layers": 12, "decoder_layers": 12}
    heads = {"decoder_attention_heads": 12, "decoder_ffn_dim": 3072}
    return transformers.BartConfig(**sizes, **heads, **UNENDING, forced_eos_token_id=None, is_decoder=True)


DECODERS: Final = ("bert", "gpt2", "bart")


def write(name: str, folder: Path | str) -> Any:
    """The yardstick's pair with random weights, and the same on disk. Its encoder is small: nothing here runs it."""
    torch.manual_seed(0)
    encoder = transformers.Wav2Vec2Config(
        hidden_size=SIZE, num_hidden_layers=1, num_attention_heads=12, conv_dim=(32,) * 7, mask_time_prob=0.0
    )
    config = transformers.SpeechEncoderDecoderConfig.from_encoder_decoder_configs(
        encoder, decoder_config(name), decoder_start_token_id=101, pad_token_id=0
    )
    theirs = transformers.SpeechEncoderDecoderModel(config=config).eval()
    theirs.save_pretrained(folder)
    return theirs


def build(name: str) -> tuple[Any, Any]:
    """Ours, loaded from the yardstick's own format, and theirs."""
    with tempfile.TemporaryDirectory() as folder:
        theirs = write(name, folder)
        return sg.SpeechEncoderDecoderModel.from_pretrained(folder), theirs


def memory(utterances: int) -> tuple[EncoderOutput, Any]:
    """What an encoder would have given, as each side takes it."""
    states = torch.randn(utterances, FRAMES, SIZE, generator=torch.Generator().manual_seed(utterances))
    theirs = transformers.modeling_outputs.BaseModelOutput(last_hidden_state=states)
    return EncoderOutput(last_hidden_state=states), theirs


def difference(ours: Any, theirs: Any) -> float:
    """The largest of the logits of the two on the same memory and tokens, ours with prepared weights."""
    mine, other = memory(1)
    ids = torch.tensor([[101, 5, 6, 7]])
    with prepared(ours):
        found = ours(encoder_outputs=mine, decoder_input_ids=ids).logits
    return float((found - theirs(encoder_outputs=other, decoder_input_ids=ids).logits).abs().max())
