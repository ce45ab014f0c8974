"""What a search does to the scores of a step before it chooses: the rules that a config asks for, in order.

A rule takes the tokens so far and the scores of the next one and gives back scores; it may write into those
that it was given. The rows are those that are still live, utterance by utterance.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

import attrs
import torch
from torch import Tensor

from speechgraft.errors import InputError
from speechgraft.generation.config import GenerationConfig
from speechgraft.generation.repetition import (
    EncoderRepetition,
    NoEncoderNgrams,
    NoRepeatedNgrams,
    RepetitionPenalty,
    Source,
)
from speechgraft.generation.steps import Steps
from speechgraft.generation.tokens import (
    AllowedPrefixes,
    Biased,
    EndSooner,
    FiniteScores,
    Forced,
    PrefixFunction,
    Suppressed,
    SuppressedAt,
    SuppressedBefore,
    token_ids,
)

Rule = Callable[[Tensor, Tensor], Tensor]
"""*Shapes:* ids (rows, tokens so far), scores (rows, vocabulary) to (rows, vocabulary)."""


def applied(rules: Iterable[Rule], ids: Tensor, scores: Tensor) -> Tensor:
    """Scores after all rules. *Shapes:* `ids` (rows, tokens so far), `scores` (rows, vocabulary)."""
    for rule in rules:
        scores = rule(ids, scores)
    return scores


@attrs.frozen(kw_only=True)
class Terms:
    """What the rules of one call are made for."""

    steps: Steps
    """Tells which utterances are live."""

    ends: Tensor
    """(tokens,), int64: those that end a row."""

    prompt: int
    """Tokens that each row begins with."""

    limit: int
    """The most tokens of a row, those it begins with included."""

    vocab_size: int
    """Width of the scores."""

    source: Source | None = None
    """What the encoder was given, where it takes tokens."""

    allowed: PrefixFunction | None = None
    """The caller's function that limits what may follow."""

    own: Sequence[Rule] = ()
    """The caller's own rules."""

    def ids(self, tokens: Sequence[int] | int, name: str) -> Tensor:
        """Tokens that an option names. *Shapes:* (tokens,), int64.

        Raises:
            InputError: One is outside the vocabulary.
        """
        tokens = [tokens] if isinstance(tokens, int) else tokens
        return token_ids(tokens, self.vocab_size, name, self.ends.device)

    def given(self, name: str) -> Source:
        """What the encoder was given, for an option that needs it.

        Raises:
            InputError: It takes no tokens, or this call gives it none.
        """
        if self.source is None:
            raise InputError(f"{name} is about the tokens that the encoder is given, and this call gives it none")
        return self.source


def rules_of(config: GenerationConfig, terms: Terms) -> list[Rule]:
    """The rules that a config asks for, in the published order, and those of the caller behind them.

    Raises:
        InputError: A rule needs tokens of the encoder and there are none, or names one that there is not.
    """
    return [
        *_about_repetition(config, terms),
        *_about_words(config, terms),
        *_about_length(config, terms),
        *([] if terms.allowed is None else [AllowedPrefixes(terms.allowed, terms.steps)]),
        *_forced(config, terms),
        *([FiniteScores()] if config.remove_invalid_values else []),
        *_end_sooner(config, terms),
        *_suppressed(config, terms),
        *(Checked(rule, "logits_processor", terms.steps) for rule in terms.own),
    ]


def _about_repetition(config: GenerationConfig, terms: Terms) -> Iterator[Rule]:
    if config.sequence_bias is not None:
        yield Biased.of(config.sequence_bias, terms.ids, "sequence_bias")
    if config.encoder_repetition_penalty != 1.0:
        held = terms.given("encoder_repetition_penalty").held(terms.vocab_size)
        yield EncoderRepetition(config.encoder_repetition_penalty, held, terms.steps)
    if config.repetition_penalty != 1.0:
        yield RepetitionPenalty(config.repetition_penalty)
    if config.no_repeat_ngram_size:
        yield NoRepeatedNgrams(config.no_repeat_ngram_size)
    if config.encoder_no_repeat_ngram_size:
        source = terms.given("encoder_no_repeat_ngram_size")
        yield NoEncoderNgrams(config.encoder_no_repeat_ngram_size, source, terms.steps)


