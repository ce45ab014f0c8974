"""Which frames tokens are heard in, by what the decoder attends to while it writes them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from speechgraft.contracts import Decoder
from speechgraft.errors import InputError

Heads = Sequence[Sequence[int]]
"""Pairs of a layer and a head in it, from 0, as `alignment_heads` of published generation configs."""

# (rows x tokens x frames) that are decoded at once: in each, every head of every layer leaves a number.
_AT_ONCE: Final = 2**18


def shown_by_attention(
    decoder: Decoder,
    memory: Tensor,
    memory_mask: Tensor | None,
    inputs: Tensor,
    *,
    heads: Heads | None = None,
) -> NDArray[np.float32]:
    """How much each frame is attended to behind each token: the mean over heads.

    The tokens are known, so that one pass tells; it goes over a few tokens at a time, since the weights of all
    heads would fill the memory for long audio.

    Args:
        decoder: What attends.
        memory: (rows, frames, memory_size).
        memory_mask: (rows, frames), true or 1 for what counts, or `None`.
        inputs: (rows, tokens) that the decoder is fed with.
        heads: Those to ask; by default all of all layers.

    Returns:
        (rows, tokens, frames), each token's weights adding up to 1.

    Raises:
        InputError: There is no such head; the decoder does not tell what it attends to.
    """
    cache = decoder.new_cache()
    size = max(1, _AT_ONCE // (memory.shape[0] * memory.shape[1]))
    parts = []
    for begin in range(0, inputs.shape[1], size):
        output = decoder(
            inputs[:, begin : begin + size],
            memory=None if begin else memory,
            memory_mask=None if begin else memory_mask,
            cache=cache,
            last_only=True,
            output_attentions=True,
        )
        parts.append(_mean_of_heads(output.cross_attentions, heads))
    return np.concatenate(parts, axis=1)


def _mean_of_heads(attentions: tuple[Tensor, ...] | None, heads: Heads | None) -> NDArray[np.float32]:
    """*Shapes:* for each layer (rows, heads, tokens, frames) to (rows, tokens, frames)."""
    if not attentions:
        raise InputError("this decoder does not tell what it attends to: times need its cross-attentions")
    if heads is None:
        chosen: Iterable[Tensor] = (layer.float().mean(dim=1) for layer in attentions)
    else:
        _check_heads(heads, [layer.shape[1] for layer in attentions])
        chosen = (attentions[layer][:, head].float() for layer, head in heads)
    mean: NDArray[Any] = torch.stack(list(chosen)).mean(dim=0).cpu().numpy()
    return mean


def check_layers(heads: Heads, layers: int) -> None:
    """Refuse heads of layers that there are not: so much can be told before anything is decoded.

    Raises:
        InputError: Naming the first such pair.
    """
    for pair in heads:
        if len(pair) != 2 or not 0 <= pair[0] < layers or pair[1] < 0:
            raise InputError(
                f"alignment_heads holds {list(pair)}, expected a layer from 0 to {layers - 1} and one of its heads"
            )


def _check_heads(heads: Heads, counts: list[int]) -> None:
    if not heads:
        raise InputError("alignment_heads names no head, expected pairs of a layer and a head")
    for pair in heads:
        if len(pair) != 2 or not 0 <= pair[0] < len(counts) or not 0 <= pair[1] < counts[pair[0]]:
            raise InputError(
                f"alignment_heads holds {list(pair)}, expected a layer from 0 to {len(counts) - 1} "
                f"and one of its heads (there are {counts})"
            )


def frames_of_tokens(attention: NDArray[np.floating[Any]]) -> NDArray[np.int64]:
    """The frame in which each token is heard: never before that of the token in front of it.

    Dynamic time warping in which a frame that shows no token costs nothing: of all monotonic paths the one that
    gathers most attention. That of Radford et al. 2023 gives every frame to a token, so that trained models whose
    heads look at single frames (as CTC beside the decoder makes them) give the frames between to either; see
    `docs/times.md` for what that costs. What all tokens attend to tells of none and is taken off first.

    *Shapes:* `attention` (tokens, frames) to (tokens,).
    """
    tokens, frames = attention.shape
    told = _smoothed(attention - attention.mean(axis=0) if tokens > 1 else attention)
    places = np.arange(frames)
    best = np.zeros(frames)  # (frames,): what the tokens so far gather up to each frame
    ways = np.zeros((tokens, frames), dtype=np.int64)
    for token in range(tokens):
        gathered = best + told[token]
        best = np.maximum.accumulate(gathered)
        ways[token] = np.maximum.accumulate(np.where(gathered >= best, places, 0))
    path = np.empty(tokens, dtype=np.int64)
    frame = frames - 1
    for token in reversed(range(tokens)):
        path[token] = frame = ways[token, frame]
    return path


def _smoothed(told: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """The mean over each frame, twice, and its neighbours. *Shapes:* (tokens, frames) to the same."""
    edged = np.pad(told.astype(np.float64), ((0, 0), (1, 1)), mode="edge")
    smooth: NDArray[np.float64] = (edged[:, :-2] + 2 * edged[:, 1:-1] + edged[:, 2:]) / 4
    return smooth
