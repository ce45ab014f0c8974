"""Each decoder alone gives the numbers of the yardstick's model of the same name."""

from __future__ import annotations

from typing import Any

import pytest
from draws import decoder_inputs, normal, seeds, token_rows
from families import DECODERS, DecoderFamily
from hypothesis import given
from hypothesis import strategies as st
from yardstick import examples, graft_decoder, reference_decoder, same, same_gradients, weights_of

each_decoder = pytest.mark.parametrize("family", DECODERS.values(), ids=DECODERS)


def check_decoder(family: DecoderFamily, data: st.DataObject) -> None:
    """With a memory and without one, as a language model."""
    options = data.draw(family.draw())
    reference = reference_decoder(options, data.draw(seeds), family)
    ours = graft_decoder(reference)
    rows = data.draw(st.integers(1, 3))
    tokens = data.draw(decoder_inputs(options, rows, name=family.name))
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


@each_decoder
@examples(60)
@given(data=st.data())
def test_decoder_is_the_yardsticks(family: DecoderFamily, data: st.DataObject) -> None:
    check_decoder(family, data)


@pytest.mark.long
@each_decoder
@examples(600)
@given(data=st.data())
def test_decoder_is_the_yardsticks_in_many_draws(family: DecoderFamily, data: st.DataObject) -> None:
    check_decoder(family, data)


@each_decoder
@examples(25)
@given(data=st.data())
def test_decoder_fed_in_parts_is_the_yardsticks(family: DecoderFamily, data: st.DataObject) -> None:
    options = data.draw(family.draw())
    reference = reference_decoder(options, data.draw(seeds), family)
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
