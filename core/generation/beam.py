"""Beam search: the best few continuations of each utterance, followed side by side.

All beams of all utterances are one batch of rows. The first step reads each utterance once; from then on the memory
is shared by the beams of an utterance, and utterances whose result is settled leave the batch.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from speechgraft.generation.beam_choice import Chooser
from speechgraft.generation.beam_loop import Search
from speechgraft.generation.beam_scores import Scorer
from speechgraft.generation.beam_settings import Beams
from speechgraft.generation.beam_watch import Settled
from speechgraft.generation.fusion import Fusion
from speechgraft.generation.output import Found
from speechgraft.generation.rules import Checked, Rule
from speechgraft.generation.sampling import Watch
from speechgraft.generation.steps import Steps
from speechgraft.generation.stopping import Stopping

__all__ = ["Beams", "beam_search"]


def beam_search(
    steps: Steps,
    prompt: Tensor,
    beams: Beams,
    *,
    limit: int,
    stopping: Stopping,
    pad: int,
    rules: Sequence[Rule] = (),
    warpers: Sequence[Rule] = (),
    fusion: Sequence[Fusion] = (),
    generator: torch.Generator | None = None,
    watch: Watch | None = None,
    keep_scores: bool = False,
    keep_logits: bool = False,
) -> Found:
    """The best hypotheses of each utterance.

    A batch of utterances gives what each gives alone, unless continuations are drawn.

    Args:
        steps: The decoder, one row an utterance.
        prompt: (utterances, tokens) that every hypothesis begins with.
        beams: How to search.
        limit: Tokens of a hypothesis at the most, the prompt's included.
        stopping: What else ends a hypothesis.
        pad: What fills rows behind their end.
        rules: Change the log-probabilities of each step, one after another.
        warpers: Change them further, behind `fusion`.
        fusion: What adds scores of its own to the log-probabilities, behind `rules`.
        generator: Where draws come from.
        watch: Told, as soon as tokens are settled, the utterance and all its settled tokens.
        keep_scores: Whether the scores of each step are given back.
        keep_logits: Whether the logits of each step are given back.

    Returns:
        `returned` hypotheses of each utterance, the best first. Their scores are those of their tokens over the power
        of their length; -inf where an utterance has no more hypotheses: such a row is the prompt alone. The scores of
        a step are those that diversity takes nothing off yet.

    Raises:
        InputError: Every continuation of an utterance is ruled out; see also `Steps`.
    """
    if limit <= prompt.shape[1]:
        return _prompt_alone(prompt, beams.returned, keep_scores, keep_logits)
    width = beams.count // beams.groups
    # So many that as many as there are beams go on, even if each beam took every token that ends it.
    candidates = max(2, 1 + len(stopping.ends)) * width
    changes: list[Rule] = [*rules, *(Checked(part.fuse, "fusion", steps) for part in fusion), *warpers]
    scorer = Scorer(steps, changes, keep_scores=keep_scores, keep_logits=keep_logits)
    search = Search(
        scorer,
        Chooser(width, candidates, diversity=beams.diversity_penalty, draw=beams.sample, generator=generator),
        stopping,
        prompt,
        beams,
        limit=limit,
        fusion=fusion,
        settled=None if watch is None else Settled(watch, prompt),
    )
    for part in fusion:
        part.start(prompt)
    while search.step():
        pass
    sequences, sums, origins = search.pool.best(beams.returned, pad)
    return Found(sequences, sums, *scorer.kept(len(prompt), beams.count, pad), origins)


def _prompt_alone(prompt: Tensor, returned: int, keep_scores: bool, keep_logits: bool) -> Found:
    rows = prompt.repeat_interleave(returned, dim=0)
    scores = torch.zeros(len(rows), device=rows.device)
    return Found(rows, scores, () if keep_scores else None, () if keep_logits else None, rows[:, :0])
