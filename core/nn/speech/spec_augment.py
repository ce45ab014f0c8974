"""SpecAugment on hidden states: spans of frames and of channels left out (Park et al. 2019)."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from speechgraft.errors import InputError


class Spans(NamedTuple):
    """How much is masked along one axis.

    Attributes:
        probability: Share of the axis that spans cover, were they not to overlap.
        length: Places a span covers.
        minimum: The fewest spans of a row.
    """

    probability: float
    length: int
    minimum: int = 0

    def draw(self, lengths: Tensor, size: int) -> Tensor:
        """Random spans within the first `lengths[b]` places of each row, at different starts.

        A row gets as many spans as fit into it: none, where it is shorter than one.
        *Shapes:* (batch,) to (batch, size), bool, on the CPU's random stream.
        """
        mask = torch.zeros(len(lengths), size, dtype=torch.bool)
        rounding = float(torch.rand([]))
        for row, length in zip(mask, lengths.tolist(), strict=True):
            starts = max(length - self.length + 1, 0)
            spans = max(int(self.probability * length / self.length + rounding), self.minimum)
            spans = min(spans, starts, size // self.length)
            for start in torch.randperm(starts)[:spans].tolist():
                row[start : start + self.length] = True
        return mask.to(lengths.device)


class SpecAugment(nn.Module):
    """Masked frames become a learned vector, masked channels zero; in training, or where given.

    Args:
        size: Width of the hidden states.
        time: Spans of frames.
        feature: Spans of channels.
        enabled: Whether training draws spans at all.
    """

    def __init__(self, size: int, *, time: Spans, feature: Spans, enabled: bool = True) -> None:
        super().__init__()
        self.embedding = nn.Parameter(torch.empty(size))
        self.time = time
        self.feature = feature
        self.enabled = enabled

    def forward(self, hidden: Tensor, lengths: Tensor | None, given: Tensor | None = None) -> Tensor:
        """Mask frames and features.

        *Shapes:* `hidden` (batch, frames, size); `lengths` (batch,), frames; `given` (batch, frames),
        bool, the frames to mask instead of random ones.

        Raises:
            InputError: `given` has another shape, or is no mask.
        """
        batch, frames, size = hidden.shape
        if given is not None and (given.shape != (batch, frames) or given.is_floating_point()):
            found = f"mask_time_indices has shape {tuple(given.shape)} of {given.dtype}"
            raise InputError(f"{found}, but {(batch, frames)} of torch.bool was expected: rows and frames")
        drawing = self.training and self.enabled
        if given is None and drawing and self.time.probability > 0:
            whole = torch.full((batch,), frames, device=hidden.device)
            given = self.time.draw(whole if lengths is None else lengths, frames)
        if given is not None:
            hidden = torch.where(given.to(torch.bool)[..., None], self.embedding.to(hidden.dtype), hidden)
        if drawing and self.feature.probability > 0:
            channels = self.feature.draw(torch.full((batch,), size, device=hidden.device), size)
            hidden = hidden.masked_fill(channels[:, None, :], 0.0)
        return hidden
