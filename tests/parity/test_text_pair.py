"""A pair of text with the yardstick's weights gives the yardstick's numbers and tokens, and folders go both ways."""

from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import torch
import transformers
from attrs import evolve
from draws import DECODER, Pair, decoder_inputs, label_rows, seeds, token_rows
from hypothesis import given
from hypothesis import strategies as st
from text import POOLER, embedded, graft, pairs, plain_labels, reference_pair, texts
from torch import Tensor
from yardstick import examples, prefixed, randomised, same, same_bits, same_gradients, tensors_in

from speechgraft import BertConfig, EncoderDecoderConfig, EncoderDecoderModel, GenerationConfig
from speechgraft.checkpoint import load_into
from speechgraft.losses import label_lengths
from speechgraft.nn.masks import length_mask
from speechgraft.plugins.bert.weights import encoder_weights
from speechgraft.registry import default_catalog

STATES = (
    "logits",
    "decoder_hidden_states",
    "decoder_attentions",
    "cross_attentions",
    "encoder_last_hidden_state",
    "encoder_hidden_states",
    "encoder_attentions",
)
FIXED = Pair(
    {**DECODER, "hidden_size": 8, "num_attention_heads": 2},
    DECODER,
    {"pad_token_id": 0, "decoder_start_token_id": 1},
    3,
)
"""A pair that is not drawn, where a test is about something else."""


def drawn_pair(data: st.DataObject, **limits: Any) -> tuple[Any, Any, dict[str, Tensor], Pair]:
    """The yardstick, ours, inputs of the encoder, and what they were drawn from."""
    drawn = data.draw(pairs())
    inputs = data.draw(texts(drawn.encoder, **limits))
    reference = reference_pair(drawn)
    return reference, graft(reference), inputs, drawn


def check_loss_and_gradients(data: st.DataObject) -> None:
    """With labels that both sides mask alike, or with any labels and the mask passed."""
    reference, ours, inputs, drawn = drawn_pair(data)
    rows = len(inputs["input_ids"])
    if data.draw(st.booleans()):
        inputs = embedded(inputs, drawn.encoder, data.draw(seeds))
    if data.draw(st.booleans()):
        given, labels = {}, data.draw(plain_labels(drawn, rows))
    else:
        labels = data.draw(label_rows(drawn.decoder, rows))
        given = {"decoder_attention_mask": length_mask(label_lengths(labels), labels.shape[1]).long()}
    expected, found = (model(**inputs, **given, labels=labels) for model in (reference, ours))
    # The token behind a row's last label counts for the yardstick and not for us; nothing of it is in the loss.
    within = length_mask(label_lengths(labels), labels.shape[1])
    same(found.logits[within], expected.logits[within], "logits")
    same(found.loss, expected.loss, "loss")
    for output in (expected, found):
        output.loss.backward()
    same_gradients(ours, ours.weight_map(), reference)


@examples(100)
@given(data=st.data())
def test_logits_loss_and_gradients_are_the_yardsticks(data: st.DataObject) -> None:
    check_loss_and_gradients(data)


@pytest.mark.long
@examples(1000)
@given(data=st.data())
def test_logits_loss_and_gradients_are_the_yardsticks_in_many_draws(data: st.DataObject) -> None:
    check_loss_and_gradients(data)


@examples(40)
@given(data=st.data())
def test_states_and_attentions_of_all_layers_are_the_yardsticks(data: st.DataObject) -> None:
    reference, ours, inputs, drawn = drawn_pair(data)
    tokens = prefixed(data.draw(decoder_inputs(drawn.decoder, len(inputs["input_ids"]))))
    asked = {"output_hidden_states": True, "output_attentions": True}
    expected, found = (model(**inputs, **tokens, **asked) for model in (reference, ours))
    kept = STATES if drawn.encoder["num_hidden_layers"] else STATES[:-2]
    for name in kept:
        same(found[name], expected[name], name)
    same(ours(**inputs, **tokens).logits, found.logits, "the fused attention and the explicit one agree")


