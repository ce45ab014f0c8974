"""Joint CTC/attention decoding and language models in beam search, against slow textbook ones."""

from __future__ import annotations

import math

import attrs
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from table_steps import TableSteps
from textbook import Hypothesis, Terms, joint, search, spelt
from torch import Tensor

from speechgraft.errors import InputError
from speechgraft.generation.beam import Beams, beam_search
from speechgraft.generation.fusion import JointCTC, LanguageModelFusion
from speechgraft.generation.output import Found
from speechgraft.generation.stopping import Stopping
from speechgraft.registry import default_catalog, pair
from speechgraft.testing.models import scramble

BLANK, END, START = 0, 1, 2


@attrs.frozen
class Drawn:
    """A decoder, what a CTC head says of each utterance, and what is asked for."""

    steps_seed: int
    logits: Tensor
    lengths: Tensor
    weight: float
    terms: Terms

    @property
    def vocab_size(self) -> int:
        return self.logits.shape[-1]

    def ctc(self, candidates: int | None = None) -> JointCTC:
        return JointCTC(
            self.logits,
            self.lengths,
            weight=self.weight,
            blank=BLANK,
            ends=[END],
            silent=[START],
            candidates=candidates,
        )

    def found(self, ctc: JointCTC, **options) -> Found:
        utterances = len(self.logits)
        prompt = torch.full((utterances, 1), START)
        beams = Beams(
            self.terms.num_beams,
            self.terms.num_beams,
            length_penalty=self.terms.length_penalty,
            early_stopping=self.terms.early_stopping,
        )
        steps = TableSteps(utterances, self.vocab_size, self.steps_seed)
        call = {"limit": self.terms.limit, "stopping": Stopping([END]), "pad": BLANK, **options}
        return beam_search(steps, prompt, beams, fusion=[ctc], **call)

    def expected(self, utterance: int) -> list[Hypothesis]:
        steps = TableSteps(1, self.vocab_size, self.steps_seed)
        frames = self.logits[utterance, : self.lengths[utterance]].log_softmax(-1).tolist()
        ends = frozenset({END})

        def decoder(tokens: tuple[int, ...]) -> list[float]:
            scores = steps.log_probs(utterance, tokens)
            scores[START] = -math.inf  # is not heard
            return scores

        scores = joint(decoder, frames, weight=self.weight, blank=BLANK, ends=ends, prompt=1)
        return search(scores, (START,), self.terms)


@st.composite
def drawn_hearings(draw: st.DrawFn) -> Drawn:
    utterances, frames, vocab_size = draw(st.integers(1, 3)), draw(st.integers(2, 5)), draw(st.integers(4, 6))
    generator = torch.Generator().manual_seed(draw(st.integers(0, 2**32)))
    return Drawn(
        draw(st.integers(0, 2**32)),
        2 * torch.randn(utterances, frames, vocab_size, dtype=torch.float64, generator=generator),
        torch.tensor(draw(st.lists(st.integers(1, frames), min_size=utterances, max_size=utterances))),
        draw(st.sampled_from([0.1, 0.3, 0.9])),
        Terms(
            limit=draw(st.integers(2, 7)),
            ends=frozenset({END}),
            num_beams=draw(st.integers(1, 5)),
            length_penalty=draw(st.sampled_from([0.0, 1.0])),
            early_stopping=draw(st.sampled_from([False, True, "never"])),
        ),
    )


def same_as_the_textbook(drawn: Drawn, found: Found) -> None:
    rows = found.sequences.view(len(drawn.logits), drawn.terms.num_beams, -1).tolist()
    scores = found.sequences_scores.view(len(drawn.logits), -1).tolist()
    for utterance, (tokens, values) in enumerate(zip(rows, scores, strict=True)):
        expected = drawn.expected(utterance)
        assert len(expected) == sum(math.isfinite(value) for value in values)
        for row, value, hypothesis in zip(tokens, values, expected, strict=False):
            assert row == [*hypothesis.tokens, *[BLANK] * (len(row) - len(hypothesis.tokens))]
            assert math.isclose(value, hypothesis.score, rel_tol=1e-7, abs_tol=1e-9)


@settings(max_examples=60)
@given(drawn=drawn_hearings())
def test_joint_decoding_is_that_of_the_textbook(drawn):
    same_as_the_textbook(drawn, drawn.found(drawn.ctc()))


@settings(max_examples=20)
@given(drawn=drawn_hearings())
def test_ctc_alone_finds_the_text_that_it_gives_the_highest_probability(drawn):
    """With all the weight, beams for every prefix and no limit that matters."""
    drawn = attrs.evolve(drawn, weight=1.0, terms=Terms(limit=8, ends=frozenset({END}), num_beams=5))
    beams = Beams(60, length_penalty=0.0, early_stopping="never")
    drawn = attrs.evolve(drawn, logits=drawn.logits[:, :4, :4], lengths=drawn.lengths.clamp(max=4))
    steps = TableSteps(len(drawn.logits), 4, 0)
    prompt = torch.full((len(drawn.logits), 1), START)
    found = beam_search(steps, prompt, beams, limit=8, stopping=Stopping([END]), pad=BLANK, fusion=[drawn.ctc()])
    for utterance, (row, score) in enumerate(zip(found.sequences.tolist(), found.sequences_scores, strict=True)):
        texts = spelt(drawn.logits[utterance, : drawn.lengths[utterance]].log_softmax(-1).tolist(), BLANK)
        texts = {text: value for text, value in texts.items() if not {START, END} & set(text)}
        best = max(texts, key=texts.__getitem__)
        assert tuple(row[1 : row.index(END)]) == best
        assert math.isclose(float(score), math.log(texts[best]), rel_tol=1e-9, abs_tol=1e-9)


