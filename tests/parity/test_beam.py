"""Beam search gives the yardstick's hypotheses: tokens, scores, and which beam each token was added to.

The yardstick weighs hypotheses in float32 whatever the model's precision. Here it is made to do so in double, like
the search that it is compared with: sums that float32 cannot tell apart are no matter of who is right.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch
import transformers.generation.utils
from draws import DECODER, ENCODER, Pair, audio, normal, pairs, token_rows
from hypothesis import event, given
from hypothesis import strategies as st
from torch import Tensor
from yardstick import examples, graft, reference_pair, same

from speechgraft.generation import GenerateOutput

Options = dict[str, Any]

ENCODERS = ("wav2vec2", "sew-d")
DECODERS = ("bert", "gpt2", "bart")

NOTHING = -1e8
"""Scores below are no hypotheses, but what the yardstick fills places with where a rule leaves fewer than there are
beams (one token is forced upon the first step, say)."""

ROOM = 20
"""Tokens of a vocabulary, at least: so many that 8 beams find a token each whatever the rules leave. Where there are
fewer, the yardstick goes on with beams that there are not (see below)."""


class _Double:
    """torch, but that what asks for float32 gets double."""

    float = float32 = torch.float64

    def __getattr__(self, name: str) -> Any:
        return getattr(torch, name)


@pytest.fixture(autouse=True, scope="module")
def double() -> Iterator[None]:
    """The yardstick's searches in double."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(transformers.generation.utils, "torch", _Double())
        yield


@st.composite
def searches(draw: st.DrawFn, vocab_size: int) -> Options:
    """How to search: numbers that both sides take under the same names."""
    beams = draw(st.integers(2, 8))
    return {
        "num_beams": beams,
        "num_return_sequences": draw(st.integers(1, beams)),
        "early_stopping": draw(st.sampled_from([False, True, "never"])),
        "length_penalty": draw(st.sampled_from([1.0, 0.0, 0.6, 2.0, -1.0])),
        "max_new_tokens": draw(st.sampled_from([1, 2, 6, 12, 12])),
        "use_cache": draw(st.booleans()),
        "pad_token_id": draw(st.integers(1, vocab_size - 1)),
    }


@st.composite
def rules(draw: st.DrawFn, vocab_size: int, longest: int, forced_by_config: int | None = 2) -> Options:
    """Rules that leave enough tokens to go on with; BART's config forces 2 where it is not told otherwise."""
    tokens = st.integers(0, vocab_size - 1)
    every = {
        "no_repeat_ngram_size": st.integers(2, 3),
        "repetition_penalty": st.sampled_from([0.7, 1.3, 2.0]),
        "min_new_tokens": st.integers(1, longest),
        "bad_words_ids": st.lists(st.lists(tokens, min_size=1, max_size=2), min_size=1, max_size=2),
        "suppress_tokens": st.lists(tokens, min_size=1, max_size=2),
        "forced_eos_token_id": tokens,
        "renormalize_logits": st.just(True),
    }
    names = draw(st.lists(st.sampled_from(sorted(every)), max_size=3, unique=True))
    found = {name: draw(every[name]) for name in names}
    forced = {found.get("forced_eos_token_id"), forced_by_config}  # both sides refuse to suppress it
    suppressed = [token for token in found.pop("suppress_tokens", ()) if token not in forced]
    return {**found, "suppress_tokens": suppressed} if suppressed else found


def drawn_ends(data: st.DataObject, rows: Tensor) -> int | list[int]:
    """Tokens that were generated, so that hypotheses end at all, at different times."""
    ends = data.draw(st.lists(st.sampled_from(rows[:, 1:].unique().tolist()), min_size=1, max_size=3, unique=True))
    return ends[0] if len(ends) == 1 and data.draw(st.booleans()) else ends