@examples(25)
@given(data=st.data())
def test_encoder_outputs_may_be_passed_in(data: st.DataObject) -> None:
    """Ours, and a tuple as the yardstick takes it, whose mask is that of the tokens."""
    reference, ours, inputs, drawn = drawn_pair(data)
    tokens = prefixed(data.draw(decoder_inputs(drawn.decoder, len(inputs["input_ids"]))))
    mask = inputs.get("attention_mask")
    expected = reference(**inputs, **tokens).logits
    encoded = ours.encode(**{"inputs" if name == "input_ids" else name: value for name, value in inputs.items()})
    same(ours(encoder_outputs=encoded, **tokens).logits, expected, "our own")
    plain = (encoded.last_hidden_state,)
    same(ours(encoder_outputs=plain, attention_mask=mask, **tokens).logits, expected, "a tuple")
    same(reference(encoder_outputs=plain, attention_mask=mask, **tokens).logits, expected, "a tuple over there")


def check_tokens(data: st.DataObject) -> None:
    """Greedily, until tokens that end rows; without a mask every token counts, padding tokens too."""
    reference, ours, inputs, _ = drawn_pair(data, rows=(1, 4))
    longest = data.draw(st.sampled_from([1, 3, 12]))
    free = reference.generate(**inputs, max_new_tokens=longest)
    assert ours.generate(**inputs, max_new_tokens=longest).tolist() == free.tolist()
    ends = data.draw(st.lists(st.sampled_from(free[:, 1:].unique().tolist()), min_size=1, max_size=2, unique=True))
    options = {"eos_token_id": ends, "use_cache": data.draw(st.booleans()), "max_new_tokens": longest}
    assert ours.generate(**inputs, **options).tolist() == reference.generate(**inputs, **options).tolist()


@examples(60)
@given(data=st.data())
def test_greedy_tokens_are_the_yardsticks(data: st.DataObject) -> None:
    check_tokens(data)


@pytest.mark.long
@examples(600)
@given(data=st.data())
def test_greedy_tokens_are_the_yardsticks_in_many_draws(data: st.DataObject) -> None:
    check_tokens(data)


def outputs_of(data: st.DataObject, drawn: Pair) -> dict[str, Tensor]:
    """Inputs of both parts."""
    inputs = data.draw(texts(drawn.encoder, masked=True))
    rows = len(inputs["input_ids"])
    return {**inputs, "decoder_input_ids": data.draw(token_rows(drawn.decoder["vocab_size"], rows, 3))}


@examples(25)
@given(data=st.data())
def test_what_transformers_writes_loads_here(data: st.DataObject) -> None:
    drawn = data.draw(pairs())
    dtype = data.draw(st.sampled_from([torch.float64, torch.float32, torch.bfloat16]))
    reference = reference_pair(drawn).to(dtype)
    with TemporaryDirectory() as place:
        reference.save_pretrained(place, max_shard_size=data.draw(st.sampled_from(["5GB", 3000])))
        ours = EncoderDecoderModel.from_pretrained(place)
        on_disk = tensors_in(Path(place))
        written = json.loads((Path(place) / "config.json").read_text())
    report = ours.load_report
    assert not report.missing and not report.unexpected and not report.made and not report.unknown_config_keys
    assert POOLER <= set(report.ignored) <= {*POOLER, "decoder.cls.predictions.bias"}
    used = [name for name in on_disk if name not in report.ignored]
    same_bits(ours.weight_map().to_disk(ours.state_dict()), on_disk, used)
    inputs = outputs_of(data, drawn)
    same(ours.double()(**inputs).logits, reference.double()(**inputs).logits, "logits")
    assert EncoderDecoderConfig.from_dict(written) == ours.config


