"""P15: what comes out has the shape and type that was promised, and asking for more changes nothing."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor

from speechgraft.registry import DecoderEntry, EncoderEntry
from speechgraft.testing.case import Case
from speechgraft.testing.models import drawn_decoder, drawn_encoder
from speechgraft.testing.strategies import batches, memories, token_batches

_STATES = "where output_hidden_states and output_attentions are read"
_WEIGHTS = "scale, mask and softmax of the attention where weights are asked for, and where they are not"


def encoder(case: Case, entry: EncoderEntry) -> None:
    """An encoder gives states and weights where it is asked to, first to last, and the same frames with them."""
    module = drawn_encoder(case, entry)
    batch = case.draw(batches(module), "batch")
    with torch.no_grad():
        plain = module(batch.inputs, batch.mask)
    full = module(batch.inputs, batch.mask, output_hidden_states=True, output_attentions=True)
    frames = plain.last_hidden_state
    _is_double(case, frames, "frames")
    case.close(full.last_hidden_state, frames, "frames, asked for with states and weights", _WEIGHTS)
    _unasked(case, {name: plain[name] for name in ("hidden_states", "attentions") if name in plain})
    _states(case, full.hidden_states, len(batch.lengths), full.attentions)
    for weights in full.attentions or ():
        # Where the layers work at the places of the frames, the mask of the frames is that of their keys.
        fits = full.frame_mask is not None and weights.shape[-1] == full.frame_mask.shape[1]
        _weights(case, weights, full.frame_mask if fits else None, "attentions")


def decoder(case: Case, entry: DecoderEntry) -> None:
    """A decoder gives states and weights where it is asked to, first to last, and the same logits with them."""
    module = drawn_decoder(case, entry)
    memory = case.draw(memories(module.memory_size), "memory")
    ids = case.draw(token_batches(module, len(memory.lengths)), "ids")
    options = {"memory": memory.frames, "memory_mask": memory.mask}
    with torch.no_grad():
        plain = module(ids, **options)
    full = module(ids, **options, output_hidden_states=True, output_attentions=True)
    expected, found = (*ids.shape, module.vocab_size), tuple(plain.logits.shape)
    case.holds(found == expected, f"logits have shape {found}, promised were {expected}", "vocab_size")
    _is_double(case, plain.logits, "logits")
    case.close(full.logits, plain.logits, "logits, asked for with states and weights", _WEIGHTS)
    asked = ("hidden_states", "attentions", "cross_attentions")
    _unasked(case, {name: plain[name] for name in asked if name in plain})
    _states(case, full.hidden_states, len(ids), full.attentions)
    seen = torch.ones(ids.shape[1], ids.shape[1], dtype=torch.bool).tril()
    for weights in full.attentions or ():
        _weights(case, weights, None, "attentions")
        case.holds(not bool(weights[..., ~seen].any()), "attentions of later tokens are not zero", "causal mask")
    for weights in full.cross_attentions or ():
        _weights(case, weights, memory.mask, "cross_attentions")


def _is_double(case: Case, values: Tensor, what: str) -> None:
    kind = values.dtype
    case.holds(kind == torch.float64, f"{what} of a float64 module have type {kind}", "casts in forward")


def _unasked(case: Case, given: dict[str, object]) -> None:
    case.holds(not given, f"{', '.join(given)} came out, though nothing asked for them", _STATES)


def _states(case: Case, states: tuple[Tensor, ...] | None, rows: int, attentions: tuple[Tensor, ...] | None) -> None:
    """The embedding, then what each layer makes of the state before it, all of one shape."""
    case.holds(bool(states), "no hidden states came out, though they were asked for", _STATES)
    assert states is not None, "that was just refused"
    shapes = {tuple(state.shape) for state in states}
    fit = len(shapes) == 1 and states[0].dim() == 3 and len(states[0]) == rows
    case.holds(fit, f"hidden states have shapes {sorted(shapes)}, expected one shape ({rows}, ., .)", _STATES)
    if attentions:  # there are layers without any, recurrent ones say
        found, layers = len(states), len(attentions)
        case.holds(
            found == layers + 1,
            f"{found} hidden states, expected the embedding's and those of {layers} layers",
            _STATES,
        )
    for index, (before, after) in enumerate(pairwise(states)):
        case.holds(before is not after, f"hidden states {index} and {index + 1} are the same tensor", _STATES)
        backwards = _depends(before, after)
        case.holds(not backwards, f"hidden state {index} is made of hidden state {index + 1}: order", _STATES)


def _depends(result: Tensor, source: Tensor) -> bool:
    """Whether one is computed from the other."""
    if not (result.requires_grad and source.requires_grad):
        return False
    [gradient] = torch.autograd.grad(result.sum(), source, retain_graph=True, allow_unused=True)
    return gradient is not None


def _weights(case: Case, weights: Tensor, keys: Tensor | None, what: str) -> None:
    """Weights (rows, heads, queries, keys) are none on masked keys, and one in total or, of a masked query, nothing."""
    total = weights.detach().sum(dim=-1)
    good = ((total - 1).abs() <= 1e-9) | (total == 0)
    case.holds(bool(good.all()), f"{what} add up to {float(total[~good][:1].sum()):.6g} over the keys", _WEIGHTS)
    if keys is not None:
        masked = weights.detach().movedim(-1, 1)[~keys]
        case.holds(not bool(masked.any()), f"{what} of masked keys are not zero", "the attention's mask of keys")