def test_other_tokens_than_the_candidates_are_impossible_but_for_those_that_end():
    generator = torch.Generator().manual_seed(0)
    ctc = JointCTC(
        torch.randn(2, 6, 7, generator=generator),
        torch.tensor([6, 3]),
        weight=0.5,
        blank=BLANK,
        ends=[END],
        silent=[START],
        candidates=2,
    )
    prompt = torch.full((2, 1), START)
    ctc.start(prompt)
    given_scores = torch.tensor(
        [[-9.0, -8.0, -7.0, -1.0, -2.0, -3.0, -4.0], [-1.0, -9.0, -8.0, -2.0, -3.0, -4.0, -5.0]]
    )
    joint_scores = ctc.fuse(prompt, given_scores.clone())
    assert joint_scores.isfinite().tolist() == [
        [False, True, False, True, True, False, False],
        [False, True, False, True, False, False, False],
    ]


def test_a_token_that_is_not_heard_is_taken_where_a_rule_forces_it():
    """And leaves what CTC says as it is."""
    drawn = Drawn(0, torch.randn(1, 6, 6, dtype=torch.float64), torch.tensor([6]), 0.5, Terms(7, frozenset({END}), 3))

    def force(ids: Tensor, scores: Tensor) -> Tensor:
        if ids.shape[1] == 1:
            scores = torch.full_like(scores, -math.inf).index_fill_(1, torch.tensor([START]), 0.0)
        return scores

    found = drawn.found(drawn.ctc(), rules=[force])
    assert found.sequences[:, :2].tolist() == [[START, START]] * 3
    assert found.sequences_scores.isfinite().all()


def test_a_prompt_that_is_heard_is_taken_for_heard():
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(1, 6, 6, dtype=torch.float64, generator=generator)

    def scores(prompt: list[int], *, then: int | None = None) -> Tensor:
        ctc = JointCTC(logits, torch.tensor([6]), weight=1.0, blank=BLANK, ends=[END], silent=[START])
        ids = torch.tensor([prompt])
        ctc.start(ids)
        first = ctc.fuse(ids, torch.zeros(1, 6, dtype=torch.float64))
        if then is None:
            return first
        return ctc.fuse(torch.tensor([[*prompt, then]]), torch.zeros(1, 6, dtype=torch.float64))

    assert torch.allclose(scores([START, 4]), scores([START], then=4))
    assert not torch.allclose(scores([START, 4]), scores([START]))


@settings(max_examples=40)
@given(seed=st.integers(0, 2**32), beams=st.integers(1, 4), weight=st.sampled_from([0.3, 2.0, -0.4]))
def test_a_language_model_is_added_with_its_weight(seed, beams, weight):
    terms = Terms(limit=7, ends=frozenset({END}), num_beams=beams)
    decoder, model = TableSteps(1, 6, seed), TableSteps(1, 6, seed + 1)

    def language(ids: Tensor) -> Tensor:
        return torch.tensor([model.log_probs(0, tuple(row)) for row in ids.tolist()])

    found = beam_search(
        TableSteps(1, 6, seed),
        torch.full((1, 1), START),
        Beams(beams, beams),
        limit=7,
        stopping=Stopping([END]),
        pad=BLANK,
        fusion=[LanguageModelFusion(language, weight)],
    )

    def scores(tokens: tuple[int, ...]) -> list[float]:
        both = zip(decoder.log_probs(0, tokens), model.log_probs(0, tokens), strict=True)
        return [score + weight * other for score, other in both]

    for row, score, expected in zip(
        found.sequences.tolist(), found.sequences_scores.tolist(), search(scores, (START,), terms), strict=True
    ):
        assert row[: len(expected.tokens)] == list(expected.tokens)
        assert math.isclose(score, expected.score, rel_tol=1e-6)


BAD_MODELS = {
    "shape": (lambda ids: torch.zeros(len(ids), 5), r"a tensor of shape \(1, 5\), expected log-probabilities \(1, 6\)"),
    "nothing": (lambda ids: None, r"the language model gave None, expected log-probabilities \(1, 6\)"),
    "nan": (lambda ids: torch.full((len(ids), 6), math.nan), "gives token 0 a log-probability of nan behind"),
    "certain": (lambda ids: torch.full((len(ids), 6), math.inf), "log-probability of inf"),
}


@pytest.mark.parametrize(("model", "message"), BAD_MODELS.values(), ids=BAD_MODELS)
def test_what_a_language_model_must_not_give(model, message):
    with pytest.raises(InputError, match=message):
        LanguageModelFusion(model, 0.5).fuse(torch.ones(1, 2, dtype=torch.int64), torch.zeros(1, 6))