@examples(25)
@given(data=st.data())
def test_what_we_write_loads_in_transformers(data: st.DataObject) -> None:
    drawn = data.draw(pairs())
    ours = graft(reference_pair(drawn)).to(data.draw(st.sampled_from([torch.float64, torch.float32, torch.bfloat16])))
    ours.generation_config = GenerationConfig(max_length=data.draw(st.integers(2, 9)))
    with TemporaryDirectory() as place:
        ours.save_pretrained(place, max_shard_size=data.draw(st.sampled_from(["5GB", 3000])))
        reference, info = transformers.EncoderDecoderModel.from_pretrained(
            place, attn_implementation="eager", output_loading_info=True
        )
        on_disk = tensors_in(Path(place))
    # The pooler is made anew over there; nothing in a pair uses it.
    assert set(info["missing_keys"]) == POOLER
    assert not info["unexpected_keys"] and not info["mismatched_keys"] and not info["error_msgs"]
    same_bits(reference.state_dict(), on_disk)
    inputs = outputs_of(data, drawn)
    same(ours.double()(**inputs).logits, reference.double()(**inputs).logits, "logits")
    del inputs["decoder_input_ids"]
    assert ours.generate(**inputs).tolist() == reference.generate(**inputs).tolist()


@examples(10)
@given(data=st.data())
def test_transformers_reads_the_config_we_make_of_its_own(data: st.DataObject) -> None:
    drawn = data.draw(pairs())
    config = reference_pair(drawn).config
    ours = EncoderDecoderConfig.from_dict(config.to_dict())
    back = transformers.EncoderDecoderConfig.from_dict(json.loads(json.dumps(ours.to_dict())))
    for found, expected in ((back.encoder, config.encoder), (back.decoder, config.decoder)):
        housekeeping = {"dtype", "transformers_version"}
        values = {name: value for name, value in expected.to_dict().items() if name not in housekeeping}
        assert {name: found.to_dict()[name] for name in values} == values
    for name, value in drawn.options.items():
        assert getattr(back, name) == value


@pytest.mark.parametrize("start", [1, 0], ids=["start is no padding", "start is padding"])
def test_the_yardstick_masks_padding_tokens_among_labels(start: int) -> None:
    """And with them the start token, where that is the padding one; we mask what lies behind the last label."""
    labels = torch.tensor([[4, 0, 5, 6], [7, 2, -100, -100]])
    ids = torch.tensor([[5, 6, 7]]).repeat(2, 1)
    reference = reference_pair(evolve(FIXED, options={"pad_token_id": 0, "decoder_start_token_id": start}))
    ours = graft(reference)
    with torch.no_grad():
        expected, found = (model(ids, labels=labels).loss for model in (reference, ours))
        assert float((expected - found).abs()) > 1e-3
        theirs = (torch.tensor([[start, 4, 0, 5], [start, 7, 2, 0]]) != 0).long()
        if start:  # where the first token sees nothing, not even itself, the two differ once more
            same(ours(ids, labels=labels, decoder_attention_mask=theirs).loss, expected, "with the yardstick's mask")
        mask = torch.tensor([[1, 1, 1, 1], [1, 1, 0, 0]])
        same(found, reference(ids, labels=labels, decoder_attention_mask=mask).loss, "with our mask passed")


def test_the_yardstick_lets_an_encoder_read_one_way_where_its_config_is_a_decoders() -> None:
    options = {**FIXED.encoder, "is_decoder": True}
    config = transformers.EncoderDecoderConfig.from_encoder_decoder_configs(
        transformers.BertConfig(**options), transformers.BertConfig(**FIXED.decoder), **FIXED.options
    )
    causal = randomised(transformers.EncoderDecoderModel(config), 3).encoder
    ids = torch.tensor([[5, 6, 7]])
    last = causal(ids).last_hidden_state
    same(causal(ids[:, :2]).last_hidden_state, last[:, :2], "tokens before the last one")
    ours = EncoderDecoderConfig.from_encoder_decoder_configs(BertConfig(**options), BertConfig(**FIXED.decoder))
    encoder = default_catalog().encoder("bert").build(ours.encoder)
    load_into(encoder, causal.state_dict(), encoder_weights(ours.encoder), dtype="auto")
    assert float((encoder.eval()(ids).last_hidden_state[:, 0] - last[:, 0]).detach().abs().max()) > 1e-3
