"""The output layer: its own matrix or the embedding's, packed or not."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from speechgraft.nn.init import init_common
from speechgraft.nn.output import OutputLayer
from speechgraft.nn.packing import can_pack, linear, prepared

HIDDEN = torch.randn(2, 3, 8, generator=torch.Generator().manual_seed(1))
EMBEDDING = torch.randn(11, 8, generator=torch.Generator().manual_seed(2))


def layer(*, bias: bool, tied: bool) -> OutputLayer:
    torch.manual_seed(0)
    made = OutputLayer(8, 11, bias=bias, tied=tied)
    init_common(made, std=1.0)
    return made.eval()


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("tied", [False, True])
def test_logits_are_products_with_the_matrix(bias, tied):
    made = layer(bias=bias, tied=tied)
    assert set(made.state_dict()) == {name for name, kept in (("weight", not tied), ("bias", bias)) if kept}
    if bias:
        assert not made.bias.any()
        nn.init.normal_(made.bias)
    matrix = EMBEDDING if tied else made.weight
    torch.testing.assert_close(made(HIDDEN, EMBEDDING), HIDDEN @ matrix.T + (made.bias if bias else 0.0))


@pytest.mark.skipif(not can_pack(), reason="this torch has no oneDNN operators")
@pytest.mark.parametrize("tied", [False, True])
def test_the_matrix_is_packed_once_and_anew_when_it_changed(tied, monkeypatch):
    made, embedding, packed, plain = layer(bias=True, tied=tied), nn.Parameter(EMBEDDING.clone()), [], linear.pack
    monkeypatch.setattr(linear, "pack", lambda weight: packed.append(weight) or plain(weight))

    @torch.no_grad()
    def run():
        with prepared(made, packed=True):
            found = [made(HIDDEN, embedding) for _ in range(2)]
        for each in found:
            torch.testing.assert_close(each, OutputLayer.forward(made, HIDDEN, embedding), rtol=1e-5, atol=1e-5)

    run(), run()
    assert len(packed) == 1
    with torch.no_grad():
        (embedding if tied else made.weight).mul_(2)
    run()
    assert len(packed) == 2


@pytest.mark.skipif(not can_pack(), reason="this torch has no oneDNN operators")
def test_a_matrix_of_another_dtype_stays_as_it_is():
    made = layer(bias=False, tied=True)
    with torch.no_grad(), prepared(made, packed=True):
        found = made(HIDDEN.double(), EMBEDDING.double())
    torch.testing.assert_close(found, HIDDEN.double() @ EMBEDDING.double().T)
