"""The sizes and the memory of a pair, told by running it on meta tensors, which have shapes and no values."""

from __future__ import annotations

import weakref
from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils import _pytree
from torch.utils._python_dispatch import TorchDispatchMode

from speechgraft.contracts import Encoder
from speechgraft.registry.entries import EncoderEntry
from speechgraft.registry.models import PairModel
from speechgraft.registry.sizes import TOKENS_PER_SECOND, Estimate, Step

_INPUT_AXES = {"waveform": ("batch", "samples"), "features": ("batch", "frames", "bins"), "tokens": ("batch", "tokens")}

_LONG = 10.0
"""Seconds of audio that tell how many frames of features a second has, whatever the first one takes."""

_ALMOST = 1.1
"""How many times as long an utterance may last as was asked for, and still be the same: frames reach over its ends."""


def estimate(model: PairModel, entry: EncoderEntry, seconds: float) -> Estimate:
    """What one utterance takes.

    Args:
        model: On meta tensors; it is left in eval mode.
        entry: Of its encoder: its extractor tells how many inputs a second of audio has.
        seconds: Of audio; where the encoder takes text, of the speech that the text would be. What is shorter than the
            encoder's shortest input, or longer than its longest, stands for that one.
    """
    inputs, heard = _inputs(model.encoder, entry, seconds)
    tokens = _within(_spoken(seconds if heard is None else heard), model.decoder.max_positions)
    steps = _steps(model, inputs, tokens)
    weights, trained = _bytes(model.parameters()), _bytes(each for each in model.parameters() if each.requires_grad)
    working, cache = _generation(model, inputs, tokens)
    return Estimate(
        seconds=heard,
        tokens=tokens,
        dtype=str(_dtype(model)).removeprefix("torch."),
        steps=steps,
        frames_per_second=heard and steps[1].sizes[1] / heard,
        memory_frames_per_second=heard and steps[2].sizes[1] / heard,
        weights=weights,
        gradients=trained,
        moments=2 * trained,
        activations=_training(model, inputs, tokens),
        working=working,
        cache=cache,
    )


class Live(TorchDispatchMode):
    """Adds up the storages that operations make, for as long as they live.

    Attributes:
        now: Bytes that live now.
        peak: The most that lived at once.
    """

    def __init__(self, known: Iterable[Tensor]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.now = 0
        self.peak = 0
        self._sizes: dict[int, int] = {}
        self._known = {each.untyped_storage()._cdata for each in known}

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        made = func(*args, **(kwargs or {}))
        for each in _pytree.tree_leaves(made):
            if isinstance(each, Tensor):
                self._note(each.untyped_storage())
        return made

    def _note(self, storage: Any) -> None:
        key = storage._cdata
        if key in self._sizes or key in self._known:
            return
        self._sizes[key] = storage.nbytes()
        self.now += self._sizes[key]
        self.peak = max(self.peak, self.now)
        weakref.finalize(storage, self._drop, key)

    def _drop(self, key: int) -> None:
        self.now -= self._sizes.pop(key)


class _Made(NamedTuple):
    """What a pass gives. *Shapes:* (1, frames, size), (1, memory frames, size), (1, tokens, vocabulary)."""

    frames: Tensor
    memory: Tensor
    logits: Tensor


def _pass(model: PairModel, inputs: Tensor, ids: Tensor) -> _Made:
    frames = model.encoder(inputs).last_hidden_state
    memory, _ = model.connect(frames, None)
    return _Made(frames, memory, model.decoder(ids, memory=memory).logits)


@torch.no_grad()
def _steps(model: PairModel, inputs: Tensor, tokens: int) -> tuple[Step, ...]:
    made = _pass(model.eval(), inputs, _ids(tokens))
    wide = ("batch", "frames", "wide")
    return (
        Step("input", tuple(inputs.shape), _INPUT_AXES[model.encoder.input_kind]),
        Step("frames", tuple(made.frames.shape), wide),
        Step("memory", tuple(made.memory.shape), wide),
        Step("tokens", (1, tokens, model.decoder.hidden_size), ("batch", "tokens", "wide")),
        Step("logits", tuple(made.logits.shape), ("batch", "tokens", "vocabulary")),
    )


@torch.enable_grad()
def _training(model: PairModel, inputs: Tensor, tokens: int) -> int:
    """The peak of a forward pass that is to be differentiated, up to the losses."""
    for module in model.modules():
        # SpecAugment and LayerDrop read the numbers that they draw; meta tensors have none.
        module.training = isinstance(module, nn.Dropout)
    ids = _ids(tokens)
    live = Live(model.parameters())
    with live:
        made = _pass(model, inputs, ids)
        losses = [F.cross_entropy(made.logits.flatten(0, 1), ids.flatten())]
        if model.ctc_head is not None:
            losses.append(model.ctc_head(made.frames).log_softmax(dim=-1))
    model.eval()
    return live.peak


@torch.no_grad()
def _generation(model: PairModel, inputs: Tensor, tokens: int) -> tuple[int, int]:
    """The peak of encoding and of a step at the text's end, and what of it is the cache."""
    model.eval()
    live = Live(model.parameters())
    with live:
        memory, _ = model.connect(model.encoder(inputs).last_hidden_state, None)
        before, cache = live.now, model.decoder.new_cache()
        # A text is read at once, as its last step would find it: the cache is what it is after one by one.
        model.decoder(_ids(tokens), memory=memory, cache=cache, last_only=True)
        kept = live.now - before
    return live.peak, kept


def _ids(tokens: int) -> Tensor:
    return torch.zeros(1, tokens, dtype=torch.int64, device="meta")


def _spoken(seconds: float) -> int:
    """Tokens of the text of so much speech."""
    return max(1, round(TOKENS_PER_SECOND * seconds))


def _inputs(encoder: Encoder, entry: EncoderEntry, seconds: float) -> tuple[Tensor, float | None]:
    """One row, as long as the encoder takes it, and the seconds that it lasts. *Shapes:* as its `input_kind` says."""
    if encoder.input_kind == "tokens":
        return _ids(_taken(encoder, _spoken(seconds))), None
    extractor = entry.load_extractor()()
    rate = float(extractor.sampling_rate)
    wanted = max(1, round(seconds * rate))
    if encoder.input_kind == "features":
        wanted, rate = _frames(extractor, wanted), _frames(extractor, round(_LONG * rate)) / _LONG
    length = _taken(encoder, wanted)
    bins = () if encoder.feature_size is None else (encoder.feature_size,)
    inputs = torch.zeros(1, length, *bins, dtype=_dtype(encoder), device="meta")
    # An extractor may fill up what is short: it is then that much that runs.
    as_asked = length == wanted and length / rate <= _ALMOST * seconds
    return inputs, seconds if as_asked else length / rate


def _taken(encoder: Encoder, wanted: int) -> int:
    """The nearest number of inputs that an encoder takes."""
    return max(_within(wanted, encoder.max_positions), encoder.minimum_length)


def _frames(extractor: Any, samples: int) -> int:
    """Frames of features that an extractor makes of so many samples."""
    made = extractor(np.zeros(samples, dtype=np.float32), sampling_rate=extractor.sampling_rate, return_tensors="pt")
    return int(made["input_features"].shape[1])


def _within(count: int, most: int | None) -> int:
    return count if most is None else min(count, most)


def _dtype(module: nn.Module) -> torch.dtype:
    types = (each.dtype for each in module.parameters() if each.is_floating_point())
    return next(types, torch.get_default_dtype())


def _bytes(tensors: Iterable[Tensor]) -> int:
    return sum(each.numel() * each.element_size() for each in tensors)
