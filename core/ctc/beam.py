"""Prefix beam search: the most probable tokens, summed over all alignments that spell them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from speechgraft.ctc.alignment import align_row
from speechgraft.ctc.reading import Reading
from speechgraft.ctc.scores import rows_of
from speechgraft.ctc.words import NoWords, Said, WordFusion, Words
from speechgraft.errors import InputError

_NONE = -1


def beam_search(
    logits: Tensor,
    lengths: Any = None,
    *,
    blank: int,
    width: int = 16,
    n_best: int = 1,
    min_token_log_prob: float = -math.inf,
    words: WordFusion | None = None,
) -> list[list[Reading]]:
    """The best readings of each row, the best first.

    Prefix beam search (Hannun et al. 2014, algorithm 1; Graves 2012, "Supervised sequence labelling",
    section 7.5.3) on logarithms. It is exact where `width` holds every prefix there is.

    Args:
        logits: (batch, frames, vocabulary): scores or log-probabilities.
        lengths: (batch,): frames of each utterance; `None` is all of them.
        blank: The token that stands for nothing.
        width: Prefixes that are followed.
        n_best: Readings that are given back of each row; fewer where there are not so many.
        min_token_log_prob: Tokens less probable in a frame (natural logarithm) begin nothing there, the best
            one apart. It saves time with large vocabularies.
        words: A language model with its weights.

    Returns:
        Readings whose score sums over all alignments that were followed, ranked with what `words` adds; their
        spans are those of the best alignment.

    Raises:
        InputError: As `greedy`; a width or number that is not positive; an alphabet of another size.
    """
    _check(logits, width, n_best, min_token_log_prob, words)
    search = _Search(blank, width, min_token_log_prob, NoWords() if words is None else words)
    return [search.read(row, n_best) for row in rows_of(logits, lengths, blank=blank)]


def _check(logits: Tensor, width: int, n_best: int, limit: float, words: WordFusion | None) -> None:
    if width < 1 or not 1 <= n_best <= width:
        raise InputError(f"width={width} and n_best={n_best}: expected 1 <= n_best <= width")
    if math.isnan(limit) or limit > 0:
        raise InputError(f"min_token_log_prob={limit}, expected a logarithm of a probability, 0 or less")
    if words is not None and len(words.alphabet.written) != logits.shape[-1]:
        raise InputError(
            f"the alphabet of the language model has {len(words.alphabet.written)} tokens, "
            f"but there are logits for {logits.shape[-1]}"
        )


class _Prefix:
    """Tokens read so far, as a node of a tree: the last token behind those of its parent."""

    __slots__ = ("_closed", "children", "parent", "said", "token")

    def __init__(self, parent: _Prefix | None, token: int, said: Said) -> None:
        self.parent = parent
        self.token = token
        self.said = said
        self.children: dict[int, _Prefix] = {}
        self._closed: Said | None = None

    def closed(self, words: Words) -> Said:
        """What it says once its last word is complete; asked of the language model once."""
        if self._closed is None:
            self._closed = words.closed(self.said)
        return self._closed

    def grown(self, token: int, words: Words) -> _Prefix:
        """The prefix with one more token; the same object each time, so that alignments meet in it."""
        child = self.children.get(token)
        if child is None:
            said = self.closed(words) if words.ends_word(token) else words.after(self.said, token)
            child = self.children[token] = _Prefix(self, token, said)
        return child

    def tokens(self) -> tuple[int, ...]:
        """All its tokens, the first first."""
        return tuple(self._backwards())[::-1]

    def _backwards(self) -> Iterator[int]:
        prefix: _Prefix = self
        while prefix.parent is not None:
            yield prefix.token
            prefix = prefix.parent


@attrs.frozen(eq=False)
class _Beam:
    """The prefixes that are followed, with two probabilities of each (natural logarithms)."""

    prefixes: list[_Prefix]

    in_blank: NDArray[np.float64]
    """(prefixes,): of alignments whose last frame is blank."""

    in_token: NDArray[np.float64]
    """(prefixes,): of alignments whose last frame is the prefix's last token."""

    def total(self) -> NDArray[np.float64]:
        """(prefixes,): of all alignments."""
        return np.logaddexp(self.in_blank, self.in_token)

    def origins(self) -> NDArray[np.int64]:
        """(prefixes,): the place of each one's parent in the beam, where it is in it."""
        places = {id(prefix): place for place, prefix in enumerate(self.prefixes)}
        return np.array([places.get(id(prefix.parent), _NONE) for prefix in self.prefixes])


