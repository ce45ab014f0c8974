"""What the decoder of a pair is given: ids, embeddings, or labels moved by one place, checked against what it takes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import torch
from attrs import field, frozen
from torch import Tensor

from speechgraft import checks, losses
from speechgraft.contracts import Decoder
from speechgraft.errors import InputError
from speechgraft.nn.cache import DecoderCache
from speechgraft.nn.masks import length_mask
from speechgraft.routing import one_of


def _wide(ids: Tensor | None) -> Tensor | None:
    """Whole numbers as int64; anything else as it is, to be refused by `DecoderInputs.check`."""
    return ids.to(torch.int64) if isinstance(ids, Tensor) and checks.is_integral(ids) else ids


@frozen(eq=False)
class DecoderInputs:
    """The new tokens of each row, and which of all its tokens count."""

    ids: Tensor | None = field(default=None, converter=_wide)
    """(rows, new tokens), int64; other integers are made such."""

    embeds: Tensor | None = None
    """(rows, new tokens, hidden_size), in place of ids."""

    mask: Tensor | None = None
    """(rows, tokens seen and new), true or 1 for what counts."""

    @property
    def empty(self) -> bool:
        """Whether there is neither."""
        return self.ids is None and self.embeds is None

    @classmethod
    def of_labels(cls, labels: Tensor, mask: Tensor | None, *, start: int, pad: int) -> Self:
        """The start token and each label but the last; without a mask, places behind a row's last label are masked.

        *Shapes:* `labels` and `mask` (rows, tokens).
        """
        if mask is None:
            mask = length_mask(losses.label_lengths(labels), labels.shape[1])
        return cls(losses.shift_right(labels, start=start, pad=pad), mask=mask)

    def check(
        self,
        decoder: Decoder,
        cache: DecoderCache | None,
        rows: int,
        options: Mapping[str, Any],
        *,
        prefix: str = "decoder_",
    ) -> None:
        """Refuse what the decoder cannot take.

        Args:
            decoder: Whose inputs they are.
            cache: What it has seen already.
            rows: How many rows there have to be.
            options: What else it is passed.
            prefix: What the names of the arguments begin with in the call that brought them.

        Raises:
            InputError: Naming the argument, and the row where it is one row's fault.
        """
        ids, embeds = f"{prefix}input_ids", f"{prefix}inputs_embeds"
        given = one_of(**{ids: self.ids, embeds: self.embeds})
        if given is None:
            labels = "labels, " if prefix else ""
            raise InputError(f"nothing to decode: pass {labels}{ids} or {embeds}")
        if self.ids is not None:
            checks.check_ids(self.ids, decoder.vocab_size, ids)
        else:
            checks.check_width(given, decoder.hidden_size, embeds)
            checks.check_dtype(decoder, given, embeds)
        checks.check_rows(given.shape[0], rows, embeds if self.ids is None else ids)
        seen = (0 if cache is None else cache.length) + given.shape[1]
        checks.check_positions(decoder, seen)
        if self.mask is not None:
            checks.check_binary(self.mask, (given.shape[0], seen), f"{prefix}attention_mask")
        checks.check_id_options(decoder.id_options, options, given.shape[:2], prefix=prefix)


def checked_labels(labels: Tensor, decoder: Decoder, rows: int) -> Tensor:
    """Labels of any integers as int64, none outside the vocabulary. *Shapes:* (rows, tokens), both.

    Raises:
        InputError: There are others, or of another number of rows, or no integers.
    """
    checks.check_ids(labels, decoder.vocab_size, "labels", ignored=losses.IGNORED)
    checks.check_rows(labels.shape[0], rows, "labels")
    return labels.to(torch.int64)


def rows_to_decode(memory: Tensor | None, cache: DecoderCache | None) -> int:
    """Rows that the decoder takes: those of the cache or, before its first call, one (or its beams) an utterance.

    *Shapes:* `memory` (utterances, frames, memory_size).
    """
    if cache is not None and cache.rows is not None:
        return cache.rows
    assert memory is not None, "the first call has a memory"
    return memory.shape[0] * (1 if cache is None else cache.rows_per_utterance)
