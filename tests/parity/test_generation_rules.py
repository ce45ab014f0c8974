"""Greedy search under rules, and what it gives back beside tokens, are the yardstick's."""

from __future__ import annotations

from typing import Any

import pytest
import text
import torch
import transformers
from draws import Pair, audio, pairs, token_rows
from hypothesis import assume, event, given
from hypothesis import strategies as st
from torch import Tensor
from yardstick import examples, graft, reference_pair, same

from speechgraft.errors import InputError
from speechgraft.generation import GenerateOutput

NEW = 8
DECODERS = ["bert", "gpt2", "bart"]
ENCODERS = ["wav2vec2", "hubert"]
SINGLE = 2e-4  # the yardstick takes scores in single precision


def allowed_behind(step: int, vocab_size: int) -> Any:
    """A function that allows every `step`-th token, beginning where utterance and last token say."""

    def allowed(utterance: int, ids: Tensor) -> list[int]:
        return [token for token in range(vocab_size) if (token + utterance + int(ids[-1])) % step == 0] or [0]

    return allowed


def rolled(ids: Tensor, scores: Tensor) -> Tensor:
    """A rule of one's own: scores of other tokens, other ones behind each token."""
    places = (torch.arange(scores.shape[1])[None] + ids[:, -1:]) % scores.shape[1]
    return scores.gather(1, places)


def third(ids: Tensor, scores: Any, **options: Any) -> Tensor:
    """A reason of one's own to stop: every third token, from the fourth place on."""
    return (ids[:, -1] % 3 == 0) & (ids.shape[1] > 3)


def pieces(rows: Tensor) -> st.SearchStrategy[list[int]]:
    """One to three tokens that follow each other in one of the rows."""
    width = rows.shape[1]
    return st.builds(
        lambda row, start, length: rows[row, start : start + length].tolist(),
        st.integers(0, len(rows) - 1),
        st.integers(0, width - 1),
        st.integers(1, 3),
    )


def rules(free: Tensor, vocab_size: int) -> dict[str, st.SearchStrategy[Any]]:
    """Options that change what would be generated without them."""
    seen = st.sampled_from(free[:, 1:].unique().tolist())
    tokens = st.integers(0, vocab_size - 1)
    few = st.lists(seen, min_size=1, max_size=2, unique=True)
    return {
        "repetition_penalty": st.floats(0.3, 3.0),
        "no_repeat_ngram_size": st.integers(1, 3),
        "bad_words_ids": st.lists(pieces(free), min_size=1, max_size=3),
        "sequence_bias": st.lists(
            st.tuples(pieces(free), st.floats(-9.0, 9.0)).map(list),
            min_size=1,
            max_size=3,
            unique_by=lambda item: tuple(item[0]),
        ),
        "suppress_tokens": few,
        "begin_suppress_tokens": few,
        "forced_bos_token_id": tokens,
        "forced_eos_token_id": tokens | st.lists(tokens, min_size=1, max_size=2),
        "min_length": st.integers(0, NEW),
        "min_new_tokens": st.integers(0, NEW),
        "exponential_decay_length_penalty": st.tuples(st.integers(0, 4), st.floats(0.8, 2.0)),
        "renormalize_logits": st.just(True),
        "remove_invalid_values": st.just(True),
        "prefix_allowed_tokens_fn": st.integers(2, 3).map(lambda step: allowed_behind(step, vocab_size)),
        "logits_processor": st.just([rolled]),
        "stopping_criteria": st.just([third]),
    }


def without_choice(output: Any) -> bool:
    """Whether a step of the yardstick had no token left for some row."""
    return any(not scores.amax(dim=-1).isfinite().all() for scores in output.scores)


