"""Each speech encoder alone gives the numbers of the yardstick's model of the same name."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from draws import audio, frames_of, minimum_length, normal, seeds, token_rows
from families import FAMILIES, Family
from hypothesis import given
from hypothesis import strategies as st
from yardstick import examples, graft_encoder, reference_encoder, same, same_gradients, weights_of

every_family = pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES)


def check_encoder(data: st.DataObject, family: Family) -> None:
    """Adapters of any width too, which the yardstick's pair cannot have."""
    masked = data.draw(st.booleans())
    options = data.draw(family.draw(masked=masked))
    batch = data.draw(audio(options, masked=masked))
    reference = reference_encoder(options, data.draw(seeds), family)
    ours = graft_encoder(reference, batch.padding)
    given: dict[str, Any] = {"output_hidden_states": True, "output_attentions": True}
    if options["mask_time_prob"] and data.draw(st.booleans()):
        rows, samples = batch.values.shape
        given["mask_time_indices"] = data.draw(token_rows(2, rows, frames_of(options, samples))).bool()
    expected = reference(batch.values.clone(), batch.mask, **given)
    found = ours(batch.values, batch.mask, **given)
    for name in expected:
        same(found[name], expected[name], name)
    assert ours.output_size == expected.last_hidden_state.shape[-1]
    weight = normal(0, *expected.last_hidden_state.shape)
    for output in (expected, found):
        (output.last_hidden_state * weight).mean().backward()
    same_gradients(ours, weights_of(ours), reference)


@every_family
@examples(100)
@given(data=st.data())
def test_encoder_is_the_yardsticks(family: Family, data: st.DataObject) -> None:
    check_encoder(data, family)


@pytest.mark.long
@every_family
@examples(600)
@given(data=st.data())
def test_encoder_is_the_yardsticks_in_many_draws(family: Family, data: st.DataObject) -> None:
    check_encoder(data, family)


@every_family
@examples(40)
@given(data=st.data())
def test_lengths_and_frame_masks_are_the_yardsticks(family: Family, data: st.DataObject) -> None:
    """For every length from the shortest on."""
    options = data.draw(family.draw())
    reference = reference_encoder(options, 0, family)
    ours = graft_encoder(reference)
    lengths = torch.arange(minimum_length(options), minimum_length(options) + 60)
    expected = reference._get_feat_extract_output_lengths(lengths)
    assert ours.output_lengths(lengths).tolist() == expected.tolist()
    batch = data.draw(audio(options))
    if batch.mask is not None:
        found = ours(batch.values, batch.mask)
        frames = reference._get_feature_vector_attention_mask(found.last_hidden_state.shape[1], batch.mask)
        assert found.frame_mask.tolist() == frames.tolist()


@every_family
@examples(25)
@given(data=st.data())
def test_an_exactly_padded_row_is_the_yardsticks_row_alone(family: Family, data: st.DataObject) -> None:
    options = data.draw(family.draw())
    batch = data.draw(audio(options))
    reference = reference_encoder(options, data.draw(seeds), family)
    ours = graft_encoder(reference, "exact")
    found = ours(batch.values, batch.mask)
    lengths = [batch.values.shape[1]] * len(batch.values) if batch.mask is None else batch.mask.sum(dim=1).tolist()
    for row, length in enumerate(lengths):
        alone = reference(batch.values[row : row + 1, :length]).last_hidden_state[0]
        same(found.last_hidden_state[row, : len(alone)], alone, f"row {row}")
