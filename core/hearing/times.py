"""When the words are said that a pair found: by its CTC head, or by what its decoder attends to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from speechgraft.audio import Audio
from speechgraft.contracts import EncoderOutput, row_lengths
from speechgraft.ctc import Timed, align
from speechgraft.errors import InputError
from speechgraft.special_tokens import marking_tokens
from speechgraft.times import (
    between_words,
    frame_moments,
    frames_of_memory,
    frames_of_tokens,
    shown_by_attention,
    words_of,
)
from speechgraft.times.warping import Heads

if TYPE_CHECKING:
    from speechgraft.registry.models import PairModel
    from speechgraft.text import TextTokenizer

Places = list[tuple[int, int] | None]
"""For each token the first and the last frame that it is heard in; `None` for one that is not heard."""


def shares_vocabulary(model: PairModel) -> bool:
    """Whether there is a CTC head that writes with the decoder's tokens."""
    return model.ctc_head is not None and model.config.ctc_blank_token_id is None


class PairTimes:
    """Seconds of the words of a batch.

    Args:
        model: The pair.
        tokenizer: Writes its tokens.
        encoded: What its encoder made of the batch.
    """

    def __init__(self, model: PairModel, tokenizer: TextTokenizer, encoded: EncoderOutput) -> None:
        self._model = model
        self._tokenizer = tokenizer
        self._encoded = encoded
        self._lengths: list[int] = row_lengths(encoded.last_hidden_state, encoded.frame_mask).tolist()

    def by_ctc(self, row: int, tokens: Sequence[int]) -> Places:
        """Where the CTC head hears the tokens of a row, by forced alignment.

        Raises:
            InputError: There are too many tokens for the frames, or there is no CTC head.
        """
        model, head = self._model, self._model.ctc_head
        if head is None:
            raise InputError("there is no CTC head")
        unheard = {*marking_tokens(model.config, model.config.decoder), *range(head.out_features, 1 + max(tokens))}
        heard = [place for place, token in enumerate(tokens) if token not in unheard]
        logits = head(self._encoded.last_hidden_state[row : row + 1])  # (1, frames, vocabulary)
        blank = model.token("pad_token_id", "as the blank of the CTC head")
        wanted = [tokens[place] for place in heard]
        [reading] = align(logits, [wanted], torch.tensor([self._lengths[row]]), blank=blank)
        found: Places = [None] * len(tokens)
        for place, (first, end) in zip(heard, reading.spans, strict=True):
            found[place] = (first, end - 1)
        return found

    def by_attention(self, rows: Sequence[int], ids: Tensor, fed: Sequence[int], heads: Heads | None) -> list[Places]:
        """Where the decoder attends to when it writes the tokens of some rows.

        *Shapes:* `ids` (rows, tokens), what each row begins with and then the tokens found; `fed` how many of them
        were fed to the decoder for these, which is one for each that it wrote.
        """
        encoded = self._encoded
        mask = None if encoded.frame_mask is None else encoded.frame_mask[list(rows)]
        memory, memory_mask = self._model.connect(encoded.last_hidden_state[list(rows)], mask)
        told = shown_by_attention(self._model.decoder, memory, memory_mask, ids[:, : max(fed)], heads=heads)
        found: list[Places] = []
        for row, count, each in zip(rows, fed, told, strict=True):
            heard = frames_of_memory(self._model.connector, self._lengths[row])
            path = frames_of_tokens(each[:count, : len(heard)])
            found.append([heard[frame] for frame in path.tolist()])
        return found

    def words(self, row: int, audio: Audio, tokens: Sequence[int], places: Places) -> tuple[Timed, ...]:
        """The words of a row with their seconds."""
        found = words_of(self._tokenizer, tokens)
        moments = self._moments(row, audio)
        heard: list[tuple[float, float]] = []
        last = 0
        for word in found:
            frames = [frame for place in places[word.first : word.end] if place is not None for frame in place]
            first, last = (min(frames), max(frames)) if frames else (last, last)
            heard.append((float(moments[first]), float(moments[last])))
        spans = between_words(heard, audio.samples, audio.rate)
        return tuple(Timed(word.text, begin, end) for word, (begin, end) in zip(found, spans, strict=True))

    def _moments(self, row: int, audio: Audio) -> NDArray[np.float64]:
        """Seconds that the frames of a row stand for."""
        frames = self._lengths[row]
        if self._model.encoder.input_kind == "waveform":
            return frame_moments(self._model.encoder, frames, audio.rate)
        # How many samples its inputs stand for is the extractor's affair: the frames share the audio.
        borders = np.linspace(0.0, audio.seconds, frames + 1, dtype=np.float64)
        return (borders[1:] + borders[:-1]) / 2
