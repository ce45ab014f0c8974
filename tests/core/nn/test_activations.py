"""Activations under their published names."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F

from speechgraft.config import ACTIVATION_NAMES
from speechgraft.nn.activations import ACTIVATIONS

X = torch.linspace(-6, 6, 101, dtype=torch.float64)

EXPECTED = {
    "gelu": 0.5 * X * (1 + torch.erf(X / math.sqrt(2))),
    "gelu_python": 0.5 * X * (1 + torch.erf(X / math.sqrt(2))),
    "gelu_new": F.gelu(X, approximate="tanh"),
    "gelu_pytorch_tanh": F.gelu(X, approximate="tanh"),
    "gelu_fast": F.gelu(X, approximate="tanh"),
    "quick_gelu": X / (1 + torch.exp(-1.702 * X)),
    "relu": X.clamp(min=0),
    "selu": F.selu(X),
    "silu": X / (1 + torch.exp(-X)),
    "swish": X / (1 + torch.exp(-X)),
    "tanh": torch.tanh(X),
}


def test_configs_accept_what_there_is():
    assert set(ACTIVATIONS) == set(ACTIVATION_NAMES) == set(EXPECTED)


@pytest.mark.parametrize("name", ACTIVATION_NAMES)
def test_activation_is_what_its_name_says(name):
    torch.testing.assert_close(ACTIVATIONS[name](X), EXPECTED[name], rtol=0, atol=1e-9)
