"""Sampling, several rows an utterance, outputs, watching, and what a broken model or rule gets."""

from __future__ import annotations

import pytest
import torch

from speechgraft.errors import InputError
from speechgraft.generation import GenerateOutput, GenerationConfig
from speechgraft.registry import default_catalog, pair
from speechgraft.testing.models import scramble

ENCODER = dict(default_catalog().encoder("wav2vec2").tiny)
DECODER = {**default_catalog().decoder("bert").tiny, "max_position_embeddings": 12}

torch.manual_seed(1)
X = torch.randn(3, 300, dtype=torch.float64)
MASK = (torch.arange(300) < torch.tensor([300, 200, 120])[:, None]).long()


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    made = pair("wav2vec2", "bert", encoder=ENCODER, decoder=DECODER, pad_token_id=0, decoder_start_token_id=1)
    made = made.double().eval()
    scramble(made)
    return made


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def test_tokens_are_drawn_by_their_probability(model):
    """A chi-squared test of the first token of 4,000 rows at the 0.1 % level, with and without cuts."""
    start = torch.tensor([[1]])
    logits = model(X[:1], decoder_input_ids=start).logits[0, -1]
    for options, scores in (
        ({"top_k": 0}, logits),
        ({"top_k": 0, "temperature": 2.0}, logits / 2.0),
        ({"top_k": 4}, logits.masked_fill(logits < logits.topk(4).values[-1], float("-inf"))),
    ):
        drawn = model.generate(
            X[:1], do_sample=True, max_new_tokens=1, num_return_sequences=4000, generator=seeded(3), **options
        )[:, 1]
        counts = torch.bincount(drawn, minlength=len(logits)).double()
        expected = 4000 * scores.softmax(dim=-1)
        assert not counts[expected == 0].any(), "what was cut is never drawn"
        telling = expected >= 5
        counts = torch.cat((counts[telling], counts[~telling].sum()[None]))
        expected = torch.cat((expected[telling], expected[~telling].sum()[None]))
        kept = expected > 0
        statistic = ((counts - expected)[kept] ** 2 / expected[kept]).sum()
        freedom = int(kept.sum()) - 1
        # Wilson and Hilferty's approximation of the 99.9 % quantile
        limit = freedom * (1 - 2 / (9 * freedom) + 3.09 * (2 / (9 * freedom)) ** 0.5) ** 3
        assert freedom > 1
        assert statistic < limit


def test_draws_come_back_by_their_seed(model):
    options = {"attention_mask": MASK, "do_sample": True, "max_new_tokens": 6, "num_return_sequences": 2}
    first, again, other = (model.generate(X, **options, generator=seeded(seed)) for seed in (5, 5, 6))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    torch.manual_seed(5)
    of_torch = model.generate(X, **options)
    torch.manual_seed(5)
    assert torch.equal(model.generate(X, **options), of_torch)
    assert torch.equal(of_torch, first), "torch's own generator draws the same"


def test_one_token_to_draw_from_is_greedy(model):
    greedy = model.generate(X, attention_mask=MASK, max_new_tokens=6)
    assert torch.equal(model.generate(X, attention_mask=MASK, do_sample=True, top_k=1, max_new_tokens=6), greedy)


def test_samples_of_an_utterance_end_each_for_itself(model):
    options = {"attention_mask": MASK, "do_sample": True, "max_new_tokens": 8, "num_return_sequences": 3, "top_k": 0}
    ids = model.generate(X, **options, eos_token_id=[4, 5, 6], generator=seeded(2), pad_token_id=0)
    assert len(ids) == 9
    uncached = model.generate(X, **options, eos_token_id=[4, 5, 6], generator=seeded(2), use_cache=False)
    assert torch.equal(ids, uncached)
    lengths = set()
    for row in ids:
        ended = torch.isin(row, torch.tensor([4, 5, 6])).nonzero().flatten()
        lengths.add(len(ended) and int(ended[0]))
        assert len(ended) < 2 and (not len(ended) or not row[int(ended[0]) + 1 :].any())
    assert len(lengths) > 2


def test_an_output_holds_what_was_asked_for_and_no_more(model):
    bare = model.generate(X, attention_mask=MASK, max_new_tokens=3, return_dict_in_generate=True)
    assert isinstance(bare, GenerateOutput)
    assert list(bare) == ["sequences"]
    assert torch.equal(bare.sequences, model.generate(X, attention_mask=MASK, max_new_tokens=3))
    told = dict.fromkeys(("output_scores", "output_logits", "output_attentions", "output_hidden_states"), True)
    full = model.generate(X, attention_mask=MASK, max_new_tokens=3, return_dict_in_generate=True, **told)
    assert set(full.names) - set(full) == {"sequences_scores", "beam_indices"}
    assert len(full.scores) == len(full.logits) == len(full.decoder_attentions) == 3
    assert full.decoder_attentions[2][0].shape[-2:] == (1, 3)


def test_rows_that_have_left_are_filled_in_an_output(model):
    free = model.generate(X, attention_mask=MASK, max_new_tokens=6)
    end = int(next(token for token in free[:, 1:].unique() if 0 < ((free[:, 1:5] == token).any(dim=1)).sum() < 3))
    told = dict.fromkeys(("output_scores", "output_logits", "output_attentions", "output_hidden_states"), True)
    full = model.generate(
        X, attention_mask=MASK, max_new_tokens=6, eos_token_id=end, return_dict_in_generate=True, **told
    )
    gone = (full.sequences[:, 1:-1] == end).any(dim=1)
    assert gone.any() and not gone.all()
    last = full.scores[-1][gone].softmax(dim=-1)
    assert (last[:, 0] == 1).all() and (full.logits[-1][gone][:, 1:] == float("-inf")).all()
    assert not full.cross_attentions[-1][0][gone].any() and full.cross_attentions[-1][0][~gone].any()
    assert not full.decoder_hidden_states[-1][0][gone].any()
    for step, scores in enumerate(full.scores):
        assert torch.equal(scores.argmax(dim=-1)[~gone], full.sequences[~gone, step + 1])


