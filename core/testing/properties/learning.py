"""P07 and P08 of pairs: logits hear the audio, every parameter learns, and the loss is what it says."""

from __future__ import annotations

from itertools import pairwise

import torch
import torch.nn.functional as F
from hypothesis import assume
from hypothesis import strategies as st
from torch import Tensor, nn

from speechgraft.losses import IGNORED
from speechgraft.nn.disentangled import RelativePositions
from speechgraft.nn.speech.front_end import TimeNorm
from speechgraft.nn.speech.spec_augment import SpecAugment
from speechgraft.registry import DecoderEntry, EncoderEntry
from speechgraft.registry.models import PairModel
from speechgraft.testing.case import Case
from speechgraft.testing.models import drawn_pair
from speechgraft.testing.strategies import Batch, batches, draw_ids, label_batches, other_batch

KEYS = ("key", "k_proj", "key_proj", "k")
"""Names that linear layers of keys go by. Their biases move all scores of a query alike, which softmax undoes."""

_HEARD = 1e-9
_LEARNT = 1e-13


@torch.no_grad()
def audio_sensitivity(case: Case, encoder: EncoderEntry, decoder: DecoderEntry) -> None:
    """Another audio, or another text where the encoder takes one, changes the logits of every utterance."""
    model = drawn_pair(case, encoder, decoder)
    batch = case.draw(batches(model.encoder, frames=(4, 8), contents=("noise",)), "batch")
    other = other_batch(model.encoder, batch)
    ids = draw_ids(batch.seed, model.decoder, len(batch.lengths), 3)
    first, second = (model(each.inputs, batch.mask, decoder_input_ids=ids).logits for each in (batch, other))
    for row, apart in enumerate((first - second).abs().amax(dim=(1, 2)).tolist()):
        case.holds(apart > _HEARD, f"another input moves the logits of row {row} by {apart:.3g}", "cross-attention")


def gradients(case: Case, encoder: EncoderEntry, decoder: DecoderEntry) -> None:
    """Every trainable parameter gets a gradient, but those of `exempt`."""
    model = drawn_pair(case, encoder, decoder)
    batch = case.draw(batches(model.encoder, frames=(6, 10), contents=("noise",)), "batch")
    # Attention to a single frame is one, whatever the query: a connector may have left no more.
    frames = model.encoder.output_lengths(torch.tensor(batch.lengths))
    assume(int(model.connector.output_lengths(frames).max()) > 1)
    labels = draw_ids(batch.seed, model.decoder, len(batch.lengths), 4)
    output = model(batch.inputs, batch.mask, labels=labels)
    loss = output.loss
    if output.ctc_logits is not None:  # the CTC loss itself is flat where labels do not fit the frames
        loss = loss + (output.ctc_logits * torch.linspace(-1, 1, output.ctc_logits.shape[-1])).sum()
    loss.backward()
    free = exempt(model)
    for name, parameter in model.named_parameters():
        if not parameter.requires_grad or name in free:
            continue
        largest = 0.0 if parameter.grad is None else float(parameter.grad.abs().max())
        case.holds(largest > _LEARNT, f"the largest gradient of {name} is {largest:.3g}", "where it should be used")


def exempt(model: nn.Module) -> set[str]:
    """Names of parameters that have no gradient for a reason.

    They are mask embeddings, which only masked frames use; biases of keys, which softmax undoes, and of the norm of
    distances, which may be keys and nothing else; and biases of convolutions in front of a norm over time, which
    undoes them.
    """
    free = {name for name, _ in model.named_parameters() if _is_key_bias(name)}
    for path, module in model.named_modules():
        if isinstance(module, SpecAugment):
            free.add(f"{path}.embedding")
        if isinstance(module, RelativePositions):
            free.add(f"{path}.norm.bias")
        for (before, _), (_, norm) in pairwise(module.named_children()):
            if isinstance(norm, TimeNorm):
                free.add(f"{path}.{before}.bias")
    return free


def _is_key_bias(name: str) -> bool:
    *_, layer, kind = ("", *name.split("."))
    return kind == "bias" and layer in KEYS


