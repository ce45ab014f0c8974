from __future__ import annotations

import itertools
import json
import os
import signal
import subprocess
import sys
import threading

import attrs
import pytest
import torch

from speechgraft.bundle import Transcriber
from speechgraft.errors import CheckpointError, ConfigError, InputError, SpeechGraftError
from speechgraft.train import FitOptions, Row
from speechgraft.train import loop as loop_module
from speechgraft.train.loop import Run, find_last, fit
from speechgraft.train.optimizer import make_optimizer

BASE = {"batch_size": 3, "warmup": 2, "lr": 2e-3, "eval_every": 100, "cpu": True}


def state_of(folder):
    return torch.load(folder / "last" / "training_state.pt")


def equal(one, two):
    if isinstance(one, torch.Tensor):
        return torch.equal(one, two)
    if isinstance(one, dict):
        return one.keys() == two.keys() and all(equal(one[key], two[key]) for key in one)
    return all(map(equal, one, two)) if isinstance(one, list) else one == two


def test_it_learns_and_saves_bundles_that_transcribe(tmp_path, make_bundle, rows):
    asr = make_bundle()
    options = FitOptions(**{**BASE, "steps": 20, "batch_size": 6, "eval_every": 10, "log_every": 5, "half": True})
    result = fit(asr, rows, tmp_path, options, evaluate=rows[:4])
    history = [json.loads(line) for line in (tmp_path / "history.jsonl").read_text().splitlines()]
    losses = [entry["loss"] for entry in history if "loss" in entry]
    assert losses[-1] < losses[0] and result.steps == 20 and not result.interrupted
    assert result.best_wer == min(entry["wer"] for entry in history if "wer" in entry)
    for name, dtype in (("best", torch.float16), ("last", torch.float32)):
        bundle = Transcriber.from_pretrained(tmp_path / name, dtype="auto")
        assert next(bundle.model.parameters()).dtype == dtype
    assert Transcriber.from_pretrained(tmp_path / "last")(rows[0].audio).text == asr(rows[0].audio).text


@pytest.mark.parametrize("options", [{}, {"average": 0.9, "accumulate": 2, "augment": None, "curriculum_steps": 4}])
def test_a_resumed_run_is_the_run_that_never_stopped(tmp_path, make_bundle, rows, options):
    options = {**BASE, "steps": 6, **options}
    fit(make_bundle(), rows, tmp_path / "whole", FitOptions(**{**options, "eval_every": 4}))
    asr = make_bundle()
    run = Run(asr, rows, tmp_path / "cut", FitOptions(**{**options, "eval_every": 2}), evaluate=(), resume=False)
    run._save_last = stop_after(run, 4)
    with pytest.raises(KeyboardInterrupt):
        run.go(None)
    torch.rand(7)  # what is drawn in between changes nothing
    resumed = make_bundle(seed=5)
    fit(resumed, rows, tmp_path / "cut", FitOptions(**options), resume=True)
    whole, cut = state_of(tmp_path / "whole"), state_of(tmp_path / "cut")
    for part in ("model", "average", "optimizer"):
        assert equal(whole[part], cut[part]), part
    assert cut["progress"]["step"] == 6 and cut["progress"]["utterances"] == whole["progress"]["utterances"]


def stop_after(run, step):
    """Saves as the run does, then dies at a step, with no time to clean up."""
    save = run._save_last

    def saving():
        if run.progress.step >= step:
            raise KeyboardInterrupt
        save()

    return saving


def test_accumulated_batches_give_the_gradient_of_one(tmp_path, make_bundle, rows):
    run = Run(make_bundle(), rows, tmp_path, FitOptions(**{**BASE, "batch_size": 6}), evaluate=(), resume=False)
    model = run.model.double().eval()  # in training mode each batch draws its own dropout
    model.train = lambda: model
    found = []
    run._update = lambda: found.append(
        {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}
    )
    [whole] = run.loader.steps(0, 1)
    for count in (1, 2, 3):
        run.optimizer.zero_grad()
        run._step(attrs.evolve(whole, batches=tuple(share(whole.batches[0], number, count) for number in range(count))))
    for name, gradient in found[0].items():
        for other in found[1:]:
            torch.testing.assert_close(gradient, other[name], rtol=1e-9, atol=1e-12)


