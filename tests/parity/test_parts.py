"""Each part alone gives the numbers of the yardstick's model of the same name."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from draws import audio, decoder_inputs, decoders, encoders, frames_of, minimum_length, normal, seeds, token_rows
from hypothesis import given
from hypothesis import strategies as st
from yardstick import (
    examples,
    graft_decoder,
    graft_encoder,
    reference_decoder,
    reference_encoder,
    same,
    same_gradients,
    weights_of,
)

WIDTHS = (3, 5, 8)


def check_encoder(data: st.DataObject) -> None:
    """Adapters of any width too, which the yardstick's pair cannot have."""
    masked = data.draw(st.booleans())
    options = data.draw(encoders(masked=masked, widths=WIDTHS))
    batch = data.draw(audio(options, masked=masked))
    reference = reference_encoder(options, data.draw(seeds))
    ours = graft_encoder(reference, batch.padding)
    given: dict[str, Any] = {"output_hidden_states": True, "output_attentions": True}
    if options["mask_time_prob"] and data.draw(st.booleans()):
        rows, samples = batch.values.shape
        given["mask_time_indices"] = data.draw(token_rows(2, rows, frames_of(options, samples))).bool()
    expected = reference(batch.values.clone(), batch.mask, **given)
    found = ours(batch.values, batch.mask, **given)
    for name in ("last_hidden_state", "extract_features", "hidden_states", "attentions"):
        same(found[name], expected[name], name)
    assert ours.output_size == expected.last_hidden_state.shape[-1]
    weight = normal(0, *expected.last_hidden_state.shape)
    for output in (expected, found):
        (output.last_hidden_state * weight).mean().backward()
    same_gradients(ours, weights_of(ours), reference)


@examples(60)
@given(data=st.data())
def test_encoder_is_the_yardsticks(data: st.DataObject) -> None:
    check_encoder(data)


@pytest.mark.long
@examples(600)
@given(data=st.data())
def test_encoder_is_the_yardsticks_in_many_draws(data: st.DataObject) -> None:
    check_encoder(data)


@examples(40)
@given(data=st.data())
def test_lengths_and_frame_masks_are_the_yardsticks(data: st.DataObject) -> None:
    """For every length from the shortest on."""
    options = data.draw(encoders())
    reference = reference_encoder(options, 0)
    ours = graft_encoder(reference)
    lengths = torch.arange(minimum_length(options), minimum_length(options) + 60)
    expected = reference._get_feat_extract_output_lengths(lengths)
    assert ours.output_lengths(lengths).tolist() == expected.tolist()
    batch = data.draw(audio(options))
    if batch.mask is not None:
        found = ours(batch.values, batch.mask)
        frames = reference._get_feature_vector_attention_mask(found.last_hidden_state.shape[1], batch.mask)
        assert found.frame_mask.tolist() == frames.tolist()


@examples(25)
@given(data=st.data())
def test_an_exactly_padded_row_is_the_yardsticks_row_alone(data: st.DataObject) -> None:
    options = data.draw(encoders(widths=WIDTHS))
    batch = data.draw(audio(options))
    reference = reference_encoder(options, data.draw(seeds))
    ours = graft_encoder(reference, "exact")
    found = ours(batch.values, batch.mask)
    lengths = [batch.values.shape[1]] * len(batch.values) if batch.mask is None else batch.mask.sum(dim=1).tolist()
    for row, length in enumerate(lengths):
        alone = reference(batch.values[row : row + 1, :length]).last_hidden_state[0]
        same(found.last_hidden_state[row, : len(alone)], alone, f"row {row}")


def check_decoder(data: st.DataObject) -> None:
    """With a memory and without one, as a language model."""
    options = data.draw(decoders())
    reference = reference_decoder(options, data.draw(seeds))
    ours = graft_decoder(reference)
    rows = data.draw(st.integers(1, 3))
    tokens = data.draw(decoder_inputs(options, rows))
    asked: dict[str, Any] = {"output_hidden_states": True, "output_attentions": True}
    theirs: dict[str, Any] = {}
    if data.draw(st.booleans()):
        frames = data.draw(st.integers(1, 9))
        asked["memory"] = normal(data.draw(seeds), rows, frames, options["hidden_size"])
        mask = data.draw(token_rows(2, rows, frames))
        mask[:, 0] = 1
        asked["memory_mask"] = mask
        theirs = {"encoder_hidden_states": asked["memory"], "encoder_attention_mask": mask}
    expected = reference(**tokens, **theirs, output_hidden_states=True, output_attentions=True)
    found = ours(**tokens, **asked)
    for name in ("logits", "hidden_states", "attentions", *(["cross_attentions"] if theirs else [])):
        same(found[name], expected[name], name)
    assert theirs or found.cross_attentions is None
    weight = normal(0, *expected.logits.shape)
    for output in (expected, found):
        (output.logits * weight).mean().backward()
    same_gradients(ours, weights_of(ours), reference)


@examples(60)
@given(data=st.data())
def test_decoder_is_the_yardsticks(data: st.DataObject) -> None:
    check_decoder(data)


@pytest.mark.long
@examples(600)
@given(data=st.data())
def test_decoder_is_the_yardsticks_in_many_draws(data: st.DataObject) -> None:
    check_decoder(data)


@examples(25)
@given(data=st.data())
def test_decoder_fed_in_parts_is_the_yardsticks(data: st.DataObject) -> None:
    options = data.draw(decoders())
    reference = reference_decoder(options, data.draw(seeds))
    ours = graft_decoder(reference)
    rows = data.draw(st.integers(1, 3))
    memory = normal(data.draw(seeds), rows, 5, options["hidden_size"])
    parts = data.draw(st.lists(st.integers(1, 3), min_size=1, max_size=4))
    ids = data.draw(token_rows(options["vocab_size"], rows, sum(parts)))
    past, cache = None, ours.new_cache()
    for index, part in enumerate(ids.split(parts, dim=1)):
        expected = reference(part, encoder_hidden_states=memory, past_key_values=past, use_cache=True)
        found = ours(part, memory=None if index else memory, cache=cache)
        same(found.logits, expected.logits, f"part {index}")
        last = ours(part, memory=memory, cache=None, last_only=True) if len(parts) == 1 else found
        same(last.logits[:, -1], expected.logits[:, -1], "the last token's logits")
        past = expected.past_key_values
