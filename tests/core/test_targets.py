"""What a pair learns from a batch: which losses there are, over how many tokens, and what is refused."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import torch
import torch.nn.functional as F

from speechgraft.errors import ConfigError, InputError
from speechgraft.targets import Targets

LABELS = torch.tensor([[3, 1, -100], [2, 3, 1]])
LOGITS = torch.randn(2, 3, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
FRAMES = torch.randn(2, 9, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
EMPTY: dict[str, Any] = {"bos_token_id": None, "eos_token_id": None, "decoder_start_token_id": None}


def config(blank: int | None = None, pad: int | None = 0, **tokens: Any) -> Any:
    decoder = SimpleNamespace(**EMPTY, pad_token_id=None)
    return SimpleNamespace(**{**EMPTY, **tokens}, ctc_blank_token_id=blank, pad_token_id=pad, decoder=decoder)


def test_nothing_to_learn_is_no_loss() -> None:
    assert Targets().loss(LOGITS) is None
    assert Targets().ctc_loss(FRAMES, None, config()) is None
    assert Targets(LABELS).ctc_loss(None, None, config()) is None
    assert Targets(LABELS).ctc_loss(FRAMES, None, config(blank=4)) is None


@pytest.mark.parametrize("tokens", [None, 20, torch.tensor(20)])
def test_losses_are_taken_over_the_tokens_that_are_stated_or_else_the_labels_that_count(tokens: Any) -> None:
    targets = Targets(LABELS, tokens=tokens)
    count = 5 if tokens is None else 20
    total = F.cross_entropy(LOGITS.flatten(0, 1), LABELS.flatten(), reduction="sum")
    torch.testing.assert_close(targets.loss(LOGITS), total / count)
    log_probs = FRAMES.log_softmax(-1).transpose(0, 1)
    said, lengths = torch.tensor([3, 1, 2, 3, 1]), torch.tensor([2, 3])
    total = F.ctc_loss(log_probs, said, torch.tensor([9, 9]), lengths, blank=0, reduction="sum")
    torch.testing.assert_close(targets.ctc_loss(FRAMES, None, config()), total / count)


def test_marks_are_not_heard_by_a_head_that_shares_the_vocabulary() -> None:
    marked = Targets(torch.tensor([[1, 4], [3, 4]])).ctc_loss(FRAMES, None, config(eos_token_id=4))
    plain = Targets(torch.tensor([[1], [3]]), tokens=4).ctc_loss(FRAMES, None, config())
    torch.testing.assert_close(marked, plain)


def test_frames_that_do_not_count_are_not_read() -> None:
    mask = torch.arange(9) < torch.tensor([[9], [5]])
    changed = torch.where(mask[..., None], FRAMES, 50.0)
    losses = [Targets(LABELS).ctc_loss(frames, mask, config()) for frames in (FRAMES, changed)]
    torch.testing.assert_close(*losses)


def test_what_cannot_be_learnt_is_refused() -> None:
    with pytest.raises(InputError, match=r"labels have shape \(2, 3\), but the logits \(2, 2\)"):
        Targets(LABELS).loss(LOGITS[:, :2])
    with pytest.raises(InputError, match="there is no CTC head here"):
        Targets(ctc_labels=LABELS).ctc_loss(None, None, config(blank=4))
    with pytest.raises(InputError, match="attention_mask"):
        Targets(LABELS).ctc_loss(FRAMES, torch.tensor([[1] * 9, [1, 0] * 4 + [1]]).bool(), config())
    with pytest.raises(ConfigError, match="pad_token_id is needed as the blank of the CTC head"):
        Targets(LABELS).ctc_loss(FRAMES, None, config(pad=None))
