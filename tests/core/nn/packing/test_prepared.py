"""Prepared modules give what they give without it, and nothing is left of it behind."""

from __future__ import annotations

import copy
import pickle

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from speechgraft.nn import packing
from speechgraft.nn.feed_forward import FeedForward
from speechgraft.nn.packing import can_pack, packing_pays, prepared
from speechgraft.nn.speech.front_end import ConvFrontEnd
from speechgraft.nn.speech.positions import WeightNormConv

pytestmark = pytest.mark.skipif(not can_pack(), reason="this torch has no oneDNN operators")


class Model(nn.Module):
    """Linear layers, of which two share a weight, and a feed-forward."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(6, 8)
        self.middle = FeedForward(8, 12, F.gelu)
        self.words = nn.Embedding(5, 8)
        self.last = nn.Linear(8, 5)
        self.last.weight = self.words.weight

    def forward(self, x: Tensor) -> Tensor:
        return self.last(self.middle(self.first(x)))


@pytest.fixture
def model() -> Model:
    torch.manual_seed(0)
    return Model().eval()


X = torch.randn(3, 4, 6, generator=torch.Generator().manual_seed(0))


@torch.no_grad()
def run(model: nn.Module, *, packed: bool) -> Tensor:
    with prepared(model, packed=packed):
        return model(X)


def close(found: Tensor, expected: Tensor) -> None:
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)


def test_results_are_those_of_the_plain_modules(model):
    with torch.no_grad(), prepared(model, packed=True):
        assert {"forward"} <= vars(model.first).keys()
        close(model(X), run(copy.deepcopy(model), packed=False))
    assert "forward" not in vars(model.first)


def change_in_place(model: Model) -> None:
    with torch.no_grad():
        model.first.weight.mul_(2)


def change_data(model: Model) -> None:
    model.first.weight.data += 1


def assign(model: Model) -> None:
    model.load_state_dict({k: v + 1 for k, v in model.state_dict().items()}, assign=True)


def step(model: Model) -> None:
    optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
    model(X).sum().backward()
    optimizer.step()


def replace(model: Model) -> None:
    model.middle.outer = nn.Linear(12, 8).eval()


@pytest.mark.parametrize("change", [change_in_place, change_data, assign, step, replace])
def test_changed_weights_are_prepared_anew(model, change):
    before = run(model, packed=True)
    change(model)
    after = run(model, packed=True)
    close(after, run(model, packed=False))
    assert not torch.allclose(after, before)


def test_what_did_not_change_is_prepared_once(model, monkeypatch):
    run(model, packed=True)
    monkeypatch.setattr("speechgraft.nn.packing.weights.pack", lambda weight: pytest.fail("packed a second time"))
    run(model, packed=True)


def test_nothing_of_it_is_in_a_state_dict_a_copy_or_a_pickle(model):
    names = set(model.state_dict())
    run(model, packed=True)
    assert set(model.state_dict()) == names
    for twin in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert vars(twin.first).keys() == vars(Model().first).keys()
        close(run(twin, packed=True), run(model, packed=False))


def test_gradients_and_training_go_the_plain_way(model):
    with prepared(model, packed=True):
        out = model(X)
        out.sum().backward()
    assert torch.equal(out, model(X))
    assert all(weight.grad is not None for weight in (model.first.weight, model.middle.inner.weight))
    with torch.no_grad(), prepared(model.train(), packed=True):
        assert "forward" not in vars(model.first)


def test_other_dtypes_stay_as_they_are(model):
    with torch.no_grad(), prepared(model.double(), packed=True):
        assert "forward" not in vars(model.first)


def test_an_error_within_leaves_nothing_behind(model):
    weight = model.first.weight.clone()
    with pytest.raises(RuntimeError, match="stop"), prepared(model, packed=True, replace=True):
        raise RuntimeError("stop")
    assert "forward" not in vars(model.first)
    assert torch.equal(model.first.weight, weight)


def test_nested_use_takes_back_what_it_brought_alone(model):
    with torch.no_grad(), prepared(model, packed=True):
        run(model, packed=True)
        assert "forward" in vars(model.first)
        close(model(X), run(copy.deepcopy(model), packed=False))


def test_packed_weights_can_take_the_place_of_plain_ones(model):
    expected = run(model, packed=False)
    weights = {name: value.clone() for name, value in model.state_dict().items()}
    first = model.first.weight
    with torch.no_grad(), prepared(model, packed=True, replace=True):
        assert model.first.weight.is_meta
        assert first.numel() == 0
        assert not model.words.weight.is_meta, "the embedding reads it too"
        close(model(X), expected)
        close(run(model, packed=True), expected)
    assert model.first.weight is first
    assert all(torch.equal(value, weights[name]) for name, value in model.state_dict().items())
    assert torch.equal(run(model, packed=False), expected)


def test_without_the_operators_all_is_as_it_was(model, monkeypatch):
    monkeypatch.setattr(packing, "can_pack", lambda: False)
    with prepared(model, packed=True, replace=True):
        assert "forward" not in vars(model.first)
        assert not model.first.weight.is_meta


def test_the_trial_is_made_once():
    assert packing_pays() is packing_pays()


@pytest.mark.parametrize("default", [torch.float32, torch.float64], ids=str)
def test_trying_it_takes_no_random_numbers_and_goes_with_any_default_type(default):
    state, before = torch.get_rng_state(), torch.get_default_dtype()
    torch.set_default_dtype(default)
    try:
        assert packing_pays.__wrapped__() in (True, False)
    finally:
        torch.set_default_dtype(before)
    assert torch.equal(torch.get_rng_state(), state)


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_a_prepared_front_end_gives_the_same_frames(data):
    layers = data.draw(st.integers(1, 3))

    def each(low: int, high: int) -> list[int]:
        return data.draw(st.lists(st.integers(low, high), min_size=layers, max_size=layers))

    torch.manual_seed(data.draw(st.integers(0, 999)))
    front_end = ConvFrontEnd.published(
        each(3, 6),
        each(1, 7),
        each(1, 4),
        bias=data.draw(st.booleans()),
        norm=data.draw(st.sampled_from(["group", "layer"])),
        activation=F.gelu,
        exact=data.draw(st.booleans()),
    ).eval()
    frames = data.draw(st.lists(st.integers(1, 150), min_size=1, max_size=3))
    lengths = torch.tensor([front_end.input_length(count) for count in frames])
    waveform = torch.randn(len(frames), int(lengths.max()))
    given_lengths = data.draw(st.sampled_from([None, lengths]))
    weights = [weight.clone() for weight in front_end.parameters()]
    replace = data.draw(st.booleans())
    with torch.no_grad():
        expected = front_end(waveform, given_lengths)
        with prepared(front_end, packed=True, replace=replace):
            assert "forward" in vars(front_end)
            assert [layer.conv.weight.is_meta for layer in front_end.layers] == [False] + [replace] * (layers - 1)
            found = front_end(waveform, given_lengths)
    assert all(map(torch.equal, front_end.parameters(), weights))
    assert found.shape == expected.shape
    for row, length in enumerate(lengths):
        count = expected.shape[1] if given_lengths is None else int(front_end.output_lengths(length))
        torch.testing.assert_close(found[row, :count], expected[row, :count], rtol=1e-3, atol=1e-4)


@settings(max_examples=25, deadline=None)
@given(
    kernel=st.sampled_from([5, 64, 65, 100, 128]),
    groups=st.sampled_from([1, 2, 4]),
    stride=st.integers(1, 2),
    frames=st.integers(1, 400),
    rows=st.integers(1, 3),
    replace=st.booleans(),
)
def test_prepared_positions_are_the_same(kernel, groups, stride, frames, rows, replace):
    torch.manual_seed(kernel + frames)
    conv = WeightNormConv(8, kernel, groups, stride=stride).eval()
    conv.reset_parameters()
    nn.init.normal_(conv.bias)
    x = torch.randn(rows, 8, frames)
    with torch.no_grad(), prepared(conv, packed=True, replace=replace):
        assert "forward" in vars(conv)
        torch.testing.assert_close(conv(x), type(conv).forward(conv, x), rtol=1e-4, atol=1e-4)
