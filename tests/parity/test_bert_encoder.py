"""BERT as an encoder gives the numbers of the yardstick's `BertModel`."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from draws import normal, seeds
from hypothesis import given
from hypothesis import strategies as st
from text import embedded, encoders, graft_encoder, reference_encoder, texts
from yardstick import examples, same, same_gradients, weights_of

NAMES = ("last_hidden_state", "hidden_states", "attentions")


def ours_of(inputs: dict[str, Any]) -> dict[str, Any]:
    """Inputs as our encoder takes them."""
    return {"inputs": None, **{"inputs" if name == "input_ids" else name: value for name, value in inputs.items()}}


def check_encoder(data: st.DataObject) -> None:
    """Hidden states of all layers, attentions and gradients, of ids or embeddings, with any mask."""
    options = data.draw(encoders())
    inputs = data.draw(texts(options))
    if data.draw(st.booleans()):
        inputs = embedded(inputs, options, data.draw(seeds))
    reference = reference_encoder(options, data.draw(seeds))
    ours = graft_encoder(reference)
    asked = {"output_hidden_states": True, "output_attentions": True}
    expected, found = reference(**inputs, **asked), ours(**ours_of(inputs), **asked)
    # Without a layer the yardstick keeps nothing, not even the embeddings that are all there is.
    for name in NAMES if options["num_hidden_layers"] else NAMES[:1]:
        same(found[name], expected[name], name)
    same(ours(**ours_of(inputs)).last_hidden_state, expected.last_hidden_state, "the fused attention")
    weight = normal(0, *expected.last_hidden_state.shape)
    for output in (expected, found):
        (output.last_hidden_state * weight).mean().backward()
    same_gradients(ours, weights_of(ours), reference)


@examples(100)
@given(data=st.data())
def test_encoder_is_the_yardsticks(data: st.DataObject) -> None:
    check_encoder(data)


@pytest.mark.long
@examples(1000)
@given(data=st.data())
def test_encoder_is_the_yardsticks_in_many_draws(data: st.DataObject) -> None:
    check_encoder(data)


@examples(25)
@given(data=st.data())
def test_feed_forwards_in_chunks_are_the_yardsticks(data: st.DataObject) -> None:
    options = data.draw(encoders())
    chunk = data.draw(st.integers(1, 3))
    # The yardstick refuses texts that are no whole number of chunks.
    ids = torch.tensor([data.draw(st.lists(st.integers(0, 5), min_size=3 * chunk, max_size=3 * chunk))])
    reference = reference_encoder({**options, "chunk_size_feed_forward": chunk}, data.draw(seeds))
    ours = graft_encoder(reference)
    assert ours.config.chunk_size_feed_forward == chunk
    same(ours(ids).last_hidden_state, reference(ids).last_hidden_state, "hidden states")


@examples(15)
@given(data=st.data())
def test_training_without_chance_is_the_yardsticks(data: st.DataObject) -> None:
    """In training mode, where every probability is zero, and layers recomputed in the backward pass."""
    options = {**data.draw(encoders()), "hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
    inputs = data.draw(texts(options))
    reference = reference_encoder(options, data.draw(seeds)).train()
    ours = graft_encoder(reference).train()
    ours.stack.gradient_checkpointing = data.draw(st.booleans())
    expected, found = reference(**inputs).last_hidden_state, ours(**ours_of(inputs)).last_hidden_state
    same(found, expected, "hidden states")
    for states in (expected, found):
        states.square().mean().backward()
    same_gradients(ours, weights_of(ours), reference)
