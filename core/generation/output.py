"""What `generate` gives back where more than token ids is asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from speechgraft.contracts import EncoderOutput, Output
from speechgraft.generation.steps import Seen

Layers = tuple[Tensor, ...]


class GenerateOutput(Output):
    """Token ids, with what was asked for of how they came about.

    Rows are those of `sequences`, or for beam search those of the beams (`num_beams` an utterance). Of rows that
    have ended and left the batch, scores and logits hold 0 for `pad_token_id` and -inf elsewhere, attentions and
    hidden states zeros.

    *Shapes:* `sequences` (rows, tokens), the beginning included; `sequences_scores` (rows,) of a beam search;
    `scores` after all rules and `logits` before them, each a tuple over steps of (rows, vocabulary);
    `beam_indices` (rows, added tokens), the row of the batch of beams that each token was added to, -1 behind the
    last; `encoder_attentions` and `encoder_hidden_states` as in `EncoderOutput`; `decoder_attentions`,
    `cross_attentions` and `decoder_hidden_states` tuples over steps of what `DecoderOutput` holds, for the tokens
    that were new to the step.
    """

    sequences: Tensor
    sequences_scores: Tensor | None
    scores: tuple[Tensor, ...] | None
    logits: tuple[Tensor, ...] | None
    beam_indices: Tensor | None
    encoder_attentions: Layers | None
    encoder_hidden_states: Layers | None
    decoder_attentions: tuple[Layers, ...] | None
    cross_attentions: tuple[Layers, ...] | None
    decoder_hidden_states: tuple[Layers, ...] | None


class Found(NamedTuple):
    """What a search gives back, see `GenerateOutput`."""

    sequences: Tensor
    sequences_scores: Tensor | None = None
    scores: tuple[Tensor, ...] | None = None
    logits: tuple[Tensor, ...] | None = None
    beam_indices: Tensor | None = None


def output_of(
    found: Found, seen: Sequence[Seen], encoded: EncoderOutput, shown: Mapping[str, bool], *, rows: int
) -> GenerateOutput:
    """The whole output.

    Args:
        found: What the search gave.
        seen: What each step showed of the decoder, empty where nothing of it was asked for.
        encoded: What the encoder gave.
        shown: Whether `output_attentions` and `output_hidden_states` were asked for.
        rows: Rows of each utterance at last.
    """
    utterances = len(encoded.last_hidden_state)
    return GenerateOutput(
        **found._asdict(),
        encoder_attentions=encoded.attentions if shown["output_attentions"] else None,
        encoder_hidden_states=encoded.hidden_states if shown["output_hidden_states"] else None,
        decoder_attentions=_of_steps(seen, "attentions", utterances, rows),
        cross_attentions=_of_steps(seen, "cross_attentions", utterances, rows),
        decoder_hidden_states=_of_steps(seen, "hidden_states", utterances, rows),
    )


def _of_steps(seen: Sequence[Seen], name: str, utterances: int, times: int) -> tuple[Layers, ...] | None:
    """One kind of what steps showed, for all rows; `None` where it was not kept."""
    if not seen or getattr(seen[0], name) is None:
        return None
    return tuple(tuple(_of_all(layer, step, utterances, times) for layer in getattr(step, name)) for step in seen)


def _of_all(layer: Tensor, step: Seen, utterances: int, times: int) -> Tensor:
    layer = whole(layer, step.utterances, utterances)
    return layer if step.times == times else layer.repeat_interleave(times // step.times, dim=0)


def whole(part: Tensor, utterances: Tensor, total: int, fill: float = 0.0) -> Tensor:
    """What belongs to the rows of live utterances, with a filling for those of the others.

    *Shapes:* `part` (live utterances x rows of each, ...), `utterances` (live utterances,) to (`total` x rows of
    each, ...).
    """
    if len(utterances) == total:
        return part
    by_utterance = part.view(len(utterances), -1, *part.shape[1:])
    filled = by_utterance.new_full((total, *by_utterance.shape[1:]), fill)
    filled[utterances] = by_utterance
    return filled.flatten(0, 1)


def certain(scores: Tensor, utterances: Tensor, total: int, pad: int) -> Tensor:
    """Scores of a step for all rows: those of utterances that have left are filled with certainty by `pad`.

    *Shapes:* as `whole`, (live rows, vocabulary) to (rows, vocabulary).
    """
    filled = whole(scores, utterances, total, float("-inf"))
    if filled is not scores and 0 <= pad < scores.shape[1]:
        gone = torch.ones(total, dtype=torch.bool, device=scores.device).index_fill_(0, utterances, False)
        filled[gone.repeat_interleave(len(filled) // total), pad] = 0.0
    return filled