def check_rules(data: st.DataObject, encoder: str, decoder: str) -> None:
    drawn: Pair = data.draw(pairs(encoder_name=encoder, decoder_name=decoder))
    batch = data.draw(audio(drawn.encoder, rows=(1, 4)))
    reference = reference_pair(drawn)
    ours = graft(reference, batch.padding)
    inputs = batch.inputs
    free = reference.generate(**inputs, max_new_tokens=NEW, eos_token_id=None)
    offered = rules(free, drawn.decoder["vocab_size"])
    names = data.draw(st.lists(st.sampled_from(sorted(offered)), min_size=1, max_size=3, unique=True))
    # Two limits of one kind contradict each other here.
    assume(not {"min_length", "min_new_tokens"} <= set(names))
    options = {name: data.draw(offered[name], name) for name in names}
    ends = data.draw(st.lists(st.sampled_from(free[:, 1:].unique().tolist()), min_size=1, max_size=2, unique=True))
    options |= {"eos_token_id": ends, "max_new_tokens": NEW, "use_cache": data.draw(st.booleans())}
    told = {"return_dict_in_generate": True, "output_scores": True, "output_logits": True}
    # A BART decoder's config forces an end by itself.
    forced = options.get("forced_eos_token_id", reference.generation_config.forced_eos_token_id)
    forced = {forced} if isinstance(forced, int) else set(forced or ())
    assume(not (forced and forced <= set(options.get("suppress_tokens", ()))))
    assume(options.get("forced_bos_token_id") not in options.get("suppress_tokens", ()))
    expected = reference.generate(**inputs, **as_lists(options), **told)
    for name in names:
        event(name)
    try:
        found = ours.generate(**inputs, **options, **told)
    except InputError as error:
        assert "the rules leave no token" in str(error)
        assert without_choice(expected)
        return
    assert found.sequences.tolist() == expected.sequences.tolist()
    assert torch.equal(ours.generate(**inputs, **options), found.sequences)
    # The smallest number, which one rule puts for -inf, is another one in single precision.
    if not {"stopping_criteria", "remove_invalid_values"} & options.keys():
        same_steps(found, expected, ends)


def as_lists(options: dict[str, Any]) -> dict[str, Any]:
    """The caller's own functions as the yardstick takes them."""
    lists = {
        "logits_processor": transformers.LogitsProcessorList,
        "stopping_criteria": transformers.StoppingCriteriaList,
    }
    return {name: lists[name](value) if name in lists else value for name, value in options.items()}


def same_steps(found: GenerateOutput, expected: Any, ends: list[int]) -> None:
    """Scores and logits of the rows that had not ended."""
    live = torch.ones(len(found.sequences), dtype=torch.bool)
    start = found.sequences.shape[1] - len(expected.scores)
    assert len(found.scores) == len(found.logits) == len(expected.scores)
    for step, (scores, logits) in enumerate(zip(expected.scores, expected.logits, strict=True)):
        torch.testing.assert_close(found.scores[step][live].float(), scores[live], atol=SINGLE, rtol=SINGLE)
        torch.testing.assert_close(found.logits[step][live].float(), logits[live], atol=SINGLE, rtol=SINGLE)
        live &= ~torch.isin(found.sequences[:, start + step], torch.tensor(ends))


@pytest.mark.parametrize("decoder", DECODERS)
@examples(14)
@given(data=st.data())
def test_tokens_under_rules_are_the_yardsticks(data: st.DataObject, decoder: str) -> None:
    check_rules(data, data.draw(st.sampled_from(ENCODERS)), decoder)


@pytest.mark.long
@pytest.mark.parametrize("encoder", ENCODERS)
@pytest.mark.parametrize("decoder", DECODERS)
@examples(200)
@given(data=st.data())
def test_tokens_under_rules_are_the_yardsticks_in_many_draws(data: st.DataObject, encoder: str, decoder: str) -> None:
    check_rules(data, encoder, decoder)