def share(batch, number, count):
    """Every `count`-th utterance, in double precision."""
    inputs = {name: value[number::count] for name, value in batch.inputs.items()}
    inputs["input_values"] = inputs["input_values"].double()
    return attrs.evolve(batch, inputs=inputs, labels=batch.labels[number::count])


def test_a_run_is_not_overwritten_and_not_gone_on_with_otherwise(tmp_path, make_bundle, rows):
    options = {**BASE, "steps": 1}
    fit(make_bundle(), rows, tmp_path, FitOptions(**options))
    with pytest.raises(InputError, match="holds a run already"):
        fit(make_bundle(), rows, tmp_path, FitOptions(**options))
    with pytest.raises(ConfigError) as caught:
        fit(make_bundle(), rows[1:], tmp_path, FitOptions(**{**options, "lr": 1e-5}), resume=True)
    assert [problem.split(":")[0] for problem in caught.value.problems] == ["$.lr", "$.manifest"]
    assert fit(make_bundle(), rows, tmp_path, FitOptions(**{**options, "steps": 2}), resume=True).steps == 2


def test_a_broken_state_is_said_to_be_one(tmp_path, make_bundle, rows):
    options = FitOptions(**{**BASE, "steps": 1})
    fit(make_bundle(), rows, tmp_path, options)
    (tmp_path / "last" / "training_state.pt").write_bytes(b"PK\x03\x04 nothing")
    with pytest.raises(CheckpointError, match="not the state of a training run"):
        fit(make_bundle(), rows, tmp_path, options, resume=True)


def test_a_failed_save_leaves_the_last_checkpoint(tmp_path, make_bundle, rows, monkeypatch):
    fit(make_bundle(), rows, tmp_path, FitOptions(**{**BASE, "steps": 1}))
    before = {path.name: path.read_bytes() for path in (tmp_path / "last").iterdir()}

    def broken(folder, *parts):
        (folder / "training_state.pt").write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(loop_module, "save_state", broken)
    with pytest.raises(OSError, match="No space"):
        fit(make_bundle(), rows, tmp_path, FitOptions(**{**BASE, "steps": 3}), resume=True)
    assert {path.name: path.read_bytes() for path in (tmp_path / "last").iterdir()} == before
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_a_run_that_diverges_is_given_up(tmp_path, make_bundle, rows):
    asr = make_bundle()
    run = Run(asr, rows, tmp_path, FitOptions(**{**BASE, "steps": 100}), evaluate=(), resume=False)
    weights = [parameter.detach().clone() for parameter in asr.model.parameters()]
    run._losses = lambda batch, tokens: {"loss": sum(p.sum() for p in asr.model.parameters()) * float("nan")}
    with pytest.raises(SpeechGraftError, match="the last 20 gradients"):
        run.go(None)
    assert all(torch.equal(*pair) for pair in zip(weights, asr.model.parameters(), strict=True))


def test_interrupted_it_saves_and_goes_on(tmp_path, make_bundle, rows):
    options = FitOptions(**{**BASE, "steps": 400})
    timer = threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT))
    handler = signal.getsignal(signal.SIGINT)
    run = Run(make_bundle(), rows, tmp_path, options, evaluate=(), resume=False)
    timer.start()
    result = run.go(None)
    timer.join()
    assert result.interrupted and 0 < result.steps < 400
    assert state_of(tmp_path)["progress"]["step"] == result.steps
    assert signal.getsignal(signal.SIGINT) is handler


def test_unusable_rows_are_refused_before_the_first_step(tmp_path, make_bundle, rows):
    long = Row(rows[0].audio, "low " * 40, place="m.jsonl:7")
    with pytest.raises(InputError, match=r"m\.jsonl:7: 41 tokens, but the decoder has 16 positions"):
        fit(make_bundle(), [*rows, long], tmp_path, FitOptions(**BASE))
    assert not (tmp_path / "last").exists()