def _about_words(config: GenerationConfig, terms: Terms) -> Iterator[Rule]:
    # A token that ends rows is no word, though published files name it among them.
    ends = terms.ends.tolist()
    words = [word for word in config.bad_words_ids or () if not (len(word) == 1 and word[0] in ends)]
    if words:
        yield Biased.of([(word, float("-inf")) for word in words], terms.ids, "bad_words_ids")


def _about_length(config: GenerationConfig, terms: Terms) -> Iterator[Rule]:
    least = config.min_length if config.min_new_tokens is None else terms.prompt + config.min_new_tokens
    if least > terms.prompt and len(terms.ends):
        yield SuppressedBefore(least, terms.ends)


def _forced(config: GenerationConfig, terms: Terms) -> Iterator[Rule]:
    if config.forced_bos_token_id is not None:
        yield Forced(1, terms.ids(config.forced_bos_token_id, "forced_bos_token_id"))
    if config.forced_eos_token_id is not None:
        yield Forced(terms.limit - 1, terms.ids(config.forced_eos_token_id, "forced_eos_token_id"))


def _end_sooner(config: GenerationConfig, terms: Terms) -> Iterator[Rule]:
    if config.exponential_decay_length_penalty is not None and len(terms.ends):
        wait, factor = config.exponential_decay_length_penalty
        yield EndSooner(terms.prompt + wait, factor, terms.ends)


def _suppressed(config: GenerationConfig, terms: Terms) -> Iterator[Rule]:
    if config.suppress_tokens is not None:
        yield Suppressed(terms.ids(config.suppress_tokens, "suppress_tokens"))
    if config.begin_suppress_tokens is not None:
        # Where a row begins with one token alone, a forced one comes first.
        forced = terms.prompt == 1 and config.forced_bos_token_id is not None
        tokens = terms.ids(config.begin_suppress_tokens, "begin_suppress_tokens")
        yield SuppressedAt(terms.prompt + forced, tokens)


class Checked:
    """A rule of the caller, whose result is looked at. *Shapes:* as `Rule`.

    Args:
        rule: The rule.
        argument: Of the call that it was passed as, for messages.
        steps: Tells which utterances the rows are of.
    """

    def __init__(self, rule: Rule, argument: str, steps: Steps) -> None:
        self.rule = rule
        self._argument = argument
        self._steps = steps

    def __call__(self, ids: Tensor, scores: Tensor) -> Tensor:
        """Refuse what cannot be the scores of these rows.

        Raises:
            InputError: The rule gave something of another shape or type, NaN, or a score that is infinitely high.
        """
        given = tuple(scores.shape)
        found = self.rule(ids, scores)
        if not isinstance(found, Tensor) or tuple(found.shape) != given or not found.is_floating_point():
            shown = f"{tuple(found.shape)} of {found.dtype}" if isinstance(found, Tensor) else repr(found)
            raise InputError(f"{self._name} gave {shown}; scores (rows, vocabulary) {given} go on")
        highest = found.amax(dim=-1)  # (rows,); of a row with NaN it is NaN
        if not bool((highest < torch.inf).all()):
            self._refuse(found)
        return found

    @property
    def _name(self) -> str:
        return f"{self.rule!r} of {self._argument}"

    def _refuse(self, found: Tensor) -> None:
        row, token = (~(found < torch.inf)).nonzero()[0].tolist()
        utterance = int(self._steps.utterances_of(len(found))[row])
        raise InputError(
            f"{self._name} gave token {token} the score {float(found[row, token])} "
            f"for row {utterance} of the batch at step {self._steps.taken}; expected numbers, or -inf for never"
        )
