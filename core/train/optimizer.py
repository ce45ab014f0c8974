"""The optimizer of a run."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from speechgraft.errors import InputError
from speechgraft.train.options import FitOptions


def make_optimizer(model: nn.Module, options: FitOptions) -> torch.optim.Optimizer:
    """AdamW with a rate for the decoder and one for the rest; weight decay on matrices alone."""
    groups: dict[tuple[bool, bool], list[Tensor]] = {}
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            groups.setdefault((name.startswith("decoder."), parameter.dim() > 1), []).append(parameter)
    rates = {False: options.lr, True: options.decoder_lr or options.lr}
    described = [
        {
            "params": parameters,
            "lr": rates[is_decoder],
            "highest_lr": rates[is_decoder],
            "weight_decay": options.weight_decay if is_matrix else 0.0,
        }
        for (is_decoder, is_matrix), parameters in sorted(groups.items(), key=lambda item: item[0])
    ]
    if not described:
        raise InputError("there is no parameter to train")
    return torch.optim.AdamW(described, betas=(0.9, 0.98), fused=True)
