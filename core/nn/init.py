"""First values of parameters, for the modules that are the same in every model."""

from __future__ import annotations

import math

import torch
from torch import nn

from speechgraft.nn.output import OutputLayer


@torch.no_grad()
def init_common(module: nn.Module, *, std: float) -> None:
    """Norms begin as the identity, linear and output layers and embeddings normal with `std` and zero bias.

    Other modules are left as they are.
    """
    if isinstance(module, nn.Linear):
        nn.init.normal_(module.weight, std=std)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
    elif isinstance(module, nn.Embedding):
        nn.init.normal_(module.weight, std=std)
    elif isinstance(module, OutputLayer):
        module.init_weights(std=std)
    elif isinstance(module, (nn.LayerNorm, nn.GroupNorm)):
        nn.init.ones_(module.weight)
        nn.init.zeros_(module.bias)


@torch.no_grad()
def init_conv(conv: nn.Conv1d, *, zero_bias: bool = False) -> None:
    """He et al. (2015) for the weight; the bias zero or uniform in one over the square root of the fan-in."""
    nn.init.kaiming_normal_(conv.weight)
    if conv.bias is not None and zero_bias:
        nn.init.zeros_(conv.bias)
    elif conv.bias is not None:
        bound = math.sqrt(conv.groups / (conv.in_channels * conv.kernel_size[0]))
        nn.init.uniform_(conv.bias, -bound, bound)


@torch.no_grad()
def init_uniform(linear: nn.Linear) -> None:
    """Uniform in one over the square root of the fan-in, for weight and bias."""
    bound = math.sqrt(1 / linear.in_features)
    nn.init.uniform_(linear.weight, -bound, bound)
    nn.init.uniform_(linear.bias, -bound, bound)
