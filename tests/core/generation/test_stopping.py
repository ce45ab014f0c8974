"""What ends a row."""

from __future__ import annotations

import pytest
import torch

from speechgraft.errors import InputError
from speechgraft.generation.stopping import Stopping

IDS = torch.tensor([[4, 1], [1, 4], [1, 5]])


def test_the_last_token_ends_a_row():
    assert Stopping([4, 1])(IDS, None).tolist() == [True, True, False]
    assert Stopping([])(IDS, None).tolist() == [False] * 3
    assert not Stopping([]).can_stop
    assert Stopping([4]).can_stop


def test_a_criterion_ends_rows_or_all():
    one = Stopping([1], [lambda ids, scores: ids[:, -1] == 5])
    assert one.can_stop
    assert one(IDS, None).tolist() == [True, False, True]
    assert Stopping([], [lambda ids, scores: ids.shape[1] > 1])(IDS, None).tolist() == [True] * 3


def test_time_ends_all_rows(monkeypatch):
    now = [10.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    stopping = Stopping([], seconds=2.0)
    assert stopping.can_stop
    assert not stopping(IDS, None).any()
    now[0] = 12.1
    assert stopping(IDS, None).all()


@pytest.mark.parametrize("answer", [torch.tensor([True]), torch.ones(3), None, 1], ids=str)
def test_other_answers_are_refused(answer):
    with pytest.raises((InputError, TypeError, RuntimeError)) as caught:
        Stopping([], [lambda ids, scores: answer])(IDS, None)
    assert isinstance(caught.value, InputError), caught.value
    assert "stopping_criteria gave" in str(caught.value)