def test_a_language_model_is_called():
    with pytest.raises(InputError, match="the language model is 'lm', expected a callable"):
        LanguageModelFusion("lm", 0.5)


@pytest.mark.parametrize("weight", [0.0, math.nan, math.inf, "a", True, None])
def test_weights_of_language_models_that_say_nothing_are_refused(weight):
    with pytest.raises(InputError, match="expected a finite number other than 0"):
        LanguageModelFusion(lambda ids: ids, weight)


def test_bad_heads_and_numbers_are_refused():
    logits, lengths = torch.zeros(2, 4, 6), torch.tensor([4, 2])
    wanted = {"weight": 0.5, "blank": BLANK, "ends": [END]}
    with pytest.raises(InputError, match="ctc_weight=0, expected more than 0"):
        JointCTC(logits, lengths, **{**wanted, "weight": 0})
    with pytest.raises(InputError, match="ctc_candidates=0, expected at least 1"):
        JointCTC(logits, lengths, **wanted, candidates=0)
    logits[1, 3] = math.nan  # behind the end of its row: nobody looks at it
    ctc = JointCTC(logits, lengths, **wanted)
    with pytest.raises(InputError, match="the CTC head scores 6 tokens, but the decoder 7"):
        ctc.fuse(torch.ones(2, 1, dtype=torch.int64), torch.zeros(2, 7))
    logits[1, 1] = math.nan
    with pytest.raises(InputError, match="logits for row 1, frame 1 are not finite"):
        JointCTC(logits, lengths, **wanted)


ENCODER = dict(default_catalog().encoder("wav2vec2").tiny)
DECODER = {**default_catalog().decoder("bert").tiny, "vocab_size": 12}
TOKENS = {"pad_token_id": BLANK, "decoder_start_token_id": START, "eos_token_id": END}
X = torch.randn(3, 300, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
MASK = (torch.arange(300) < torch.tensor([300, 200, 120])[:, None]).long()


def make(**options):
    torch.manual_seed(0)
    model = pair("wav2vec2", "bert", encoder=ENCODER, decoder=DECODER, **TOKENS, **options).double().eval()
    scramble(model)
    return model


@pytest.mark.parametrize("beams", [1, 3])
def test_a_pair_decodes_jointly_and_a_batch_is_its_rows(beams):
    model = make(ctc_vocab_size=12)
    wanted = {"num_beams": beams, "max_new_tokens": 8, "ctc_weight": 0.5}
    together = model.generate(X, attention_mask=MASK, **wanted)
    assert not torch.equal(together, model.generate(X, attention_mask=MASK, **{**wanted, "ctc_weight": 0.0}))
    uncached = model.generate(X, attention_mask=MASK, use_cache=False, **wanted)
    assert together.tolist() == uncached.tolist()
    for row in range(3):
        alone = model.generate(X[row : row + 1], attention_mask=MASK[row : row + 1], **wanted)[0].tolist()
        assert together[row].tolist() == alone + [BLANK] * (together.shape[1] - len(alone))


def test_pairs_that_cannot_decode_jointly_are_refused():
    wanted = {"num_beams": 2, "max_new_tokens": 3, "ctc_weight": 0.3}
    with pytest.raises(InputError, match="the pair has no CTC head"):
        make().generate(X, **wanted)
    with pytest.raises(InputError, match="the CTC head has 9 tokens, but the decoder 12"):
        make(ctc_vocab_size=9).generate(X, **wanted)
    with pytest.raises(InputError, match="a vocabulary of its own"):
        make(ctc_vocab_size=12, ctc_blank_token_id=0).generate(X, **wanted)


class Gives:
    """A fusion that keeps nothing and gives what it is told to."""

    def __init__(self, gives):
        self.fuse = gives

    def start(self, prompt):
        pass

    reorder = keep_rows = start


BAD_FUSIONS = {
    "nothing": (lambda ids, scores: None, "of fusion gave None"),
    "shape": (lambda ids, scores: scores[:, :5], r"of fusion gave \(3, 5\)"),
    "nan": (
        lambda ids, scores: scores * math.nan,
        "of fusion gave token 0 the score nan for row 0 of the batch at step 1",
    ),
}


@pytest.mark.parametrize(("gives", "message"), BAD_FUSIONS.values(), ids=BAD_FUSIONS)
def test_what_a_callers_fusion_must_not_give(gives, message):
    with pytest.raises(InputError, match=message):
        make().generate(X, num_beams=2, max_new_tokens=3, fusion=[Gives(gives)])


def test_one_fusion_needs_no_list_and_makes_one_beam_a_search_of_wholes():
    model = make()
    plain = model.generate(X, max_new_tokens=3)
    assert torch.equal(model.generate(X, max_new_tokens=3, fusion=Gives(lambda ids, scores: scores)), plain)
    wanted = {"max_new_tokens": 3, "return_dict_in_generate": True}
    assert model.generate(X, fusion=[Gives(lambda ids, scores: scores)], **wanted).sequences_scores is not None
