"""A pair with the yardstick's weights gives the yardstick's numbers."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from draws import Pair, audio, decoder_inputs, frames_of, label_rows, normal, pairs, seeds, token_rows
from families import DECODERS, FAMILIES
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from yardstick import examples, graft, prefixed, reference_pair, same, same_gradients

from speechgraft.losses import label_lengths
from speechgraft.nn.masks import length_mask

STATES = (
    "logits",
    "decoder_hidden_states",
    "decoder_attentions",
    "cross_attentions",
    "encoder_last_hidden_state",
    "encoder_hidden_states",
    "encoder_attentions",
)


Names = tuple[str, str]

FURTHER_PAIRS = [(encoder, decoder) for decoder in DECODERS if decoder != "bert" for encoder in FAMILIES]
ALL_PAIRS = [(encoder, decoder) for decoder in DECODERS for encoder in FAMILIES]


def given_masks(data: st.DataObject, drawn: Pair, rows: int, samples: int) -> dict[str, Tensor]:
    """Frames for SpecAugment to mask, now and then; the yardstick needs a config that masks at all."""
    squeezed = "squeeze_factor" in drawn.encoder
    if squeezed or drawn.encoder["mask_time_prob"] == 0 or not data.draw(st.booleans()):
        return {}
    frames = frames_of(drawn.encoder, samples)
    return {"mask_time_indices": data.draw(token_rows(2, rows, frames)).bool()}


def drawn_pair(data: st.DataObject, names: Names = ("wav2vec2", "bert")) -> tuple[Any, Any, dict[str, Any], Pair]:
    """The yardstick, ours, a batch of audio, and what they were drawn from."""
    masked = data.draw(st.booleans())
    drawn = data.draw(pairs(masked=masked, encoder_name=names[0], decoder_name=names[1]))
    batch = data.draw(audio(drawn.encoder, masked=masked))
    reference = reference_pair(drawn)
    inputs = {**batch.inputs, **given_masks(data, drawn, *batch.values.shape)}
    return reference, graft(reference, batch.padding), inputs, drawn


def check_loss_and_gradients(data: st.DataObject, *names: Names) -> None:
    reference, ours, inputs, drawn = drawn_pair(data, *names)
    labels = data.draw(label_rows(drawn.decoder, len(inputs["input_values"])))
    expected = reference(**inputs, labels=labels)
    found = ours(**inputs, labels=labels)
    # Behind the labels of a row our decoder masks its padding, and the yardstick's does not.
    within = length_mask(label_lengths(labels), labels.shape[1])
    same(found.logits[within], expected.logits[within], "logits")
    same(found.loss, expected.loss, "loss")
    same(found[0], found.loss, "the loss comes first")
    expected.loss.backward()
    found.loss.backward()
    same_gradients(ours, ours.weight_map(), reference)


@examples(60)
@given(data=st.data())
def test_logits_loss_and_gradients_are_the_yardsticks(data: st.DataObject) -> None:
    check_loss_and_gradients(data)


@pytest.mark.long
@examples(600)
@given(data=st.data())
def test_logits_loss_and_gradients_are_the_yardsticks_in_many_draws(data: st.DataObject) -> None:
    check_loss_and_gradients(data)


def check_states(data: st.DataObject, *names: Names) -> None:
    reference, ours, inputs, drawn = drawn_pair(data, *names)
    rows = len(inputs["input_values"])
    tokens = prefixed(data.draw(decoder_inputs(drawn.decoder, rows, name=drawn.decoder_name)))
    asked = {"output_hidden_states": True, "output_attentions": True}
    expected = reference(**inputs, **tokens, **asked)
    found = ours(**inputs, **tokens, **asked)
    for name in STATES:
        same(found[name], expected[name], name)
    plain = ours(**inputs, **tokens)
    same(plain.logits, found.logits, "the fused attention and the explicit one agree")
    assert plain.encoder_attentions is None


@examples(60)
@given(data=st.data())
def test_states_and_attentions_of_all_layers_are_the_yardsticks(data: st.DataObject) -> None:
    check_states(data)


@pytest.mark.long
@examples(600)
@given(data=st.data())
def test_states_and_attentions_of_all_layers_are_the_yardsticks_in_many_draws(data: st.DataObject) -> None:
    check_states(data)


@pytest.mark.parametrize("names", FURTHER_PAIRS, ids="-".join)
@examples(7)
@given(data=st.data())
def test_every_pair_is_the_yardsticks(names: Names, data: st.DataObject) -> None:
    check_states(data, names)
    check_loss_and_gradients(data, names)


@pytest.mark.long
@pytest.mark.parametrize("names", ALL_PAIRS, ids="-".join)
@examples(100)
@given(data=st.data())
def test_every_pair_is_the_yardsticks_in_many_draws(names: Names, data: st.DataObject) -> None:
    check_states(data, names)
    check_loss_and_gradients(data, names)


@examples(25)
@given(data=st.data())
def test_gradients_reach_the_attentions_own_path(data: st.DataObject) -> None:
    reference, ours, inputs, drawn = drawn_pair(data)
    labels = data.draw(label_rows(drawn.decoder, len(inputs["input_values"])))
    for model in (reference, ours):
        model(**inputs, labels=labels, output_attentions=True).loss.backward()
    same_gradients(ours, ours.weight_map(), reference)


@examples(25)
@given(data=st.data())
def test_feed_forwards_in_chunks_are_the_yardsticks(data: st.DataObject) -> None:
    drawn = data.draw(pairs())
    chunk = data.draw(st.integers(1, 3))
    drawn.decoder["chunk_size_feed_forward"] = chunk
    batch = data.draw(audio(drawn.encoder))
    # The yardstick refuses texts that are no whole number of chunks.
    width = chunk * data.draw(st.integers(1, 3))
    tokens = prefixed(data.draw(decoder_inputs(drawn.decoder, len(batch.values), width=width)))
    reference = reference_pair(drawn)
    ours = graft(reference, batch.padding)
    same(ours(**batch.inputs, **tokens).logits, reference(**batch.inputs, **tokens).logits, "logits")


@examples(40)
@given(data=st.data())
def test_tokens_fed_in_parts_are_the_yardsticks(data: st.DataObject) -> None:
    """`use_cache` and `past_key_values`, some tokens at a time, memory read once."""
    reference, ours, inputs, drawn = drawn_pair(data)
    rows = len(inputs["input_values"])
    parts = data.draw(st.lists(st.integers(1, 3), min_size=1, max_size=4))
    ids = data.draw(token_rows(drawn.decoder["vocab_size"], rows, sum(parts)))
    encoded, past, found_past = None, None, None
    for part in ids.split(parts, dim=1):
        source = (
            inputs if encoded is None else {"encoder_outputs": encoded, "attention_mask": inputs.get("attention_mask")}
        )
        expected = reference(**source, decoder_input_ids=part, past_key_values=past, use_cache=True)
        ours_source = inputs if found_past is None else {}
        found = ours(**ours_source, decoder_input_ids=part, past_key_values=found_past, use_cache=True)
        same(found.logits, expected.logits, f"logits of {part.shape[1]} tokens")
        if encoded is None:
            encoded = reference.encoder(**inputs)
        past, found_past = expected.past_key_values, found.past_key_values
    assert found_past.length == past.get_seq_length() == ids.shape[1]
    whole = ours(**inputs, decoder_input_ids=ids, use_cache=False)
    assert whole.past_key_values is None
    same(whole.logits[:, -1], found.logits[:, -1], "cached and not")


@examples(40)
@given(data=st.data())
def test_encoder_outputs_may_be_passed_in(data: st.DataObject) -> None:
    """Ours, a tuple as the yardstick takes it, and the mask of the audio beside them."""
    reference, ours, inputs, drawn = drawn_pair(data)
    tokens = prefixed(data.draw(decoder_inputs(drawn.decoder, len(inputs["input_values"]))))
    mask = inputs.get("attention_mask")
    expected = reference(encoder_outputs=reference.encoder(**inputs), attention_mask=mask, **tokens).logits
    encoded = ours.encode(inputs["input_values"], mask, **{k: v for k, v in inputs.items() if k == "mask_time_indices"})
    same(ours(encoder_outputs=encoded, **tokens).logits, expected, "our own")
    plain = (encoded.last_hidden_state,)
    same(ours(encoder_outputs=plain, attention_mask=mask, **tokens).logits, expected, "a tuple")
    same(ours(encoder_outputs=encoded, attention_mask=mask, **tokens).logits, expected, "both masks")


@examples(25)
@given(data=st.data())
def test_embeddings_may_be_passed_in(data: st.DataObject) -> None:
    reference, ours, inputs, drawn = drawn_pair(data)
    tokens = data.draw(decoder_inputs(drawn.decoder, len(inputs["input_values"])))
    ids = tokens.pop("input_ids")
    embeds = normal(data.draw(seeds), *ids.shape, drawn.decoder["hidden_size"])
    options = {**inputs, **prefixed(tokens), "decoder_inputs_embeds": embeds}
    same(ours(**options).logits, reference(**options).logits, "logits")
    same(ours.decoder.embed(ids), reference.decoder.get_input_embeddings()(ids), "embeddings")


@examples(15)
@given(data=st.data())
def test_tuples_begin_like_the_yardsticks(data: st.DataObject) -> None:
    reference, ours, inputs, drawn = drawn_pair(data)
    labels = data.draw(token_rows(drawn.decoder["vocab_size"], len(inputs["input_values"]), 3))
    expected = reference(**inputs, labels=labels, return_dict=False)
    found = ours(**inputs, labels=labels, return_dict=False)
    assert isinstance(found, tuple)
    same(found[:2], expected[:2], "loss and logits")


@examples(20)
@given(data=st.data())
def test_training_without_chance_is_the_yardsticks(data: st.DataObject) -> None:
    """In training mode, where every probability is zero, and layers recomputed in the backward pass."""
    drawn = data.draw(pairs())
    off = {name: 0.0 for name in (*drawn.encoder, *drawn.decoder) if "drop" in name or name == "mask_time_prob"}
    drawn.encoder.update({name: value for name, value in off.items() if name in drawn.encoder})
    drawn.decoder.update({name: value for name, value in off.items() if name in drawn.decoder})
    batch = data.draw(audio(drawn.encoder))
    labels = data.draw(label_rows(drawn.decoder, len(batch.values)))
    reference = reference_pair(drawn).train()
    ours = graft(reference, batch.padding).train()
    if data.draw(st.booleans()):
        ours.gradient_checkpointing_enable()
    expected, found = (model(**batch.inputs, labels=labels) for model in (reference, ours))
    same(found.loss, expected.loss, "loss")
    expected.loss.backward()
    found.loss.backward()
    same_gradients(ours, ours.weight_map(), reference)


@examples(25)
@given(data=st.data())
def test_a_padded_row_is_the_yardsticks_row_alone(data: st.DataObject) -> None:
    """With exact padding, which the yardstick has only where nothing is padded."""
    drawn = data.draw(pairs())
    batch = data.draw(audio(drawn.encoder))
    rows = len(batch.values)
    ids = data.draw(token_rows(drawn.decoder["vocab_size"], rows, 4))
    reference = reference_pair(drawn)
    ours = graft(reference, "exact")
    found = ours(**batch.inputs, decoder_input_ids=ids).logits
    lengths = torch.full((rows,), batch.values.shape[1]) if batch.mask is None else batch.mask.sum(dim=1)
    for row, length in enumerate(lengths.tolist()):
        alone = reference(batch.values[row : row + 1, :length], decoder_input_ids=ids[row : row + 1])
        same(found[row : row + 1], alone.logits, f"row {row}")
