"""Each rule by itself, on scores of zero, and the order in which a config's rules come."""

from __future__ import annotations

import pytest
import torch

from speechgraft.errors import InputError
from speechgraft.generation import GenerationConfig
from speechgraft.generation.repetition import (
    EncoderRepetition,
    NoEncoderNgrams,
    NoRepeatedNgrams,
    RepetitionPenalty,
    Source,
)
from speechgraft.generation.rules import Checked, Terms, applied, rules_of
from speechgraft.generation.tokens import (
    AllowedPrefixes,
    Biased,
    EndSooner,
    FiniteScores,
    Forced,
    Suppressed,
    SuppressedAt,
    SuppressedBefore,
    token_ids,
)

NEVER = float("-inf")
VOCABULARY = 7


class Live:
    """Two of three utterances that are still live, as `Steps` tells them."""

    utterances = torch.tensor([0, 2])
    taken = 3

    def utterances_of(self, rows):
        return self.utterances.repeat_interleave(rows // 2)


def ids_of(tokens, name="these"):
    return token_ids(tokens, VOCABULARY, name, torch.device("cpu"))


def ruled_out(rule, ids, rows=None):
    """The tokens of each row that a rule leaves no chance."""
    scores = rule(torch.tensor(ids), torch.zeros(len(ids), VOCABULARY))
    return [row.isneginf().nonzero().flatten().tolist() for row in scores]


def test_repetition_makes_scores_worse_on_both_sides_of_zero():
    scores = torch.tensor([[2.0, -2.0, 3.0], [2.0, -2.0, 3.0]])
    found = RepetitionPenalty(4.0)(torch.tensor([[0, 1, 1], [2, 2, 2]]), scores)
    assert found.tolist() == [[0.5, -8.0, 3.0], [2.0, -2.0, 0.75]]


def test_tokens_of_the_encoder_are_rewarded_where_they_count():
    source = Source(torch.tensor([[0, 9], [5, 5], [1, 2]]), torch.tensor([[True, True], [True, True], [True, False]]))
    assert source.held(3).tolist() == [[True, False, False], [False] * 3, [False, True, False]]
    rule = EncoderRepetition(4.0, source.held(3), Live())
    found = rule(torch.zeros(4, 1, dtype=torch.int64), torch.tensor([[2.0, -2.0, 3.0]] * 4))
    assert found.tolist() == [[8.0, -2.0, 3.0]] * 2 + [[2.0, -0.5, 3.0]] * 2


def test_n_grams_come_once():
    assert ruled_out(NoRepeatedNgrams(1), [[3, 1, 3]]) == [[1, 3]]
    assert ruled_out(NoRepeatedNgrams(2), [[3, 1, 3], [1, 1, 1], [1, 2, 4]]) == [[1], [1], []]
    assert ruled_out(NoRepeatedNgrams(3), [[3, 1, 5, 3, 1]]) == [[5]]
    assert ruled_out(NoRepeatedNgrams(3), [[3, 1]]) == [[]]


def test_n_grams_of_the_encoder_come_not_again_in_its_own_utterance():
    ids = torch.tensor([[1, 2, 3], [4, 5, 6], [1, 4, 2]])
    counts = torch.tensor([[True] * 3, [True] * 3, [True, True, False]])
    source = Source(ids, counts)
    assert ruled_out(NoEncoderNgrams(2, source, Live()), [[2], [2], [1], [4]]) == [[3], [3], [4], []]
    assert ruled_out(NoEncoderNgrams(1, source, Live()), [[0], [0]]) == [[1, 2, 3], [1, 4]]
    assert ruled_out(NoEncoderNgrams(5, source, Live()), [[1, 2, 3, 1], [1, 4, 2, 1]]) == [[], []]
    assert ruled_out(NoEncoderNgrams(3, source, Live()), [[1], [1]]) == [[], []]


def test_biases_count_where_the_rest_of_the_sequence_stands():
    biases = [([2], 0.5), ([1, 3], 2.0), ([4, 3], 4.0), ([5, 1, 3], 8.0), ([1, 3], 1.0)]
    rule = Biased.of(biases, ids_of, "sequence_bias")
    found = rule(torch.tensor([[0, 1], [5, 1], [1, 0]]), torch.zeros(3, VOCABULARY))
    assert found[:, 3].tolist() == [1.0, 9.0, 0.0], "the last of two biases of one sequence holds"
    assert found[:, 2].tolist() == [0.5] * 3
    words = Biased.of([([1, 3], NEVER), ([6], NEVER)], ids_of, "bad_words_ids")
    assert ruled_out(words, [[0, 1], [1, 0]]) == [[3, 6], [6]]


def test_tokens_are_suppressed_always_at_a_place_or_before_it():
    tokens = torch.tensor([1, 4])
    assert ruled_out(Suppressed(tokens), [[0]]) == [[1, 4]]
    assert [ruled_out(SuppressedAt(2, tokens), [[0] * length])[0] for length in (1, 2, 3)] == [[], [1, 4], []]
    assert [ruled_out(SuppressedBefore(2, tokens), [[0] * length])[0] for length in (1, 2, 3)] == [[1, 4], [], []]


def test_forced_tokens_are_certain_at_their_place():
    scores = torch.arange(4.0)[None]
    assert Forced(2, torch.tensor([1, 3]))(torch.tensor([[0, 0]]), scores.clone()).tolist() == [[NEVER, 0, NEVER, 0]]
    assert torch.equal(Forced(2, torch.tensor([1]))(torch.tensor([[0]]), scores.clone()), scores)


def test_a_function_limits_what_follows_in_each_row():
    asked = []

    def allowed(utterance, ids):
        asked.append((utterance, ids.tolist()))
        return [utterance, int(ids[-1])]

    left = [
        set(range(VOCABULARY)) - set(row) for row in ruled_out(AllowedPrefixes(allowed, Live()), [[3], [4], [5], [6]])
    ]
    assert left == [{0, 3}, {0, 4}, {2, 5}, {2, 6}]
    assert asked == [(0, [3]), (0, [4]), (2, [5]), (2, [6])]


def test_what_a_function_allows_is_certain_where_rules_left_none_of_it():
    scores = torch.tensor([[NEVER, 1.0, 2.0]] * 4)
    scores[3, 0] = 0.5
    found = AllowedPrefixes(lambda utterance, ids: [0], Live())(torch.zeros(4, 1, dtype=torch.int64), scores)
    assert found.tolist() == [[0.0, NEVER, NEVER]] * 2 + [[NEVER] * 3, [0.5, NEVER, NEVER]]


@pytest.mark.parametrize(
    ("given", "message"),
    [([], "for row 2 of the batch is empty"), ([1, 9], "for row 2 of the batch holds id 9, but the vocabulary has 7")],
)
def test_a_function_that_allows_nothing_or_what_there_is_not_is_refused(given, message):
    rule = AllowedPrefixes(lambda utterance, ids: given if utterance == 2 else [1], Live())
    with pytest.raises(InputError, match=message):
        ruled_out(rule, [[0], [0]])


def test_numbers_take_the_place_of_what_is_none():
    scores = torch.tensor([[float("nan"), float("inf"), NEVER, 1.0]])
    limits = torch.finfo(torch.float32)
    assert FiniteScores()(torch.tensor([[0]]), scores).tolist() == [[0.0, limits.max, limits.min, 1.0]]


def test_ends_become_likelier_with_each_token():
    scores = torch.tensor([[1.0, -2.0, NEVER]])
    rule = EndSooner(3, 2.0, torch.tensor([1, 2]))
    found = [rule(torch.zeros(1, length, dtype=torch.int64), scores.clone())[0].tolist() for length in (3, 4, 5)]
    assert found == [[1.0, -2.0, NEVER], [1.0, 0.0, NEVER], [1.0, 4.0, NEVER]]


def test_a_callers_rule_has_to_give_scores():
    scores = torch.zeros(2, 3)

    def checked(rule):
        return Checked(rule, "logits_processor", Live())(torch.zeros(2, 1), scores.clone())

    assert checked(lambda ids, given: given + 1).tolist() == [[1.0] * 3] * 2
    assert checked(lambda ids, given: given.fill_(NEVER)).isneginf().all(), "that no token is left is for the search"
    for rule in (lambda ids, given: given[:1], lambda ids, given: None, lambda ids, given: given.long()):
        with pytest.raises(InputError, match=r"of logits_processor gave .* \(2, 3\)"):
            checked(rule)
    for broken in ("nan", "inf"):
        of_one = torch.tensor([[0.0, 0.0, NEVER], [NEVER, 0.0, float(broken)]])
        told = f"of logits_processor gave token 2 the score {broken} for row 2 of the batch at step 3; expected numbers"
        with pytest.raises(InputError, match=told):
            checked(lambda ids, given, of_one=of_one: of_one)


def terms(**changes):
    options = {"steps": Live(), "ends": torch.tensor([6]), "prompt": 2, "limit": 9, "vocab_size": VOCABULARY}
    return Terms(**{**options, **changes})


def kinds(config, **changes):
    return [type(rule).__name__ for rule in rules_of(GenerationConfig(**config), terms(**changes))]


def test_a_config_that_asks_for_nothing_has_no_rules():
    assert kinds({}) == []
    assert kinds({"min_length": 2, "bad_words_ids": [[6]]}) == [], "the beginning is as long, and 6 ends rows"
    assert kinds({"min_length": 5}, ends=torch.tensor([], dtype=torch.int64)) == [], "nothing could come too soon"


def test_rules_come_in_the_published_order_and_the_callers_last():
    everything = {
        "begin_suppress_tokens": [1],
        "suppress_tokens": [1],
        "exponential_decay_length_penalty": (1, 1.1),
        "remove_invalid_values": True,
        "forced_eos_token_id": 6,
        "forced_bos_token_id": 2,
        "min_new_tokens": 1,
        "bad_words_ids": [[1, 2]],
        "encoder_no_repeat_ngram_size": 2,
        "no_repeat_ngram_size": 2,
        "repetition_penalty": 1.2,
        "encoder_repetition_penalty": 1.2,
        "sequence_bias": {(1, 2): 0.5},
    }
    source = Source(torch.tensor([[1], [1], [1]]), torch.ones(3, 1, dtype=torch.bool))
    own = lambda ids, scores: scores  # noqa: E731
    expected = [
        "Biased",
        "EncoderRepetition",
        "RepetitionPenalty",
        "NoRepeatedNgrams",
        "NoEncoderNgrams",
        "Biased",
        "SuppressedBefore",
        "AllowedPrefixes",
        "Forced",
        "Forced",
        "FiniteScores",
        "EndSooner",
        "Suppressed",
        "SuppressedAt",
        "Checked",
    ]
    assert kinds(everything, source=source, allowed=lambda utterance, ids: [1], own=[own]) == expected


def test_a_forced_first_token_puts_off_what_is_suppressed_first():
    config = {"forced_bos_token_id": 3, "begin_suppress_tokens": [3, 4]}
    for prompt, place in ((1, 2), (2, 2), (3, 3)):
        *_, last = rules_of(GenerationConfig(**config), terms(prompt=prompt))
        assert last.place == place


def test_least_tokens_behind_the_beginning_go_before_those_with_it():
    [rule] = rules_of(GenerationConfig(min_length=3, min_new_tokens=4), terms())
    assert rule.place == 6
    [rule] = rules_of(GenerationConfig(min_length=3), terms())
    assert rule.place == 3


@pytest.mark.parametrize(
    "config",
    [
        {"bad_words_ids": [[1], [2, 7]]},
        {"sequence_bias": [[[7], 0.5]]},
        {"suppress_tokens": [1, 7]},
        {"begin_suppress_tokens": [7]},
        {"forced_bos_token_id": 7},
        {"forced_eos_token_id": [1, 7]},
    ],
    ids=lambda config: next(iter(config)),
)
def test_ids_outside_the_vocabulary_are_refused(config):
    name = next(iter(config))
    with pytest.raises(InputError, match=f"{name} holds id 7, but the vocabulary has 7 tokens"):
        rules_of(GenerationConfig(**config), terms())


@pytest.mark.parametrize("name", ["encoder_no_repeat_ngram_size", "encoder_repetition_penalty"])
def test_rules_about_the_encoders_tokens_need_some(name):
    with pytest.raises(InputError, match=f"{name} is about the tokens that the encoder is given"):
        rules_of(GenerationConfig(**{name: 2}), terms())


def test_rules_are_applied_one_after_the_other():
    rules = [lambda ids, scores: scores + 1, lambda ids, scores: scores * ids[:, -1:]]
    assert applied(rules, torch.tensor([[2], [3]]), torch.ones(2, 1)).tolist() == [[4.0], [6.0]]
