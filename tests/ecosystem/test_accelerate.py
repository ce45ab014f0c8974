"""A pair under `accelerate`: prepared, clipped, saved and loaded again."""

from __future__ import annotations

import torch
from accelerate import Accelerator
from torch.utils.data import DataLoader

from speechgraft import SpeechEncoderDecoderModel


def begun(make_pair, examples):
    accelerator = Accelerator(cpu=True)
    model = make_pair().train()
    parts = accelerator.prepare(
        model, torch.optim.AdamW(model.parameters(), lr=1e-3), DataLoader(examples, batch_size=4)
    )
    return accelerator, *parts


def epoch(accelerator, model, optimizer, loader):
    norms = []
    for batch in loader:
        accelerator.backward(model(**batch).loss)
        norms.append(float(accelerator.clip_grad_norm_(model.parameters(), 0.5)))
        total = torch.stack([p.grad.norm() for p in model.parameters() if p.grad is not None]).norm()
        assert total <= 0.5 + 1e-4
        optimizer.step()
        optimizer.zero_grad()
    return norms


def test_training_goes_on_from_a_saved_state(make_pair, examples, tmp_path):
    accelerator, *parts = begun(make_pair, examples)
    assert max(epoch(accelerator, *parts)) > 0.5, "clipping has something to do"
    accelerator.save_state(str(tmp_path))
    expected = epoch(accelerator, *parts)
    again, *others = begun(make_pair, examples)
    again.load_state(str(tmp_path))
    assert epoch(again, *others) == expected
    for name, value in parts[0].state_dict().items():
        assert torch.equal(others[0].state_dict()[name], value), name


def test_what_was_prepared_is_unwrapped_and_saved(make_pair, examples, tmp_path):
    accelerator, model, *_ = begun(make_pair, examples)
    accelerator.unwrap_model(model).save_pretrained(tmp_path)
    loaded = SpeechEncoderDecoderModel.from_pretrained(tmp_path)
    assert all(torch.equal(loaded.state_dict()[name], value) for name, value in model.state_dict().items())


def test_outputs_are_gathered(make_pair, batch):
    accelerator = Accelerator(cpu=True)
    output = accelerator.gather_for_metrics(make_pair()(**batch))
    assert set(output) >= {"loss", "logits"} and type(output).__name__ == "Seq2SeqOutput"
