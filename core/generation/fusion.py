"""What others add to the scores of a beam search: a CTC head that heard the same audio, a language model."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from numbers import Real
from typing import Protocol

import torch
from torch import Tensor

from speechgraft import checks
from speechgraft.contracts import EncoderOutput, row_lengths
from speechgraft.ctc.prefix import PrefixScores
from speechgraft.errors import InputError
from speechgraft.generation.pair import Generating
from speechgraft.special_tokens import marking_tokens


class Fusion(Protocol):
    """Something that weighs the continuations of a beam search beside the decoder."""

    def start(self, prompt: Tensor) -> None:
        """Begin with a batch. *Shapes:* (utterances, tokens), one row an utterance."""

    def fuse(self, ids: Tensor, scores: Tensor) -> Tensor:
        """Scores of each next token: those that are given, with what this adds, its weight included.

        *Shapes:* `ids` (rows, tokens so far); `scores` (rows, vocabulary), log-probabilities, which may be changed in
        place; to (rows, vocabulary). Called once for each step.
        """

    def reorder(self, rows: Tensor) -> None:
        """Row `i` goes on from what was row `rows[i]`; their number grows once, behind the first step."""

    def keep_rows(self, kept: Tensor) -> None:
        """Go on with these of the live utterances, with all their rows. *Shapes:* (kept utterances,)."""


class LanguageModelFusion:
    """Shallow fusion: a language model's log-probabilities, times a weight, added to the decoder's.

    Gulcehre et al. 2015, "On using monolingual corpora in neural machine translation", section 4.1.

    Args:
        model: Tokens so far (rows, tokens), the prompt included, to log-probabilities of the next (rows, vocabulary).
        weight: What they are multiplied with.

    Raises:
        InputError: The model is no callable; the weight is no finite number, or zero.
    """

    def __init__(self, model: Callable[[Tensor], Tensor], weight: float) -> None:
        if not callable(model):
            raise InputError(f"the language model is {model!r}, expected a callable: tokens to log-probabilities")
        is_number = isinstance(weight, Real) and not isinstance(weight, bool)
        if not is_number or not math.isfinite(weight) or not weight:
            raise InputError(f"the language model's weight is {weight!r}, expected a finite number other than 0")
        self._model = model
        self._weight = weight

    def start(self, prompt: Tensor) -> None:
        """Nothing is kept of a batch."""

    def fuse(self, ids: Tensor, scores: Tensor) -> Tensor:
        """The weighted sum.

        Raises:
            InputError: What the model gives has another shape, or holds NaN or what would make a token certain.
        """
        said = self._model(ids)
        expected = f"expected log-probabilities {tuple(scores.shape)} (rows, vocabulary of the decoder)"
        if not isinstance(said, Tensor):
            raise InputError(f"the language model gave {said!r}, {expected}")
        if said.shape != scores.shape:
            raise InputError(f"the language model gave a tensor of shape {tuple(said.shape)}, {expected}")
        added = self._weight * said.to(scores.dtype)
        broken = ~(added < torch.inf)  # NaN is not less either
        if broken.any():
            row, token = broken.nonzero()[0].tolist()
            raise InputError(
                f"the language model gives token {token} a log-probability of {float(said[row, token])} behind "
                f"{ids[row].tolist()}: with a weight of {self._weight} no score can be made of it"
            )
        return scores.add_(added)

    def reorder(self, rows: Tensor) -> None:
        """Nothing is kept of a row."""

    def keep_rows(self, kept: Tensor) -> None:
        """Nothing is kept of an utterance."""


class JointCTC:
    """Joint CTC/attention decoding: the decoder's log-probabilities, and those that CTC gives to prefixes.

    A token scores `(1 - weight) * log p_decoder + weight * (log p_ctc(text with it) - log p_ctc(text))`, where `p_ctc`
    is the probability of all texts that begin so; for a token that ends, the first is that of the text as it is
    (Watanabe et al. 2017, section II-C and algorithm 2). The blank and tokens that are not heard are impossible unless
    they end texts too; where a rule lets nothing else follow, they are taken and leave what CTC says as it is.

    Args:
        logits: (utterances, frames, vocabulary) of the CTC head.
        lengths: (utterances,), frames that count.
        weight: Of CTC, above 0 and at most 1.
        blank: The token of CTC that stands for nothing.
        ends: Tokens that end a text.
        silent: Tokens that are not heard, such as the one that begins a text.
        candidates: Tokens of a row, the best by the decoder, that are considered, beside those that end; the others
            are impossible. `None`: all.

    Raises:
        InputError: A number is out of range, or the logits of a row are not finite.
    """

    def __init__(
        self,
        logits: Tensor,
        lengths: Tensor,
        *,
        weight: float,
        blank: int,
        ends: Iterable[int],
        silent: Iterable[int] = (),
        candidates: int | None = None,
    ) -> None:
        if not 0 < weight <= 1:
            raise InputError(f"ctc_weight={weight}, expected more than 0 and at most 1")
        if candidates is not None and candidates < 1:
            raise InputError(f"ctc_candidates={candidates}, expected at least 1, or None for all tokens")
        _check_finite(logits, lengths)
        self._weight = weight
        self._candidates = candidates
        self._vocab_size = logits.shape[-1]
        # Half precision is too coarse for sums over paths.
        log_probs = logits.to(torch.promote_types(logits.dtype, torch.float32)).log_softmax(dim=-1)
        self._prefixes = PrefixScores(log_probs, lengths, blank)
        self._ends = torch.tensor(sorted(ends), device=logits.device, dtype=torch.int64)
        self._silent = torch.tensor(sorted({*silent, blank}), device=logits.device, dtype=torch.int64)
        self._seen = 0
        self._live = len(logits)

    def start(self, prompt: Tensor) -> None:
        """Take the prompt for what was heard first, but for silent tokens."""
        self._read(prompt)

    def fuse(self, ids: Tensor, scores: Tensor) -> Tensor:
        """The joint scores: see the class.

        Raises:
            InputError: The decoder has another vocabulary.
        """
        if scores.shape[-1] != self._vocab_size:
            raise InputError(
                f"the CTC head scores {self._vocab_size} tokens, but the decoder {scores.shape[-1]}: joint decoding "
                "needs one vocabulary"
            )
        self._read(ids)
        tokens = self._considered(scores)  # (rows, candidates)
        decoder = scores.gather(-1, tokens)
        forced = torch.isfinite(scores).sum(dim=-1) == 1
        joint = (1 - self._weight) * decoder + self._weight * self._gained(tokens, forced).to(scores.dtype)
        joint.masked_fill_(torch.isinf(decoder) | torch.isnan(joint), -torch.inf)
        return scores.fill_(-torch.inf).scatter_(-1, tokens, joint)

    def reorder(self, rows: Tensor) -> None:
        """See `Fusion.reorder`."""
        self._prefixes.reorder(rows)

    def keep_rows(self, kept: Tensor) -> None:
        """See `Fusion.keep_rows`."""
        rows = torch.arange(len(self._prefixes.scores), device=kept.device).view(self._live, -1)
        self._prefixes.reorder(rows[kept].flatten())
        self._live = len(kept)

    def _read(self, ids: Tensor) -> None:
        """Take over tokens that were added since the last time."""
        for place in range(self._seen, ids.shape[1]):
            tokens = ids[:, place]
            self._prefixes.extend(tokens, ~torch.isin(tokens, self._silent) & ~torch.isin(tokens, self._ends))
        self._seen = ids.shape[1]

    def _considered(self, scores: Tensor) -> Tensor:
        """The best tokens of each row and those that end it. *Shapes:* to (rows, candidates), some twice."""
        if self._candidates is None or self._candidates >= self._vocab_size:
            return torch.arange(self._vocab_size, device=scores.device).expand(len(scores), -1)
        best = scores.topk(self._candidates, dim=-1).indices
        return torch.cat((best, self._ends.expand(len(scores), -1)), dim=1)

    def _gained(self, tokens: Tensor, forced: Tensor) -> Tensor:
        """What CTC adds with each token. *Shapes:* `tokens` (rows, candidates), to the same; `forced` (rows,), bool."""
        unheard = torch.isin(tokens, self._silent)
        gained = self._prefixes.of(tokens) - self._prefixes.scores[:, None]
        gained = torch.where(unheard, torch.where(forced, 0.0, -torch.inf)[:, None], gained)
        ended = self._prefixes.ended() - self._prefixes.scores
        return torch.where(torch.isin(tokens, self._ends), ended[:, None], gained)


def joint_ctc(
    model: Generating,
    encoded: EncoderOutput,
    *,
    weight: float,
    ends: Iterable[int],
    candidates: int | None = None,
) -> JointCTC:
    """Joint decoding with the CTC head of a pair; see `JointCTC`.

    Args:
        model: The pair.
        encoded: What its encoder made of the batch.
        weight: Of CTC, above 0 and at most 1.
        ends: Tokens that end a text.
        candidates: Tokens of a row that are considered.

    Raises:
        InputError: The pair has no CTC head, or one of another vocabulary than the decoder's; or see `JointCTC`.
    """
    if model.ctc_head is None:
        raise InputError(
            "ctc_weight was given, but the pair has no CTC head: train one with ctc_vocab_size in the config"
        )
    _check_vocabulary(model)
    states, mask = encoded.last_hidden_state, encoded.frame_mask
    if mask is not None:  # that of tokens may have gaps, over which the frames would have to be moved
        checks.check_mask(mask, states.shape[:2], "for joint CTC decoding, attention_mask")
    return JointCTC(
        model.ctc_head(states),
        row_lengths(states, mask),
        weight=weight,
        blank=model.token("pad_token_id", "as the blank of the CTC head"),
        ends=ends,
        silent=marking_tokens(model.config, model.config.decoder),
        candidates=candidates,
    )


def _check_vocabulary(model: Generating) -> None:
    size, blank = model.config.ctc_vocab_size, model.config.ctc_blank_token_id
    if size != model.decoder.vocab_size:
        raise InputError(
            f"the CTC head has {size} tokens, but the decoder {model.decoder.vocab_size}: joint decoding needs one "
            "vocabulary for both"
        )
    if blank is not None:
        raise InputError(
            f"the CTC head has a vocabulary of its own (ctc_blank_token_id={blank} says so): joint decoding needs that "
            "of the decoder; if it is the same, blank and pad_token_id included, set ctc_blank_token_id to None"
        )


def _check_finite(logits: Tensor, lengths: Tensor) -> None:
    counts = torch.arange(logits.shape[1], device=logits.device) < lengths[:, None]  # (utterances, frames)
    highest = logits.amax(dim=-1)
    broken = counts & ~torch.isfinite(highest)
    if broken.any():
        row, frame = broken.nonzero()[0].tolist()
        found = float(highest[row, frame])
        raise InputError(f"the CTC head's logits for row {row}, frame {frame} are not finite (the highest is {found})")