def test_logits_are_those_before_the_rules(model):
    options = {"max_new_tokens": 2, "return_dict_in_generate": True, "output_logits": True, "output_scores": True}
    ruled = model.generate(X, suppress_tokens=[2, 3], **options)
    assert ruled.logits[0].isfinite().all()
    assert (ruled.scores[0][:, 2:4] == float("-inf")).all()
    assert torch.equal(ruled.logits[0], model.generate(X, **options).logits[0])


def test_watch_is_told_each_token_of_each_row(model):
    seen = {0: [], 1: [], 2: []}
    ids = model.generate(
        X,
        attention_mask=MASK,
        max_new_tokens=6,
        eos_token_id=[2, 3, 4],
        watch=lambda utterance, tokens: seen[utterance].append(tokens.tolist()),
    )
    for utterance, told in seen.items():
        assert [len(tokens) for tokens in told] == list(range(2, 2 + len(told)))
        assert told[-1] == ids[utterance, : len(told[-1])].tolist()
        assert not ids[utterance, len(told[-1]) :].any()
        assert len(told) == 6 or told[-1][-1] in (2, 3, 4)


def test_the_callers_functions_see_the_rows_that_are_live(model):
    free = model.generate(X, attention_mask=MASK, max_new_tokens=5)
    widths = []

    def rule(ids, scores):
        widths.append(len(ids))
        return scores

    ids = model.generate(
        X,
        attention_mask=MASK,
        max_new_tokens=5,
        logits_processor=[rule],
        stopping_criteria=[lambda ids, scores: (torch.arange(len(ids)) == 0) & (ids.shape[1] == 3)],
    )
    assert ids[0].tolist() == [*free[0, :3].tolist(), 0, 0, 0]
    assert torch.equal(ids[1:], free[1:])
    assert widths == [3, 3, 2, 2, 2]


BAD = {
    "generator without draws": ({"generator": seeded()}, "a generator was passed, but nothing is drawn"),
    "several to watch": (
        {"watch": print, "do_sample": True, "num_return_sequences": 2},
        "watch tells of one row an utterance",
    ),
    "end outside": ({"eos_token_id": [1, 99]}, "eos_token_id holds id 99, but the vocabulary has"),
    "pad outside": ({"pad_token_id": -1}, "pad_token_id holds id -1"),
    "suppressed outside": ({"suppress_tokens": [99]}, "suppress_tokens holds id 99"),
    "allowed outside": ({"prefix_allowed_tokens_fn": lambda utterance, ids: [99]}, "fn gave for row 0 .* holds id 99"),
    "no callables": ({"logits_processor": [3]}, "logits_processor holds 3; expected a list of callables"),
    "all suppressed": ({"suppress_tokens": list(range(DECODER["vocab_size"]))}, "the rules leave no token for row 0"),
    "no tokens of the encoder": ({"encoder_no_repeat_ngram_size": 2}, "tokens that the encoder is given"),
}


@pytest.mark.parametrize(("options", "message"), BAD.values(), ids=BAD)
def test_bad_calls_are_refused(model, options, message):
    with pytest.raises(InputError, match=message):
        model.generate(X, max_new_tokens=3, **options)


def test_a_batch_without_rows_is_refused(model):
    with pytest.raises(InputError, match="the batch is empty"):
        model.generate(X[:0])
    encoded = model.encode(X)
    empty = type(encoded)(last_hidden_state=encoded.last_hidden_state[:0])
    with pytest.raises(InputError, match="the batch is empty"):
        model.generate(encoder_outputs=empty)


def test_logits_that_are_no_numbers_are_refused_by_row_and_step(model):
    encoded = model.encode(X)
    broken = encoded.last_hidden_state.clone()
    broken[1] = float("nan")
    outputs = type(encoded)(last_hidden_state=broken)
    with pytest.raises(InputError, match="logits for row 1 of the batch are not finite at step 1"):
        model.generate(encoder_outputs=outputs, max_new_tokens=3)
    found = model.generate(encoder_outputs=outputs, max_new_tokens=3, remove_invalid_values=True)
    assert torch.equal(found[0], model.generate(encoder_outputs=encoded, max_new_tokens=3)[0])

    def breaks(ids, scores):
        return scores.log() if ids.shape[1] == 2 else scores

    rules = [lambda ids, scores: -scores.abs(), breaks]
    for beams in (1, 3):
        with pytest.raises(InputError, match=r"breaks.* gave token 0 the score nan for row 0 of the batch at step 2"):
            model.generate(X, max_new_tokens=3, num_beams=beams, logits_processor=rules)


def test_more_positions_than_there_are_are_refused_before_the_first_step(model, monkeypatch):
    monkeypatch.setattr(type(model.decoder), "forward", lambda *given, **options: pytest.fail("a step was made"))
    with pytest.raises(InputError, match=r"max_length=30 asks for rows of 30 tokens, but .* 12 positions: .* 13 "):
        model.generate(X, max_length=30)


def test_a_generation_config_that_is_passed_takes_tokens_that_it_leaves_open_from_the_models(model):
    model.generation_config = GenerationConfig(decoder_start_token_id=3, max_new_tokens=1)
    try:
        assert model.generate(X, generation_config=GenerationConfig(max_length=4))[:, 0].tolist() == [3] * 3
        assert model.generate(X, generation_config=GenerationConfig(max_length=4)).shape == (3, 4)
    finally:
        model.generation_config = GenerationConfig()
