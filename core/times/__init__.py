"""When words are said: which tokens make a word, which frames show them, where the sound parts them; and captions."""

from __future__ import annotations

from speechgraft.times.borders import between_words
from speechgraft.times.captions import Cue, cues, srt, vtt
from speechgraft.times.frames import frame_moments, frames_of_memory
from speechgraft.times.warping import frames_of_tokens, shown_by_attention
from speechgraft.times.words import Word, words_of

__all__ = [
    "Cue",
    "Word",
    "between_words",
    "cues",
    "frame_moments",
    "frames_of_memory",
    "frames_of_tokens",
    "shown_by_attention",
    "srt",
    "vtt",
    "words_of",
]