def test_the_callers_random_stream_is_left_alone(tmp_path, make_bundle, rows):
    asr = make_bundle()
    torch.manual_seed(3)
    expected = torch.rand(4)
    torch.manual_seed(3)
    fit(asr, rows, tmp_path, FitOptions(**{**BASE, "steps": 1}))
    assert torch.equal(torch.rand(4), expected)


def test_only_matrices_decay_and_the_decoder_has_its_own_rate(make_bundle):
    model = make_bundle().model
    optimizer = make_optimizer(model, FitOptions(lr=1.0, decoder_lr=0.5, weight_decay=0.1))
    named = {id(parameter): name for name, parameter in model.named_parameters()}
    seen = set()
    for group in optimizer.param_groups:
        for parameter in group["params"]:
            assert group["weight_decay"] == (0.1 if parameter.dim() > 1 else 0.0)
            assert group["highest_lr"] == (0.5 if named[id(parameter)].startswith("decoder.") else 1.0)
            seen.add(named.pop(id(parameter)))
    assert not named and seen


def test_a_frozen_feature_encoder_stays(tmp_path, make_bundle, rows):
    asr = make_bundle()
    before = {name: weight.clone() for name, weight in asr.model.state_dict().items()}
    fit(asr, rows, tmp_path, FitOptions(**{**BASE, "steps": 2, "freeze_feature_encoder": True}))
    changed = {name for name, weight in asr.model.state_dict().items() if not torch.equal(weight, before[name])}
    assert changed and not any(name.startswith("encoder.features.convs") for name in changed)


KILLED = """
import sys, torch
from pathlib import Path
from speechgraft.bundle import Transcriber
from speechgraft.train import FitOptions, read_manifest
from speechgraft.train.loop import fit
torch.set_num_threads(1)
start, manifest, out = sys.argv[1:]
options = FitOptions(batch_size=3, steps=10_000, warmup=0, eval_every=1, log_every=1, cpu=True)
fit(Transcriber.from_pretrained(start), read_manifest(manifest), out, options, resume=True)
"""


def test_killed_at_any_moment_it_can_go_on(tmp_path, make_bundle, tones):
    make_bundle().save_pretrained(tmp_path / "start")
    out = tmp_path / "out"
    done = 0
    for seconds in (0.1, 0.37):
        run = subprocess.Popen(
            [sys.executable, "-c", KILLED, str(tmp_path / "start"), str(tones / "manifest.jsonl"), str(out)],
            stderr=subprocess.PIPE,
            text=True,
        )
        told = [run.stderr.readline() for _ in range(2)]
        assert told[1].startswith("step "), told
        with pytest.raises(subprocess.TimeoutExpired):
            run.wait(seconds)
        run.kill()
        run.communicate()
        assert find_last(out) == out / "last"
        step = state_of(out)["progress"]["step"]
        assert step > done
        done = step
        assert Transcriber.from_pretrained(out / "last").model.training is False


def test_every_schedule_warms_up_and_falls():
    for schedule, end in (("cosine", 0.0), ("linear", 0.0), ("constant", 1.0)):
        options = FitOptions(steps=50, warmup=10, schedule=schedule)
        rates = [options.rate(step) for step in range(51)]
        assert rates[:10] == [pytest.approx((step + 1) / 10) for step in range(10)]
        assert all(later <= earlier for earlier, later in itertools.pairwise(rates[9:]))
        assert rates[50] == pytest.approx(end, abs=1e-9)


def test_a_ctc_loss_that_texts_cannot_have_is_refused(tmp_path, make_bundle, rows):
    asr = make_bundle()
    with asr.model.config.unlocked():
        asr.model.config.ctc_blank_token_id = 0
    with pytest.raises(InputError, match="the CTC head has a vocabulary of its own"):
        fit(asr, rows, tmp_path / "own", FitOptions(**{**BASE, "steps": 1}))
    asr.model.ctc_head = None
    with pytest.raises(InputError, match="the model has no CTC head"):
        fit(asr, rows, tmp_path / "none", FitOptions(**{**BASE, "steps": 1}))
