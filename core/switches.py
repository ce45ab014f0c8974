"""What is switched on a built model: which parts are trained, and what is kept for the backward pass."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any, Final, cast

from torch import nn

from speechgraft.contracts import Encoder
from speechgraft.errors import InputError
from speechgraft.nn.attention import CrossAttention, SelfAttention


def freeze_feature_encoder(encoder: Encoder) -> None:
    """Train an encoder's feature encoder (the convolutions over a waveform) no more.

    Raises:
        InputError: The encoder has none.
    """
    part = encoder.feature_encoder
    if part is None:
        raise InputError(f"{type(encoder).__name__} has no feature encoder to freeze")
    part.requires_grad_(False)


def warn_of_feature_extractor() -> None:
    """Tell who calls `freeze_feature_extractor` how it is called now."""
    warnings.warn(
        "freeze_feature_extractor is the older name of freeze_feature_encoder, which says the same",
        FutureWarning,
        stacklevel=3,
    )


ATTENTION: Final = ("sdpa", "eager")
"""How attention may be computed: by torch's fused kernels, or step by step, which shows all weights on the way."""


class Switches:
    """What is switched on a built model, whatever it is made of."""

    def activation_checkpointing_enable(
        self,
        activation_checkpointing_kwargs: Mapping[str, Any] | None = None,
        every_n_layers: int = 1,
        offload: bool = False,
    ) -> None:
        """Recompute layers in the backward pass instead of keeping what they computed (Chen et al. 2016).

        Args:
            activation_checkpointing_kwargs: `use_reentrant` may be said to be false, which it is.
            every_n_layers: Of so many layers of a stack the first is recomputed, and what the others computed is kept.
            offload: Whether what is kept lies in another memory, which is not offered.

        Raises:
            InputError: No part of the model can; or another option is passed.
        """
        for name, value in _options(activation_checkpointing_kwargs).items():
            if name != "use_reentrant" or value is not False:
                raise InputError(
                    f"activation_checkpointing_kwargs holds {name}={value!r}: layers are recomputed without reentrance "
                    "and with their random numbers, and nothing else is offered; leave it out"
                )
        if offload is not False:
            raise InputError(
                f"offload={offload!r} is not offered: what is kept stays on the device; "
                "`with torch.autograd.graph.save_on_cpu():` around a step puts it elsewhere"
            )
        recompute_layers(cast("nn.Module", self), True, every=every_n_layers)

    def activation_checkpointing_disable(self) -> None:
        """Keep again what each layer computed.

        Raises:
            InputError: No part of the model has anything to recompute.
        """
        recompute_layers(cast("nn.Module", self), False)

    def gradient_checkpointing_enable(
        self,
        gradient_checkpointing_kwargs: Mapping[str, Any] | None = None,
        every_n_layers: int = 1,
        offload: bool = False,
    ) -> None:
        """The older name of `activation_checkpointing_enable`."""
        self.activation_checkpointing_enable(gradient_checkpointing_kwargs, every_n_layers, offload)

    def gradient_checkpointing_disable(self) -> None:
        """The older name of `activation_checkpointing_disable`."""
        self.activation_checkpointing_disable()

    @property
    def is_gradient_checkpointing(self) -> bool:
        """Whether a layer is recomputed in the backward pass."""
        modules = cast("nn.Module", self).modules()
        return any(getattr(module, "gradient_checkpointing", False) for module in modules)

    def set_attn_implementation(self, attn_implementation: str | Mapping[str, str]) -> None:
        """Choose how attention is computed, of all parts or by part: `{"encoder": "sdpa", "decoder": "eager"}`.

        Results agree up to rounding.

        Raises:
            InputError: There is no such way, or no such part.
        """
        model = cast("nn.Module", self)
        if isinstance(attn_implementation, str):
            choose_attention(model, attn_implementation)
            return
        parts = {name: part for name, part in model.named_children() if name in ("encoder", "decoder")}
        for name, way in attn_implementation.items():
            if name not in parts:
                raise InputError(f"attn_implementation names {name!r}, but the parts here are {', '.join(parts)}")
            choose_attention(parts[name], way)


def _options(given: Any) -> Mapping[str, Any]:
    if given is not None and not isinstance(given, Mapping):
        raise InputError(
            f"activation_checkpointing_kwargs={given!r}, expected a dictionary or nothing; "
            "activation_checkpointing_disable() switches it off"
        )
    return given or {}


def choose_attention(part: nn.Module, way: str) -> None:
    """Choose how all attention in a part is computed.

    Raises:
        InputError: There is no such way.
    """
    if way not in ATTENTION:
        raise InputError(f"attn_implementation={way!r}, expected {' or '.join(map(repr, ATTENTION))}")
    for module in part.modules():
        if isinstance(module, (SelfAttention, CrossAttention)):
            module.fused = way == "sdpa"


def recompute_layers(model: nn.Module, enabled: bool, *, every: int = 1) -> None:
    """Recompute layers in the backward pass, the first of `every` so many, instead of keeping what they computed.

    Raises:
        InputError: No part of the model can, or `every` is no number of layers.
    """
    if not isinstance(every, int) or isinstance(every, bool) or every < 1:
        raise InputError(f"every_n_layers={every!r}, expected a number of layers, 1 or more")
    stacks: list[Any] = [module for module in model.modules() if hasattr(module, "gradient_checkpointing")]
    if not stacks:
        raise InputError(f"no part of {type(model).__name__} can recompute its layers")
    for stack in stacks:
        stack.gradient_checkpointing = enabled
        stack.checkpointed_every = every
