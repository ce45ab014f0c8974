"""What is switched on a built model: which parts are trained, and what is kept for the backward pass."""

from __future__ import annotations

from typing import Any

from torch import nn

from speechgraft.contracts import Encoder
from speechgraft.errors import InputError


def freeze_feature_encoder(encoder: Encoder) -> None:
    """Train an encoder's feature encoder (the convolutions over a waveform) no more.

    Raises:
        InputError: The encoder has none.
    """
    part = encoder.feature_encoder
    if part is None:
        raise InputError(f"{type(encoder).__name__} has no feature encoder to freeze")
    part.requires_grad_(False)


def recompute_layers(model: nn.Module, enabled: bool) -> None:
    """Recompute each layer in the backward pass instead of keeping what it computed.

    Raises:
        InputError: No part of the model can.
    """
    stacks: list[Any] = [module for module in model.modules() if hasattr(module, "gradient_checkpointing")]
    if not stacks:
        raise InputError(f"no part of {type(model).__name__} can recompute its layers")
    for stack in stacks:
        stack.gradient_checkpointing = enabled