def loss_value(case: Case, encoder: EncoderEntry, decoder: DecoderEntry) -> None:
    """The loss is the cross-entropy of the logits over the labels that count, which are shifted once."""
    model, batch, labels = _labelled(case, encoder, decoder)
    with torch.no_grad():
        output = model(batch.inputs, batch.mask, labels=labels)
        longer = F.pad(labels, (0, 1), value=IGNORED) if labels.shape[1] < 8 else labels
        padded = model(batch.inputs, batch.mask, labels=longer)
        start, pad = (model.token(name, "to shift labels") for name in ("decoder_start_token_id", "pad_token_id"))
        shifted = F.pad(labels[:, :-1], (1, 0), value=start).masked_fill(F.pad(labels[:, :-1], (1, 0)) == IGNORED, pad)
        by_hand = model(batch.inputs, batch.mask, decoder_input_ids=shifted, decoder_attention_mask=_seen(labels))
    counted = labels != IGNORED
    picked = output.logits.log_softmax(dim=-1).gather(-1, labels.clamp(min=0)[..., None])[..., 0]
    case.close(output.loss, -picked[counted].sum() / counted.sum(), "loss", "losses.cross_entropy")
    case.close(padded.loss, output.loss, "loss with one ignored label more in each row", "losses.cross_entropy")
    case.close(
        by_hand.logits[counted], output.logits[counted], "logits of labels, shifted by hand", "losses.shift_right"
    )
    if output.ctc_loss is not None:
        case.close(padded.ctc_loss, output.ctc_loss, "CTC loss with an ignored label more", "losses.ctc")


def micro_batches(case: Case, encoder: EncoderEntry, decoder: DecoderEntry) -> None:
    """A batch in micro-batches, losses over its labels, gives the same loss and gradients as in one."""
    model, batch, labels = _labelled(case, encoder, decoder)
    cut = case.draw(st.integers(1, len(batch.lengths) - 1), "rows of the first micro-batch")
    whole = _step(model, batch, labels, None)
    count = int((labels != IGNORED).sum())
    parts = [
        _step(model, make_part(model, batch, rows), labels[rows], count)
        for rows in (slice(0, cut), slice(cut, len(batch.lengths)))
    ]
    for name, expected in whole.items():
        found = sum((part[name] for part in parts), torch.zeros_like(expected))
        case.close(found, expected, f"{name} over two micro-batches", "num_items_in_batch, or padding that counts")


def make_part(model: PairModel, batch: Batch, rows: slice) -> Batch:
    """Some rows of a batch, padded to the longest of them."""
    lengths = batch.lengths[rows]
    return Batch(lengths, batch.content, batch.seed, batch.inputs[rows, : max(lengths)])


def _step(model: PairModel, batch: Batch, labels: Tensor, count: int | None) -> dict[str, Tensor]:
    """Losses, and gradients by parameter."""
    model.zero_grad()
    output = model(batch.inputs, batch.mask, labels=labels, num_items_in_batch=count)
    losses = {"loss": output.loss} | ({} if output.ctc_loss is None else {"ctc_loss": output.ctc_loss})
    torch.stack(list(losses.values())).sum().backward()
    found = {name: value.detach() for name, value in losses.items()}
    return found | {
        f"gradient of {name}": torch.zeros_like(parameter) if parameter.grad is None else parameter.grad.clone()
        for name, parameter in model.named_parameters()
    }


def _labelled(case: Case, encoder: EncoderEntry, decoder: DecoderEntry) -> tuple[PairModel, Batch, Tensor]:
    model: PairModel = drawn_pair(case, encoder, decoder)
    rows = (2, 4) if encoder.padding_invariant else (1, 1)
    batch = case.draw(batches(model.encoder, rows=rows, frames=(2, 10)), "batch")
    return model, batch, case.draw(label_batches(model.decoder, len(batch.lengths)), "labels")


def _seen(labels: Tensor) -> Tensor:
    """What comes before the last label of each row that counts. *Shapes:* (batch, tokens) to the same, bool."""
    return (labels != IGNORED).flip(1).cumsum(dim=1).flip(1) > 0
