"""Modules without weights."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

import pytest
import torch
from torch import nn

from speechgraft.errors import ConfigError
from speechgraft.nn.meta import FREE_TENSORS, weightless

BUILD = """
import sys
import speechgraft as sg
from speechgraft.nn.meta import weightless

with weightless():
    sg.SEWDModel(sg.SEWDConfig(num_hidden_layers=1))
    sg.SpeechEncoderDecoderModel(
        sg.SpeechEncoderDecoderConfig.from_encoder_decoder_configs(
            sg.Wav2Vec2Config(num_hidden_layers=1), sg.BertConfig(num_hidden_layers=1)
        )
    )
print(*sorted({"sympy", "torch._dynamo"} & set(sys.modules)))
"""


def built() -> list[nn.Module]:
    """One of each kind that draws or sets first values."""
    norms = [nn.LayerNorm(4), nn.GroupNorm(2, 4), nn.BatchNorm1d(4)]
    return [nn.Linear(4, 3), nn.Embedding(5, 4, padding_idx=1), nn.Conv1d(4, 4, 3), *norms]


def test_nothing_has_values() -> None:
    with weightless():
        modules = built()
    assert all(tensor.is_meta for module in modules for tensor in (*module.parameters(), *module.buffers()))


def test_a_random_state_stays_as_it_is() -> None:
    before = torch.get_rng_state()
    with weightless():
        built()
    assert torch.equal(torch.get_rng_state(), before)


def test_it_ends() -> None:
    with weightless():
        assert torch.get_default_device().type == "meta"
    assert torch.nn.init.ones_(torch.zeros(3)).sum() == 3
    assert torch.get_default_device().type == "cpu"


def test_initialisers_give_back_what_they_were_given() -> None:
    with weightless():
        weight = torch.empty(3, 3)
        assert nn.init.normal_(weight) is weight
        assert nn.init.normal_(tensor=weight) is weight


def test_building_imports_no_compiler() -> None:
    run = subprocess.run([sys.executable, "-c", BUILD], check=True, capture_output=True, text=True)
    assert run.stdout.split() == []


def test_as_many_tensors_are_made_as_the_checkpoint_may_want() -> None:
    asked: list[int] = []

    def held(count: int) -> Callable[[], int]:
        return lambda: asked.append(count) or count  # type: ignore[func-returns-value]

    with weightless(held(10)):
        nn.ModuleList([nn.Linear(1, 1) for _ in range(FREE_TENSORS // 2)])
    assert not asked
    with weightless(held(1_000)):
        nn.ModuleList([nn.Linear(1, 1) for _ in range(4_000)])
    assert asked == [1_000]
    with (
        pytest.raises(ConfigError, match="more than 8000 tensors, and the checkpoint has 1000"),
        weightless(held(1_000)),
    ):
        nn.ModuleList([nn.Linear(1, 1) for _ in range(10**9)])


@pytest.mark.parametrize("size", [2**62, 2**64])
def test_a_tensor_larger_than_can_be_counted_is_refused(size: int) -> None:
    with pytest.raises(ConfigError, match="larger than can be counted"), weightless(lambda: 1):
        nn.Linear(size, size)


def test_without_a_checkpoint_to_count_none_is_told() -> None:
    with (
        pytest.raises(ConfigError, match=r"^a config asks for more than 16000 tensors: see its"),
        weightless(lambda: None),
    ):
        nn.ModuleList([nn.Linear(1, 1) for _ in range(10**9)])
