"""Folders of pairs of text, a BERT with every decoder, load on both sides with the same numbers and tokens."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import transformers
from draws import berts, seeds, token_rows
from families import DECODERS
from hypothesis import given
from hypothesis import strategies as st
from text import POOLER
from torch import Tensor
from yardstick import examples, randomised, same, same_bits, tensors_in

from speechgraft import EncoderDecoderModel

shard_sizes = st.sampled_from(["5GB", 3000])


def reference_pair(data: st.DataObject, decoder_name: str) -> tuple[Any, dict[str, Tensor]]:
    """The yardstick's pair, and inputs of it."""
    encoder, decoder = data.draw(berts()), data.draw(DECODERS[decoder_name].draw())
    config = transformers.EncoderDecoderConfig.from_encoder_decoder_configs(
        transformers.BertConfig(**encoder),
        DECODERS[decoder_name].config(**decoder),
        attn_implementation="eager",
        decoder_start_token_id=0,
        pad_token_id=1,
    )
    rows = data.draw(st.integers(1, 3))
    inputs = {
        "input_ids": data.draw(token_rows(encoder["vocab_size"], rows, 6)),
        "decoder_input_ids": data.draw(token_rows(decoder["vocab_size"], rows, 5)),
        "decoder_attention_mask": data.draw(token_rows(1, rows, 5)) + 1,
    }
    return randomised(transformers.EncoderDecoderModel(config), data.draw(seeds)), inputs


def check_both_ways(data: st.DataObject, decoder_name: str) -> None:
    reference, inputs = reference_pair(data, decoder_name)
    with TemporaryDirectory() as name:
        place = Path(name)
        reference.save_pretrained(place / "theirs", max_shard_size=data.draw(shard_sizes))
        ours = EncoderDecoderModel.from_pretrained(place / "theirs")
        ours.save_pretrained(place / "ours", max_shard_size=data.draw(shard_sizes))
        again, info = transformers.EncoderDecoderModel.from_pretrained(
            place / "ours", attn_implementation="eager", output_loading_info=True
        )
        theirs, written = tensors_in(place / "theirs"), tensors_in(place / "ours")
    report = ours.load_report
    assert report is not None
    assert not report.missing and not report.unexpected and not report.made and not report.unknown_config_keys
    assert POOLER <= set(report.ignored) <= {*POOLER, "decoder.cls.predictions.bias"}
    # The pooler is made anew over there; nothing in a pair uses it.
    assert set(info["missing_keys"]) == POOLER and not info["unexpected_keys"] and not info["mismatched_keys"]
    assert written.keys() <= theirs.keys() <= written.keys() | set(report.ignored)
    same_bits(written, theirs, sorted(written.keys() - set(report.ignored)))
    same_bits(again.state_dict(), written)
    expected = reference(**inputs).logits
    same(ours(**inputs).logits, expected, "logits")
    same(again(**inputs).logits, expected, "logits of theirs from ours")
    tokens = [model.generate(inputs["input_ids"], max_new_tokens=4).tolist() for model in (reference, ours, again)]
    assert tokens[0] == tokens[1] == tokens[2]


@pytest.mark.parametrize("decoder_name", DECODERS)
@examples(8)
@given(data=st.data())
def test_folders_of_every_pair_of_text_load_on_both_sides(decoder_name: str, data: st.DataObject) -> None:
    check_both_ways(data, decoder_name)


@pytest.mark.long
@pytest.mark.parametrize("decoder_name", DECODERS)
@examples(200)
@given(data=st.data())
def test_folders_of_every_pair_of_text_load_on_both_sides_in_many_draws(decoder_name: str, data: st.DataObject) -> None:
    check_both_ways(data, decoder_name)
