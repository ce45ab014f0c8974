"""Scores that cannot be read are refused, by whatever would read them."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from speechgraft.ctc import align, beam_search, greedy
from speechgraft.errors import InputError

READERS = [greedy, beam_search, lambda logits, lengths=None, *, blank: align(logits, [[1]] * 2, lengths, blank=blank)]
GOOD = torch.zeros(2, 4, 3)


def spoilt(value: float, frame: int = 2) -> torch.Tensor:
    logits = GOOD.clone()
    logits[1, frame, 1] = value
    return logits


@pytest.mark.parametrize("read", READERS, ids=["greedy", "beam_search", "align"])
@pytest.mark.parametrize(
    ("logits", "lengths", "blank", "message"),
    [
        (GOOD[0], None, 0, r"shape \(4, 3\) of torch.float32, expected floats \(batch, frames, vocabulary\)"),
        (GOOD.long(), None, 0, "of torch.int64, expected floats"),
        (GOOD.numpy(), None, 0, r"logits is a numpy\.ndarray, but a tensor was expected: torch.as_tensor\(logits\)"),
        (GOOD, None, 3, "the blank is token 3, but there are logits for 3 tokens"),
        (GOOD, None, -1, "the blank is token -1"),
        (GOOD, torch.tensor([4, 5]), 0, "row 1 has a length of 5 frames, but the logits have 4"),
        (GOOD, torch.tensor([-1, 4]), 0, "row 0 has a length of -1 frames"),
        (GOOD, torch.tensor([4]), 0, r"lengths have shape \(1,\) of torch.int64, expected integers \(2,\)"),
        (GOOD, torch.tensor([4.0, 4.0]), 0, "lengths have shape .* of torch.float32"),
        (GOOD, torch.tensor([True, True]), 0, "lengths have shape .* of torch.bool"),
        (spoilt(torch.nan), None, 0, "row 1, frame 2: logits hold NaN or infinity"),
        (spoilt(torch.inf), None, 0, "row 1, frame 2: logits hold NaN or infinity"),
        (torch.full_like(GOOD, -torch.inf), None, 0, "row 0, frame 0: .* nothing is possible"),
    ],
)
def test_what_cannot_be_read_is_refused(read: Any, logits: Any, lengths: Any, blank: int, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read(logits, lengths, blank=blank)


@pytest.mark.parametrize("read", [greedy, beam_search])
def test_frames_behind_the_end_are_not_looked_at(read: Any) -> None:
    logits = torch.randn(2, 5, 3, generator=torch.Generator().manual_seed(0))
    alone = [read(logits[:1, :3], blank=0), read(logits[1:], blank=0)]
    logits[0, 3:] = torch.nan
    assert read(logits, torch.tensor([3, 5]), blank=0) == [alone[0][0], alone[1][0]]


@pytest.mark.parametrize("read", [greedy, beam_search])
def test_log_probabilities_are_read_as_the_scores_they_came_from(read: Any) -> None:
    logits = torch.randn(1, 6, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    shifted = logits + 3.0
    found, expected = (read(each, blank=0) for each in (shifted, logits.log_softmax(-1)))
    [found], [expected] = (each if read is greedy else each[0] for each in (found, expected))
    assert (found.tokens, found.spans) == (expected.tokens, expected.spans)
    assert found.score == pytest.approx(expected.score, abs=1e-12)
