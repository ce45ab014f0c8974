"""Prepared distances give what they give without it, whatever the length, and follow their weights."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor, nn

from speechgraft.nn.disentangled import DisentangledAttention, RelativePositions
from speechgraft.nn.packing import can_pack, prepared

pytestmark = pytest.mark.skipif(not can_pack(), reason="this torch has no oneDNN operators")

SIZE = 8
TERMS = [("c2p",), ("p2c",), ("c2p", "p2c")]


class Model(nn.Module):
    """Two attentions that share their distances, and one without."""

    def __init__(self, terms: tuple[str, ...] = TERMS[-1], *, shared: bool = True) -> None:
        super().__init__()
        self.positions = RelativePositions(SIZE, 4, longest=16, norm=nn.LayerNorm(SIZE))
        self.layers = nn.ModuleList(
            DisentangledAttention(SIZE, 2, scale=0.5, terms=each, shared=shared) for each in (terms, terms, ())
        )

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers:
            x = x + layer(x, None, self.positions(x.shape[1]))[0]
        return x


@pytest.fixture
def model() -> Model:
    torch.manual_seed(0)
    return Model().eval()


def inputs(length: int) -> Tensor:
    return torch.randn(2, length, SIZE, generator=torch.Generator().manual_seed(length))


@torch.no_grad()
def check(model: Model) -> None:
    """One length after another, with the plain results beside them."""
    plain = copy.deepcopy(model)
    with prepared(model, packed=True):
        for length in (3, 11, 2):
            x = inputs(length)
            torch.testing.assert_close(model(x), plain(x), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("shared", [True, False])
@pytest.mark.parametrize("terms", TERMS)
def test_results_are_those_of_the_plain_modules_at_every_length(terms, shared):
    torch.manual_seed(0)
    check(Model(terms, shared=shared).eval())


@pytest.mark.parametrize(
    "name", ["positions.embedding.weight", "positions.norm.bias", "layers.0.key.weight", "layers.1.query.bias"]
)
def test_changed_weights_are_followed(model, name):
    check(model)
    with torch.no_grad():
        model.get_parameter(name).add_(torch.randn(SIZE))
    check(model)


def test_distances_that_are_not_prepared_are_read_as_they_come(model):
    plain, x = copy.deepcopy(model), inputs(5)
    with torch.no_grad(), prepared(model.layers[0], packed=True):
        for length in (2, 5):
            model.layers[0](inputs(length), None, model.positions(length))
        found = model.layers[0](x, None, model.positions(5))[0]
        torch.testing.assert_close(found, plain.layers[0](x, None, plain.positions(5))[0], rtol=1e-5, atol=1e-5)


def test_distances_are_projected_once_for_all_inputs(model):
    calls = []
    for layer in model.layers:
        layer.tables = lambda distances, tables=layer.tables: calls.append(1) or tables(distances)
    for _ in range(2):
        with torch.no_grad(), prepared(model, packed=True):
            for length in (3, 9, 3):
                model(inputs(length))
    assert len(calls) == 2, "once for each attention that has terms"


def test_where_memory_counts_nothing_is_kept(model):
    x = inputs(5)
    with torch.no_grad(), prepared(model, packed=True, replace=True):
        assert "forward" not in vars(model.layers[0])
        found = model(x)
    with torch.no_grad():
        torch.testing.assert_close(found, model(x), rtol=1e-5, atol=1e-5)
