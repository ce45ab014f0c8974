"""First values of parameters."""

from __future__ import annotations

import math

import torch
from torch import nn

from speechgraft.nn.init import init_common, init_conv, init_uniform


@torch.no_grad()
def test_common_modules_begin_as_published():
    torch.manual_seed(0)
    linear, embedding, norm = nn.Linear(200, 200), nn.Embedding(300, 200), nn.LayerNorm(8)
    nn.init.normal_(norm.weight)
    for module in (linear, embedding, norm):
        init_common(module, std=0.05)
    assert abs(float(linear.weight.std()) - 0.05) < 0.002
    assert abs(float(embedding.weight.std()) - 0.05) < 0.002
    assert (linear.bias == 0).all()
    assert (norm.weight == 1).all()
    assert (norm.bias == 0).all()
    init_common(nn.Linear(2, 2, bias=False), std=1.0)


@torch.no_grad()
def test_convolutions_begin_by_their_fan_in():
    torch.manual_seed(0)
    conv = nn.Conv1d(64, 64, 5)
    init_conv(conv)
    assert abs(float(conv.weight.std()) - math.sqrt(2 / (64 * 5))) < 0.003
    assert float(conv.bias.abs().max()) <= 1 / math.sqrt(64 * 5)
    init_conv(conv, zero_bias=True)
    assert abs(float(conv.weight.std()) - math.sqrt(2 / (64 * 5))) < 0.003
    assert not conv.bias.any()
    init_conv(nn.Conv1d(1, 2, 3, bias=False))


@torch.no_grad()
def test_uniform_layers_stay_within_their_bound():
    linear = nn.Linear(100, 50)
    init_uniform(linear)
    for values in (linear.weight, linear.bias):
        assert 0.05 < float(values.abs().max()) <= 0.1
