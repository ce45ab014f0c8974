"""What a pair is to learn from a batch, and the losses of what it gave."""

from __future__ import annotations

from typing import Any, Protocol

from attrs import define
from torch import Tensor

from speechgraft import checks, losses
from speechgraft.contracts import row_lengths
from speechgraft.errors import InputError
from speechgraft.special_tokens import find_token, marking_tokens


class LossConfig(Protocol):
    """What the losses read of a composite config."""

    ctc_blank_token_id: int | None
    pad_token_id: int | None

    @property
    def decoder(self) -> Any:
        """The decoder's config, asked for what the composite leaves open."""


# Not frozen, since torch.compile cannot follow the constructor of a frozen class.
@define(eq=False)
class Targets:
    """What a pair is to learn from a batch."""

    labels: Tensor | None = None
    """(batch, tokens), `losses.IGNORED` for what does not count: what the decoder is to say."""

    ctc_labels: Tensor | None = None
    """(batch, tokens), negative for what does not count: what the CTC head is to say; `None`: the same."""

    tokens: Tensor | int | None = None
    """The tokens over which the losses are taken, such as those of a whole step; `None`: the batch's own."""

    def loss(self, logits: Tensor) -> Tensor | None:
        """Cross-entropy of the decoder's logits; `None` without labels.

        *Shapes:* (batch, tokens, vocabulary) to ().

        Raises:
            InputError: The labels are of another number of rows or places.
        """
        if self.labels is None:
            return None
        if logits.shape[:2] != self.labels.shape:
            raise InputError(f"labels have shape {tuple(self.labels.shape)}, but the logits {tuple(logits.shape[:2])}")
        return losses.cross_entropy(logits, self.labels, losses.tokens_of(self.labels, self.tokens))

    def ctc_loss(self, logits: Tensor | None, mask: Tensor | None, config: LossConfig) -> Tensor | None:
        """The loss of the CTC head, over as many tokens as it learns from; `None` where it has nothing to learn.

        *Shapes:* `logits` (batch, frames, CTC vocabulary); `mask` (batch, frames), of the encoder's own frames; to ().

        Raises:
            InputError: There are labels for a head that gave nothing, or they do not fit it.
            ConfigError: No config sets the padding token, which is the blank of a head that shares the vocabulary.
        """
        if logits is None and self.ctc_labels is not None:
            raise InputError("ctc_labels were passed, but there is no CTC head here, or nothing was encoded")
        blank = config.ctc_blank_token_id
        labels = self.labels if self.ctc_labels is None and blank is None else self.ctc_labels
        if logits is None or labels is None:
            return None
        checks.check_token_rows(labels, len(logits), "ctc_labels")
        if blank is not None:
            labels = labels.masked_fill(labels == blank, losses.IGNORED)
        if mask is not None:  # that of tokens may have gaps, over which the frames would have to be moved
            checks.check_mask(mask, logits.shape[:2], "for a CTC loss, attention_mask")
        total = losses.ctc(
            logits,
            row_lengths(logits, mask),
            labels,
            skipped=marking_tokens(config, config.decoder) if blank is None else (),
            blank=_shared_blank(config) if blank is None else blank,
            zero_infinity=True,
        )
        return total / losses.tokens_of(labels, self.tokens)


def _shared_blank(config: LossConfig) -> int:
    return find_token("pad_token_id", "as the blank of the CTC head", config, config.decoder)
