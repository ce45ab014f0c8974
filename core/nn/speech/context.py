"""The transformer over frames of speech, with relative positions by a convolution (Baevski et al. 2020, section 2)."""

from __future__ import annotations

from torch import Tensor, nn

from speechgraft.nn.masks import key_mask
from speechgraft.nn.speech.positions import ConvPositions
from speechgraft.nn.stack import EncoderStack, StackOutput


class SpeechContext(nn.Module):
    """Positions added to the frames, a norm, transformer layers.

    Args:
        positions: What tells frames apart; its result is added to them. `None` where that was done before.
        norm: Before the layers, or behind them where `norm_last`.
        stack: The layers.
        dropout: Probability with which a value is dropped before the layers in training.
        norm_last: Whether the norm stands behind the layers, as it does where each layer normalises first.
    """

    def __init__(
        self,
        positions: ConvPositions | None,
        norm: nn.LayerNorm,
        stack: EncoderStack,
        *,
        dropout: float,
        norm_last: bool = False,
    ) -> None:
        super().__init__()
        self.positions = positions
        self.norm = norm
        self.stack = stack
        self.dropout = nn.Dropout(dropout)
        self.norm_last = norm_last

    def forward(
        self, hidden: Tensor, mask: Tensor | None, *, keep_states: bool = False, keep_weights: bool = False
    ) -> StackOutput:
        """*Shapes:* `hidden` (batch, frames, size), zero where a frame is padding; `mask` (batch, frames), bool."""
        if self.positions is not None:
            hidden = hidden + self.positions(hidden, mask)
        hidden = self.dropout(hidden if self.norm_last else self.norm(hidden))
        result: StackOutput = self.stack(hidden, key_mask(mask), keep_states=keep_states, keep_weights=keep_weights)
        return result._replace(hidden=self.norm(result.hidden)) if self.norm_last else result