def check_hypotheses(data: st.DataObject, encoder: str, decoder: str) -> None:
    drawn = data.draw(pairs(encoder_name=encoder, decoder_name=decoder))
    batch = data.draw(audio(drawn.encoder, rows=data.draw(st.sampled_from([(1, 1), (2, 4)]))))
    drawn.decoder["vocab_size"] = max(drawn.decoder["vocab_size"], ROOM)
    reference = reference_pair(drawn)
    ours = graft(reference, batch.padding)
    size = drawn.decoder["vocab_size"]
    search = data.draw(searches(size))
    inputs: Options = batch.inputs
    if data.draw(st.booleans()):
        beginning = data.draw(token_rows(size, len(inputs["input_values"]), data.draw(st.integers(1, 3))))
        beginning[:, 0] = drawn.options["decoder_start_token_id"]
        inputs["decoder_input_ids"] = beginning
    free = ours.generate(**inputs, **{**search, "num_return_sequences": search["num_beams"]})
    ends = drawn_ends(data, free)
    wanted = data.draw(rules(size, search["max_new_tokens"], drawn.decoder.get("forced_eos_token_id", 2)))
    switches = {"return_dict_in_generate": True, "output_scores": True, "output_logits": True}
    options = {**inputs, **search, **wanted, **switches, "eos_token_id": ends}
    expected = reference.generate(**options)
    found = ours.generate(**options)
    lengths = (found.beam_indices >= 0).sum(dim=1)
    event(f"hypotheses of {min(len(lengths.unique()), 3)} lengths or more, {search['early_stopping']}")
    same_hypotheses(found, expected)


def same_hypotheses(found: GenerateOutput, expected: Any) -> None:
    known = expected.sequences_scores > NOTHING
    event("with places that no hypothesis fills" if not known.all() else "with a hypothesis in each place")
    assert found.beam_indices[known].tolist() == expected.beam_indices[known].tolist()
    assert found.sequences[known].tolist() == expected.sequences[known].tolist()
    same(found.sequences_scores[known], expected.sequences_scores[known], "scores of hypotheses")
    assert not found.sequences_scores[~known].isfinite().any()
    assert len(found.scores) == len(expected.scores), "steps"
    for step, (ours, theirs) in enumerate(zip(found.scores, expected.scores, strict=True)):
        live = (ours.isfinite().sum(dim=1) > 1).nonzero().flatten()  # those that had left are certain of the padding
        same(ours[live], theirs[live], f"scores of step {step}")


@pytest.mark.parametrize("decoder", DECODERS)
@pytest.mark.parametrize("encoder", ENCODERS)
@examples(12)
@given(data=st.data())
def test_hypotheses_are_the_yardsticks(data: st.DataObject, encoder: str, decoder: str) -> None:
    check_hypotheses(data, encoder, decoder)


@pytest.mark.long
@pytest.mark.parametrize("decoder", DECODERS)
@pytest.mark.parametrize("encoder", ENCODERS)
@examples(200)
@given(data=st.data())
def test_hypotheses_are_the_yardsticks_in_many_draws(data: st.DataObject, encoder: str, decoder: str) -> None:
    check_hypotheses(data, encoder, decoder)


def fixed_pair(vocab_size: int) -> tuple[Any, Any]:
    tokens = {"decoder_start_token_id": 1, "pad_token_id": 0}
    reference = reference_pair(Pair(ENCODER, {**DECODER, "vocab_size": vocab_size}, tokens, 3))
    return reference, graft(reference)


def test_the_yardstick_fills_rows_with_the_end_where_the_padding_is_token_0() -> None:
    reference, ours = fixed_pair(17)
    x = normal(0, 3, 90)
    end = int(ours.generate(x, num_beams=3, max_new_tokens=8)[0, 3])
    options = {"num_beams": 3, "num_return_sequences": 3, "max_new_tokens": 8, "eos_token_id": end, "pad_token_id": 0}
    found, expected = ours.generate(x, **options), reference.generate(x, **options)
    behind = (found == end).cumsum(dim=1) - (found == end).long() > 0
    assert behind.any()
    assert (found[behind] == 0).all()
    assert (expected[behind] == end).all()
    assert found[~behind].tolist() == expected[~behind].tolist()


def test_the_yardstick_returns_hypotheses_that_there_are_not() -> None:
    """One token may come first, so that there is one text of one token; asked for two, it gives a score of -1e9."""
    reference, ours = fixed_pair(17)
    options = {
        "num_beams": 2,
        "num_return_sequences": 2,
        "max_new_tokens": 1,
        "prefix_allowed_tokens_fn": lambda utterance, ids: [5],
        "return_dict_in_generate": True,
        "output_scores": True,
    }
    x = normal(0, 1, 90)
    found, expected = ours.generate(x, **options), reference.generate(x, **options)
    assert found.sequences[0].tolist() == expected.sequences[0].tolist() == [1, 5]
    assert found.sequences[1].tolist() == [1, 0]
    assert found.sequences_scores[1] == -float("inf")
    assert expected.sequences_scores[1] < NOTHING
