"""Prepared norms and dropouts give what they give without it, in training too."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from speechgraft.nn.packing import can_pack, prepared

pytestmark = pytest.mark.skipif(not can_pack(), reason="this torch has no oneDNN operators")

X = torch.randn(2, 3, 8, generator=torch.Generator().manual_seed(0))


@torch.no_grad()
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("options", [{}, {"bias": False}, {"elementwise_affine": False}, {"eps": 0.5}])
def test_norms_are_bitwise_the_same(options, dtype):
    norm = nn.LayerNorm(8, **options).to(dtype).eval()
    for weight in norm.parameters():
        nn.init.normal_(weight)
    with prepared(norm, packed=True):
        assert "forward" in vars(norm)
        assert torch.equal(norm(X.to(dtype)), nn.LayerNorm.forward(norm, X.to(dtype)))


def test_dropout_drops_in_training_alone():
    dropout = nn.Dropout(0.5)
    with torch.no_grad(), prepared(dropout.eval(), packed=True):
        assert dropout(X) is X
        assert (dropout.train()(X) == 0).any()
    with torch.no_grad(), prepared(dropout, packed=True):
        assert (dropout(X) == 0).any()
