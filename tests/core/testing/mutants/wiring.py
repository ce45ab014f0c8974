"""Faults of what pairs are made of: blocks, losses, routing and files, broken for healthy entries."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F

from mutants.table import BERT, GPT2, TEXT, WAV2VEC2, Mutant
from speechgraft import bridge, losses
from speechgraft.checkpoint import write_tensors
from speechgraft.nn import attention, stack
from speechgraft.nn.cache import DecoderCache
from speechgraft.nn.masks import both
from speechgraft.nn.speech import context
from speechgraft.nn.speech.front_end import ConvFrontEnd, TimeNorm
from speechgraft.registry import pretrained, trial

_shift, _fold, _attend = losses.shift_right, TimeNorm.fold, attention.attend
_keep_rows, _reorder = DecoderCache.keep_rows, DecoderCache.reorder


def one_frame_more(front_end: ConvFrontEnd, lengths: Any) -> Any:
    for shape in front_end.shapes:
        lengths = shape.output_length(lengths)
    return lengths + 1


def fold_with_padding(norm: TimeNorm, conv: Any, x: Any, lengths: Any = None) -> Any:
    return _fold(norm, conv, x)


def unscaled(*parts: Any, need_weights: bool = False, scale: Any = None, **options: Any) -> Any:
    """Unscaled where nobody looks at the weights, as it would be in one of two implementations."""
    return _attend(*parts, need_weights=need_weights, scale=scale if need_weights else 1.0, **options)


def mean_of_its_own(logits: Any, labels: Any, count: Any) -> Any:
    return F.cross_entropy(logits.flatten(0, 1), labels.flatten(), ignore_index=-100)


def shifted_twice(labels: Any, *, start: int, pad: int) -> Any:
    return _shift(_shift(labels, start=start, pad=pad), start=start, pad=pad)


def dropped(options: Any, destinations: Any, **rest: Any) -> Any:
    return {part: {} for part in destinations}


def nothing(*args: Any, **options: Any) -> None:
    pass


def keep_the_first(cache: DecoderCache, utterances: Any) -> None:
    _keep_rows(cache, torch.arange(len(utterances)))


def reorder_nothing(cache: DecoderCache, rows: Any) -> None:
    if len(rows) != cache.rows:
        _reorder(cache, rows)


def coarse(folder: Any, tensors: Any, **options: Any) -> Any:
    return write_tensors(folder, {name: value.float().double() for name, value in tensors.items()}, **options)


def noisy(norm: Any, x: torch.Tensor) -> torch.Tensor:
    return x + torch.rand_like(x)


AUDIO, DECODER, PAIR, OTHER = (WAV2VEC2,), (BERT,), (WAV2VEC2, BERT), (TEXT, GPT2)


def _broken(
    name: str, killer: str, entries: Any, owner: Any, what: str, how: Any, finds: str = "", *, examples: int = 15
) -> Mutant:
    return Mutant(name, killer, entries, ((owner, what, how),), finds, examples=examples)


MUTANTS = (
    _broken("frames promised that do not come", "P02_lengths", AUDIO, ConvFrontEnd, "output_lengths", one_frame_more),
    _broken("norm of the waveform counts padding", "P03_batch_invariance", AUDIO, TimeNorm, "fold", fold_with_padding),
    _broken("padding reaches the norm", "P04_mask", AUDIO, TimeNorm, "fold", fold_with_padding),
    _broken("padding reaches the memory", "P03_batch_invariance", PAIR, TimeNorm, "fold", fold_with_padding, "memory"),
    _broken("frames attend to padding", "P03_batch_invariance", AUDIO, context, "key_mask", nothing),
    _broken("tokens attend to masked ones", "P04_mask", DECODER, stack, "both", lambda one, other: one),
    _broken("tokens see later ones", "P05_causality", DECODER, stack, "both", lambda one, other: both(None, other)),
    _broken("unscaled attention", "P15_outputs", DECODER, attention, "attend", unscaled, "asked for with states"),
    _broken("loss with a mean of its own", "P08_loss", PAIR, losses, "cross_entropy", mean_of_its_own),
    _broken("labels shifted twice", "P08_loss", PAIR, losses, "shift_right", shifted_twice, "shifted by hand"),
    _broken("options of forward dropped", "P09_routing", PAIR, bridge, "route", dropped, "reached []"),
    _broken("options of text encoders dropped", "P09_routing", OTHER, bridge, "route", dropped),
    # Rows of one batch that end at different steps are drawn now and then alone.
    _broken(
        "rows that end mix with others", "P11_search", PAIR, DecoderCache, "keep_rows", keep_the_first, examples=150
    ),
    _broken("beams go on from another's history", "P11_search", PAIR, DecoderCache, "reorder", reorder_nothing),
    _broken("files of coarser numbers", "P10_round_trip", PAIR, pretrained, "write_tensors", coarse, "values differ"),
    _broken(
        "counts parameters wrongly", "P01_wiring", PAIR, trial, "_counted", lambda model: {"encoder": 7}, "total 7"
    ),
    _broken("norms random in eval mode", "P12_determinism", DECODER, torch.nn.LayerNorm, "forward", noisy, "random"),
)