@examples(12)
@given(data=st.data())
def test_rules_about_the_encoders_tokens_are_the_yardsticks(data: st.DataObject) -> None:
    """Without a mask: the yardstick counts padding too."""
    drawn = data.draw(text.pairs())
    reference = text.reference_pair(drawn)
    ours = text.graft(reference)
    size = min(drawn.encoder["vocab_size"], drawn.decoder["vocab_size"])  # the yardstick fails beyond the decoder's
    inputs = {"input_ids": data.draw(token_rows(size, data.draw(st.integers(1, 3)), data.draw(st.integers(1, 9))))}
    names = data.draw(
        st.sets(st.sampled_from(["encoder_no_repeat_ngram_size", "encoder_repetition_penalty"]), min_size=1)
    )
    values = {
        "encoder_no_repeat_ngram_size": st.integers(1, 3),
        "encoder_repetition_penalty": st.floats(0.3, 3.0),
    }
    options = {name: data.draw(values[name], name) for name in sorted(names)}
    options |= {"max_new_tokens": NEW, "eos_token_id": None, "num_beams": data.draw(st.sampled_from([1, 3]))}
    expected = reference.generate(**inputs, **options)
    try:
        found = ours.generate(**inputs, **options)
    except InputError as error:
        assert set(range(drawn.decoder["vocab_size"])) <= set(inputs["input_ids"].flatten().tolist()), error
        return
    assert found.tolist() == expected.tolist()


@examples(15)
@given(data=st.data())
def test_attentions_and_states_of_each_step_are_the_yardsticks(data: st.DataObject) -> None:
    drawn = data.draw(pairs(decoder_name=data.draw(st.sampled_from(DECODERS))))
    batch = data.draw(audio(drawn.encoder, rows=(1, 3)))
    reference = reference_pair(drawn)
    ours = graft(reference, batch.padding)
    options = {
        "max_new_tokens": 4,
        "eos_token_id": None,
        "return_dict_in_generate": True,
        "output_attentions": True,
        "output_hidden_states": True,
        "use_cache": data.draw(st.booleans()),
    }
    expected = reference.generate(**batch.inputs, **options)
    found = ours.generate(**batch.inputs, **options)
    for name in ("encoder_attentions", "encoder_hidden_states"):
        same(found[name], expected[name], name)
    for name in ("decoder_attentions", "cross_attentions", "decoder_hidden_states"):
        assert len(found[name]) == len(expected[name]) == 4
        for step in range(4):
            same(found[name][step], expected[name][step], f"{name} of step {step}")


@examples(15)
@given(data=st.data())
def test_the_same_seed_draws_the_yardsticks_tokens(data: st.DataObject) -> None:
    """In single precision, while no row has ended: from then on, ours draws for fewer rows."""
    drawn = data.draw(pairs(decoder_name=data.draw(st.sampled_from(DECODERS))))
    batch = data.draw(audio(drawn.encoder, rows=(1, 3)))
    reference = reference_pair(drawn).float()
    ours = graft(reference, batch.padding).float()
    inputs = {name: value.float() if value.is_floating_point() else value for name, value in batch.inputs.items()}
    cuts = {
        "temperature": st.floats(0.3, 3.0),
        "top_k": st.integers(1, 9),
        "top_p": st.floats(0.2, 0.95),
        "min_p": st.floats(0.01, 0.5),
        "typical_p": st.floats(0.2, 0.95),
        "epsilon_cutoff": st.floats(0.01, 0.2),
        "eta_cutoff": st.floats(0.01, 0.2),
        "top_h": st.floats(0.2, 1.0),
    }
    names = data.draw(st.lists(st.sampled_from(sorted(cuts)), max_size=3, unique=True))
    options = {name: data.draw(cuts[name], name) for name in names}
    options |= {"do_sample": True, "max_new_tokens": 6, "eos_token_id": None}
    options["num_return_sequences"] = data.draw(st.integers(1, 3))
    seed = data.draw(st.integers(0, 2**31))
    torch.manual_seed(seed)
    expected = reference.generate(**inputs, **options)
    torch.manual_seed(seed)
    assert ours.generate(**inputs, **options).tolist() == expected.tolist()
    generators = [torch.Generator().manual_seed(seed) for _ in range(2)]
    own = [ours.generate(**inputs, **options, generator=generator).tolist() for generator in generators]
    assert own[0] == own[1] == expected.tolist()