class _Search:
    """What stays the same from frame to frame."""

    def __init__(self, blank: int, width: int, limit: float, words: Words) -> None:
        self.blank = blank
        self.width = width
        self.limit = limit
        self.words = words

    def read(self, log_probs: NDArray[np.float64], n_best: int) -> list[Reading]:
        """*Shapes:* `log_probs` (frames, vocabulary)."""
        spaces = np.array([self.words.ends_word(token) for token in range(log_probs.shape[1])])
        root = _Prefix(None, _NONE, self.words.begin())
        beam = _Beam([root], np.zeros(1), np.full(1, -np.inf))
        for frame in log_probs:
            beam = self._step(beam, frame, spaces)
        return self._readings(beam, log_probs, n_best)

    def _step(self, beam: _Beam, frame: NDArray[np.float64], spaces: NDArray[np.bool_]) -> _Beam:
        """The best prefixes after one more frame. *Shapes:* `frame` and `spaces` (vocabulary,)."""
        total = beam.total()  # (prefixes,)
        chosen = self._chosen(frame)
        last = np.array([prefix.token for prefix in beam.prefixes])
        columns = np.full(len(frame) + 1, _NONE)  # the last place is for the empty prefix, which has no token
        columns[chosen] = np.arange(len(chosen))
        column = columns[last]  # (prefixes,): where each one's last token is among the chosen

        grown = total[:, None] + frame[chosen]  # (prefixes, chosen)
        again = np.flatnonzero(column != _NONE)
        # Without a blank between, a token that comes again is the same token.
        grown[again, column[again]] = beam.in_blank[again] + frame[last[again]]
        stay_blank = total + frame[self.blank]
        stay_token = beam.in_token + frame[last]

        origin = beam.origins()
        met = np.flatnonzero((origin != _NONE) & (column != _NONE))
        places = origin[met], column[met]
        stay_token[met] = np.logaddexp(stay_token[met], grown[places])
        grown[places] = -np.inf

        ranks = self._ranks(beam, np.logaddexp(stay_blank, stay_token), grown, spaces[chosen])
        return self._kept(beam, _best(ranks, self.width), chosen, stay_blank, np.append(stay_token, grown))

    def _chosen(self, frame: NDArray[np.float64]) -> NDArray[np.int64]:
        """Tokens that may begin in a frame: those that are probable enough, and the best."""
        probable = (frame >= min(self.limit, frame.max())) & (frame > -np.inf)
        probable[self.blank] = False
        return np.flatnonzero(probable)

    def _ranks(
        self, beam: _Beam, stayed: NDArray[np.float64], grown: NDArray[np.float64], spaces: NDArray[np.bool_]
    ) -> NDArray[np.float64]:
        """What prefixes are kept by. *Shapes:* (prefixes,) that stay, (prefixes, chosen) that grew, to both flat."""
        weight = np.array([prefix.said.weight for prefix in beam.prefixes])
        ranks = grown + weight[:, None]
        if spaces.any():
            closed = np.array([prefix.closed(self.words).weight for prefix in beam.prefixes])
            ranks[:, spaces] = grown[:, spaces] + closed[:, None]
        return np.append(stayed + weight, ranks)

    def _kept(
        self,
        beam: _Beam,
        kept: NDArray[np.int64],
        chosen: NDArray[np.int64],
        stay_blank: NDArray[np.float64],
        in_token: NDArray[np.float64],
    ) -> _Beam:
        """The beam of the places that were kept, out of prefixes that stay and then of those that grew."""
        count = len(beam.prefixes)
        prefixes = []
        for place in kept.tolist():
            if place < count:
                prefixes.append(beam.prefixes[place])
            else:
                row, column = divmod(place - count, len(chosen))
                prefixes.append(beam.prefixes[row].grown(int(chosen[column]), self.words))
        in_blank = np.where(kept < count, stay_blank[np.minimum(kept, count - 1)], -np.inf)
        return _Beam(prefixes, in_blank, in_token[kept])

    def _readings(self, beam: _Beam, log_probs: NDArray[np.float64], n_best: int) -> list[Reading]:
        scores = beam.total()
        added = np.array([self.words.ended(prefix.said) for prefix in beam.prefixes])
        order = np.argsort(-(scores + added), kind="stable")[:n_best].tolist()
        aligned = ((place, align_row(log_probs, beam.prefixes[place].tokens(), self.blank)) for place in order)
        return [
            attrs.evolve(reading, score=float(scores[place]), language=float(added[place]))
            for place, reading in aligned
        ]


def _best(ranks: NDArray[np.float64], width: int) -> NDArray[np.int64]:
    """Places of the `width` largest that are possible at all."""
    possible = np.flatnonzero(ranks > -np.inf)
    if len(possible) <= width:
        return possible
    return possible[np.argpartition(-ranks[possible], width - 1)[:width]]
