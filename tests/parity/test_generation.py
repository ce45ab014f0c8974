"""Greedy search gives the yardstick's tokens."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from draws import Pair, audio, pairs, token_rows
from families import FAMILIES
from hypothesis import event, given
from hypothesis import strategies as st
from torch import Tensor
from yardstick import examples, graft, reference_pair, same

from speechgraft.generation import GenerationConfig


def drawn_pair(
    data: st.DataObject, rows: tuple[int, int] = (1, 4), **names: str
) -> tuple[Any, Any, dict[str, Tensor], Pair]:
    """The yardstick, ours and a batch, with tokens that begin and fill rows and none that ends them."""
    drawn = data.draw(pairs(**names))
    batch = data.draw(audio(drawn.encoder, rows=rows))
    reference = reference_pair(drawn)
    return reference, graft(reference, batch.padding), batch.inputs, drawn


def drawn_ends(data: st.DataObject, rows: Tensor) -> int | list[int]:
    """Tokens that end rows: one or two of those that were generated, if possible in some rows sooner than in others."""
    seen = rows[:, 1:].unique().tolist()
    telling = [token for token in seen if len(set(lengths_of_rows(rows, [token]))) > 1]
    ends = data.draw(st.lists(st.sampled_from(telling or seen), min_size=1, max_size=2, unique=True))
    return ends[0] if len(ends) == 1 and data.draw(st.booleans()) else ends


def lengths_of_rows(rows: Tensor, ends: list[int]) -> list[int]:
    """Tokens of each row up to its end."""
    ended = torch.isin(rows[:, 1:], torch.tensor(ends))
    return [int(row.nonzero()[0]) + 1 if row.any() else row.numel() for row in ended]


def equal(found: Tensor, expected: Tensor) -> None:
    assert found.dtype == expected.dtype
    assert found.tolist() == expected.tolist()


def check_tokens(data: st.DataObject, **names: str) -> None:
    reference, ours, inputs, _ = drawn_pair(data, data.draw(st.sampled_from([(1, 1), (3, 6), (3, 6)])), **names)
    longest = data.draw(st.sampled_from([1, 2, 12]))
    free = reference.generate(**inputs, max_new_tokens=longest)
    equal(ours.generate(**inputs, max_new_tokens=longest), free)
    ends = drawn_ends(data, free)
    options = {"eos_token_id": ends, "use_cache": data.draw(st.booleans())}
    limit = data.draw(st.sampled_from([{"max_new_tokens": longest}, {"max_length": longest + 1}]))
    expected = reference.generate(**inputs, **limit, **options)
    event(f"rows of {len(set(lengths_of_rows(expected, [ends] if isinstance(ends, int) else ends)))} lengths")
    equal(ours.generate(**inputs, **limit, **options), expected)


@examples(70)
@given(data=st.data())
def test_greedy_tokens_are_the_yardsticks(data: st.DataObject) -> None:
    check_tokens(data)


@pytest.mark.long
@examples(600)
@given(data=st.data())
def test_greedy_tokens_are_the_yardsticks_in_many_draws(data: st.DataObject) -> None:
    check_tokens(data)


@pytest.mark.parametrize("encoder", ["wav2vec2", "sew-d"])
@examples(12)
@given(data=st.data())
def test_greedy_tokens_of_gpt2_are_the_yardsticks(encoder: str, data: st.DataObject) -> None:
    check_tokens(data, encoder_name=encoder, decoder_name="gpt2")


@pytest.mark.long
@pytest.mark.parametrize("encoder", FAMILIES)
@examples(150)
@given(data=st.data())
def test_greedy_tokens_of_gpt2_are_the_yardsticks_in_many_draws(encoder: str, data: st.DataObject) -> None:
    check_tokens(data, encoder_name=encoder, decoder_name="gpt2")


@examples(20)
@given(data=st.data())
def test_rows_may_begin_with_given_tokens(data: st.DataObject) -> None:
    """The yardstick puts the start token before a beginning without it, so all begin with it here."""
    reference, ours, inputs, drawn = drawn_pair(data)
    width = data.draw(st.integers(1, 4))
    beginning = data.draw(token_rows(drawn.decoder["vocab_size"], len(inputs["input_values"]), width))
    beginning[:, 0] = drawn.options["decoder_start_token_id"]
    options = {"decoder_input_ids": beginning, "max_new_tokens": data.draw(st.integers(1, 6))}
    equal(ours.generate(**inputs, **options), reference.generate(**inputs, **options))


@examples(20)
@given(data=st.data())
def test_generation_config_goes_before_the_pairs(data: st.DataObject) -> None:
    """Special tokens and limits in the model's generation config, in one that is passed, and in the pair's config."""
    reference, ours, inputs, drawn = drawn_pair(data)
    tokens = st.integers(0, drawn.decoder["vocab_size"] - 1)
    stated = data.draw(
        st.fixed_dictionaries(
            {}, optional={"decoder_start_token_id": tokens, "eos_token_id": tokens, "pad_token_id": tokens}
        )
    )
    limit = {"max_new_tokens": data.draw(st.integers(1, 6))}
    for name, value in {**stated, **limit}.items():
        setattr(reference.generation_config, name, value)
    expected = reference.generate(**inputs)
    equal(ours.generate(**inputs, generation_config=GenerationConfig(**stated, **limit)), expected)
    ours.generation_config = GenerationConfig(**stated, **limit)
    equal(ours.generate(**inputs), expected)
    for name, value in stated.items():
        setattr(ours.config, name, value)
    equal(ours.generate(**inputs, generation_config=GenerationConfig(**limit)), expected)


@examples(20)
@given(data=st.data())
def test_generation_goes_on_from_encoder_outputs(data: st.DataObject) -> None:
    reference, ours, inputs, _ = drawn_pair(data)
    expected = reference.generate(**inputs, max_new_tokens=5)
    encoded = ours.encode(inputs["input_values"], inputs.get("attention_mask"))
    equal(ours.generate(encoder_outputs=encoded, max_new_tokens=5), expected)


@examples(20)
@given(data=st.data())
def test_generated_tokens_are_the_most_probable_ones(data: st.DataObject) -> None:
    """Without the yardstick: the full pass over what was generated agrees with every choice."""
    _, ours, inputs, drawn = drawn_pair(data)
    tokens = ours.generate(**inputs, max_new_tokens=6)
    assert tokens[:, 0].unique().tolist() == [drawn.options["decoder_start_token_id"]]
    logits = ours(**inputs, decoder_input_ids=tokens[:, :-1]).logits
    chosen = logits.gather(-1, tokens[:, 1:, None]).squeeze(-1)
    same(chosen, logits.amax(dim=-1), "the highest logit")
