"""From a batch of audio to what was said: how a pair is asked for it, and how a CTC model is."""

from __future__ import annotations

from speechgraft.hearing.contract import Batch, Heard, Hearing, Listener, Times, evaluating
from speechgraft.hearing.ctc import CTCHearing, CTCOptions
from speechgraft.hearing.load import Parts, hearing_of, load_parts, shipped_folder
from speechgraft.hearing.pair import PairHearing

__all__ = [
    "Batch",
    "CTCHearing",
    "CTCOptions",
    "Heard",
    "Hearing",
    "Listener",
    "PairHearing",
    "Parts",
    "Times",
    "evaluating",
    "hearing_of",
    "load_parts",
    "shipped_folder",
]
