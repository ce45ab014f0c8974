"""P02, P03 and P04 of encoders: frames, their number, and what padding must not do to them."""

from __future__ import annotations

import torch

from speechgraft.contracts import Encoder, lengths_of
from speechgraft.nn.masks import is_right_padded
from speechgraft.registry import EncoderEntry
from speechgraft.testing.case import Case
from speechgraft.testing.models import drawn_encoder
from speechgraft.testing.strategies import SEEDS, batches, make_batch, other_batch


@torch.no_grad()
def lengths(case: Case, entry: EncoderEntry) -> None:
    """`output_lengths` equals the frames that come out, for every input length from the minimum on."""
    encoder = drawn_encoder(case, entry)
    batch = case.draw(batches(encoder), "batch")
    look_at = f"{type(encoder).__name__}.output_lengths"
    promised = encoder.output_lengths(torch.tensor(batch.lengths)).tolist()
    for row, frames in enumerate(promised):
        found = encoder(batch.row(row)).last_hidden_state
        expected = (1, frames, encoder.output_size)
        case.holds(
            tuple(found.shape) == expected,
            f"{batch.lengths[row]} inputs give frames of shape {tuple(found.shape)}, promised were {expected}",
            look_at,
        )
    output = encoder(batch.inputs, batch.mask)
    case.holds(output.frame_mask is not None, "no frame mask came out, though a mask went in", "frame_mask")
    found, expected = tuple(output.frame_mask.shape), tuple(output.last_hidden_state.shape[:2])
    case.holds(found == expected, f"the frame mask has shape {found}, the frames {expected}", "frame_mask")
    masked = lengths_of(output.frame_mask).tolist()
    case.holds(masked == promised, f"the frame mask counts {masked} frames, promised were {promised}", "frame_mask")
    if encoder.input_kind != "tokens":
        padded = bool(is_right_padded(output.frame_mask).all())
        case.holds(padded, "the frame mask is not ones, then zeros, as that of the inputs is", "frame_mask")
    _minimum(case, encoder)


def _minimum(case: Case, encoder: Encoder) -> None:
    """The minimum gives a frame, and nothing shorter does."""
    least = encoder.minimum_length
    frames = int(encoder.output_lengths(torch.tensor([least]))[0])
    look_at = f"{type(encoder).__name__}.minimum_length"
    case.holds(frames >= 1, f"the minimum of {least} inputs gives {frames} frames", look_at)
    if least <= 1:
        return
    try:
        found = encoder(make_batch(encoder, (least - 1,), "noise", 0).inputs).last_hidden_state.shape[1]
    # Whatever a module says to an input that is too short, it does not encode it.
    except Exception:  # noqa: BLE001
        return
    case.holds(found == 0, f"{least - 1} inputs, fewer than the minimum of {least}, give {found} frames", look_at)


@torch.no_grad()
def batch_invariance(case: Case, entry: EncoderEntry) -> None:
    """An utterance gives the same frames alone and padded in a batch, given its length."""
    encoder = drawn_encoder(case, entry)
    batch = case.draw(batches(encoder, rows=(2, 4), uneven=True), "batch")
    if not entry.padding_invariant:
        return
    output = encoder(batch.inputs, batch.mask)
    for row, length in enumerate(batch.lengths):
        for mask in (None, torch.ones(1, length, dtype=torch.int64)):
            alone = encoder(batch.row(row), mask).last_hidden_state
            case.close(
                output.last_hidden_state[row : row + 1, : alone.shape[1]],
                alone,
                f"frames of row {row} in the batch and alone ({'without' if mask is None else 'with'} a mask)",
                "norms over time, convolutions that reach into padding, attention without the frame mask",
            )


@torch.no_grad()
def mask(case: Case, entry: EncoderEntry) -> None:
    """Values in masked inputs change nothing."""
    encoder = drawn_encoder(case, entry)
    batch = case.draw(batches(encoder, rows=(2, 3)), "batch")
    full = make_batch(encoder, (max(batch.lengths),) * len(batch.lengths), "noise", batch.seed + 1)
    if not entry.padding_invariant:
        return
    clean = encoder(batch.inputs, batch.mask, output_hidden_states=True)
    dirty = encoder(batch.refilled(full), batch.mask, output_hidden_states=True)
    same = encoder(batch.inputs, batch.mask.to(torch.bool)).last_hidden_state
    case.same(same, clean.last_hidden_state, "frames with a mask of bools, of those with ones and zeros", "the mask")
    for row, frames in enumerate(lengths_of(clean.frame_mask).tolist()):
        case.close(
            dirty.last_hidden_state[row, :frames],
            clean.last_hidden_state[row, :frames],
            f"frames of row {row} with other values in its padding",
            "where padded inputs and frames are left out: norms over time, convolutions, attention",
        )


@torch.no_grad()
def gaps(case: Case, entry: EncoderEntry) -> None:
    """Of an encoder of tokens: masked ones change nothing wherever they lie, and its mask is that of the frames."""
    encoder = drawn_encoder(case, entry)
    if encoder.input_kind != "tokens":
        return
    batch = case.draw(batches(encoder), "batch")
    random = torch.Generator().manual_seed(case.draw(SEEDS, "seed of the mask"))
    mask = torch.rand(batch.inputs.shape, generator=random) < 0.6
    mask[torch.arange(len(mask)), torch.randint(mask.shape[1], (len(mask),), generator=random)] = True
    dirty = torch.where(mask, batch.inputs, other_batch(encoder, batch).inputs)
    found, expected = (encoder(ids, mask.to(torch.int64)) for ids in (dirty, batch.inputs))
    case.same(found.frame_mask, mask, "the frame mask of tokens with gaps", "frame_mask")
    case.close(
        found.last_hidden_state[mask],
        expected.last_hidden_state[mask],
        "hidden states beside other tokens in the gaps of the mask",
        "the attention's mask of keys",
    )
