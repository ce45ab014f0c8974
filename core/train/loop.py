"""The training loop."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any

import attrs
import numpy as np
import torch
from torch import Tensor

from speechgraft.bridge import Bridge
from speechgraft.bundle import Transcriber
from speechgraft.checkpoint.atomic import repair, replacing
from speechgraft.errors import InputError, SpeechGraftError
from speechgraft.json_files import write_json
from speechgraft.train.average import Average
from speechgraft.train.batches import Ahead, Loader, StepBatches
from speechgraft.train.data import Order, SpeechDataset
from speechgraft.train.display import Display
from speechgraft.train.extras import need
from speechgraft.train.interrupt import Interrupt
from speechgraft.train.manifest import Row
from speechgraft.train.metrics import character_errors, total, word_errors
from speechgraft.train.optimizer import make_optimizer
from speechgraft.train.options import FitOptions
from speechgraft.train.prepare import check_lengths, labels_of
from speechgraft.train.state import STATE_FILE, Progress, load_state, plan_of, same_plan, save_state, seed_step

if TYPE_CHECKING:
    from accelerate import Accelerator

BEST, LAST = "best", "last"

_DIVERGED = 20
"""Steps in a row without a finite gradient, after which a run is given up."""


@attrs.frozen
class FitResult:
    """How a run ended."""

    steps: int
    """Steps done, those before a resumption included."""

    seconds: float
    """Time spent on them, evaluation included."""

    best_wer: float | None
    """The lowest word error rate; `None` without an evaluation."""

    best_step: int | None
    """The steps done when it was reached."""

    interrupted: bool
    """Whether Ctrl-C ended it early; `last/` then holds all that was done."""


def fit(
    asr: Transcriber,
    rows: Sequence[Row],
    out: str | Path,
    options: FitOptions | None = None,
    *,
    evaluate: Sequence[Row] = (),
    resume: bool = False,
    log_dir: str | Path | None = None,
    origin: Mapping[str, Any] | None = None,
) -> FitResult:
    """Train the model of a bundle, in place.

    `out/last` is a bundle with all that the run needs to go on; `out/best` the bundle with the
    lowest word error rate on `evaluate`. Both are written whole or not at all: when a run dies,
    what was written before is there.

    Args:
        asr: Model, feature extractor and tokenizer.
        rows: What to learn.
        out: The run's folder.
        options: How.
        evaluate: What to measure on, each `options.eval_every` steps.
        resume: Go on from `out/last`: the same steps follow as if the run had never stopped. Begins anew where
            there is none.
        log_dir: Folder for TensorBoard's event files.
        origin: How the bundle came to be, in values of JSON. It is kept with the run, which goes on for no other.

    Raises:
        InputError: Recordings or texts that cannot be used; `out` holds a run already.
        ConfigError: The run to go on with was begun otherwise.
        CheckpointError: Its state cannot be read.
        SpeechGraftError: The gradients are no longer finite.
    """
    options = options or FitOptions()
    # Dropout is seeded each step; what the caller draws afterwards does not depend on that.
    with torch.random.fork_rng():
        run = Run(asr, rows, Path(out), options, evaluate=evaluate, resume=resume, origin=origin)
        return run.go(None if log_dir is None else Path(log_dir))


def find_last(out: str | Path) -> Path | None:
    """The folder of a run's last checkpoint, mended where saving was cut off; `None` where there is none."""
    last = Path(out) / LAST
    repair(last)
    return last if (last / STATE_FILE).exists() else None


class Run:
    """One run from its first step, or the first after a resumption, to its end."""

    def __init__(
        self,
        asr: Transcriber,
        rows: Sequence[Row],
        out: Path,
        options: FitOptions,
        *,
        evaluate: Sequence[Row],
        resume: bool,
        origin: Mapping[str, Any] | None = None,
    ) -> None:
        if not isinstance(asr.model, Bridge):
            raise InputError(
                f"{type(asr.model).__name__} is no pair of an encoder and a decoder, which is what is trained here"
            )
        self.asr, self.pair, self.out, self.options = asr, asr.model, out, options
        self.accelerator: Accelerator = need("accelerate").Accelerator(cpu=options.cpu)
        last = find_last(out)
        if last is not None and not resume:
            raise InputError(f"{out} holds a run already: go on with it (--resume), or choose another folder")
        if options.ctc_weight and asr.model.ctc_head is None:
            raise InputError("the model has no CTC head to weigh a loss of: set ctc_weight (--ctc-weight) to 0")
        if options.ctc_weight and asr.model.config.ctc_blank_token_id is not None:
            raise InputError(
                "the CTC head has a vocabulary of its own, which the texts' tokens are not of: set ctc_weight "
                "(--ctc-weight) to 0"
            )
        self.loader, self.heard = self._read(rows, evaluate)
        if options.freeze_feature_encoder:
            asr.model.freeze_feature_encoder()
        asr.model.to(self.accelerator.device)
        self.optimizer = make_optimizer(asr.model, options)
        self.average = Average(asr.model, options.average)
        plan = plan_of(options, rows, self.accelerator.num_processes, origin or {})
        self.progress = Progress(plan=plan)
        if last is not None:
            self._restore(last, plan)
        self.model, self.optimizer = self.accelerator.prepare(asr.model, self.optimizer)
        self.parameters = [parameter for parameter in asr.model.parameters() if parameter.requires_grad]
        self._failed = 0

    def _read(self, rows: Sequence[Row], evaluate: Sequence[Row]) -> tuple[Loader, SpeechDataset | None]:
        options, rate = self.options, self.asr.extractor.sampling_rate
        dataset = SpeechDataset(rows, rate, cache_bytes=int(options.cache_gb * 2**30))
        check_lengths(dataset, self.asr.model, options.augment)
        heard = SpeechDataset(evaluate, rate) if evaluate else None
        if heard is not None:
            check_lengths(heard, self.asr.model, None)
        order = Order(
            seconds=dataset.seconds,
            batch_size=options.batch_size,
            batches_per_step=options.accumulate * self.accelerator.num_processes,
            seed=options.seed,
            augment=options.augment,
            curriculum_steps=options.curriculum_steps,
        )
        loader = Loader(
            dataset=dataset,
            labels=labels_of(rows, self.asr.tokenizer, self.asr.model),
            extractor=self.asr.extractor,
            order=order,
            augment=options.augment,
            rank=self.accelerator.process_index,
            processes=self.accelerator.num_processes,
        )
        return loader, heard

    def _restore(self, last: Path, plan: str) -> None:
        self.progress, state = load_state(last)
        same_plan(self.progress.plan, plan)
        self.asr.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.average.load(state["average"])

    def go(self, log_dir: Path | None) -> FitResult:
        """Do the steps that are left."""
        options, progress, main = self.options, self.progress, self.accelerator.is_main_process
        if main:
            self.out.mkdir(parents=True, exist_ok=True)
        began = monotonic() - progress.seconds
        display = Display(
            self.out, steps=options.steps, first=progress.step, log_every=options.log_every, log_dir=log_dir, shown=main
        )
        with Interrupt() as interrupt, display, Ahead(self.loader.steps(progress.step, options.steps)) as steps:
            for batches in steps:
                losses, rate = self._step(batches)
                progress.step += 1
                progress.utterances += batches.utterances
                progress.seconds = monotonic() - began
                display.step(progress.step, losses, batches.utterances, rate)
                is_last = progress.step == options.steps or interrupt.asked
                if is_last or progress.step % options.eval_every == 0:
                    if self.heard is not None and not interrupt.asked:
                        self._evaluate(self.heard, display)
                    progress.seconds = monotonic() - began
                    self._save_last()
                if is_last:
                    break
        return FitResult(progress.step, progress.seconds, progress.best_wer, progress.best_step, interrupt.asked)

    def _step(self, batches: StepBatches) -> tuple[dict[str, Tensor], float]:
        """One optimizer step: its losses, each normalised over all label tokens, and the learning rate."""
        seed_step(self.options.seed, batches.step, self.accelerator.process_index)
        rate = self.options.rate(batches.step)
        for group in self.optimizer.param_groups:
            group["lr"] = group["highest_lr"] * rate
        self.model.train()
        losses: dict[str, Tensor] = {}
        for number, batch in enumerate(batches.batches, start=1):
            is_last = number == len(batches.batches)
            with nullcontext() if is_last else self.accelerator.no_sync(self.model):
                found = self._losses(batch.to(self.accelerator.device), batches.tokens)
                # Gradients are averaged over processes, but each has divided by the tokens of all.
                self.accelerator.backward(self._weighted(found) * self.accelerator.num_processes)
            for name, value in found.items():
                losses[name] = losses.get(name, torch.zeros_like(value)) + value.detach()
        self._update()
        return losses, self.optimizer.param_groups[0]["lr"]

    def _losses(self, batch: Any, tokens: int) -> dict[str, Tensor]:
        device = self.accelerator.device.type
        with torch.autocast(device, torch.bfloat16) if self.options.bf16 else nullcontext():
            output = self.model(**batch.inputs, labels=batch.labels, num_items_in_batch=tokens)
        found = {"loss": output.loss}
        if output.ctc_loss is not None and self.options.ctc_weight:
            found["ctc"] = output.ctc_loss
        return found

    def _weighted(self, losses: dict[str, Tensor]) -> Tensor:
        return losses["loss"] + self.options.ctc_weight * losses["ctc"] if "ctc" in losses else losses["loss"]

    def _update(self) -> None:
        """Change the weights; where a gradient is not finite leave them, and give up after many such steps."""
        norm = self.accelerator.clip_grad_norm_(self.parameters, self.options.clip)
        if bool(torch.isfinite(norm)):
            self.optimizer.step()
            self.average.update(self.progress.step)
            self._failed = 0
        else:
            self._failed += 1
        self.optimizer.zero_grad()
        if self._failed >= _DIVERGED:
            raise SpeechGraftError(
                f"step {self.progress.step + 1}: the last {_DIVERGED} gradients held NaN or infinity; "
                f"try a lower lr than {self.options.lr:g} (the last checkpoint is as it was)"
            )

    def _evaluate(self, heard: SpeechDataset, display: Display) -> None:
        began = monotonic()
        with self.average.applied():
            if self.accelerator.is_main_process:
                pairs = self._hear(heard)
                wer = total(word_errors(*pair) for pair in pairs).rate
                cer = total(character_errors(*pair) for pair in pairs).rate
                # The later of equally good ones: it has seen more, and small evaluations often tie at zero.
                is_best = self.progress.best_wer is None or wer <= self.progress.best_wer
                if is_best:
                    self.progress.best_wer, self.progress.best_step = wer, self.progress.step
                    self._save_best(wer, cer)
                display.evaluated(self.progress.step, wer, cer, monotonic() - began, is_best=is_best)
        self.accelerator.wait_for_everyone()

    def _hear(self, heard: SpeechDataset) -> list[tuple[str, str]]:
        """What was said and what the model made of it, for each recording, the shortest first."""
        order = np.argsort(heard.seconds, kind="stable").tolist()
        samples = (heard.samples(row) for row in order)
        transcripts = self.asr.batch(
            samples, batch_size=self.options.batch_size, max_seconds=None, max_new_tokens=self._token_limit()
        )
        return [(heard.rows[row].text, made.text) for row, made in zip(order, transcripts, strict=True)]

    def _token_limit(self) -> int:
        """More tokens than any text needs: a model that has not yet learned to end would go on to its last position."""
        limit = max(map(len, self.loader.labels)) + 20
        positions: int | None = self.pair.decoder.max_positions
        return limit if positions is None else min(limit, positions - 1)  # the start token takes one

    def _save_best(self, wer: float, cer: float) -> None:
        asr = self.asr
        if self.options.half:
            asr = Transcriber(copy.deepcopy(asr.model).half(), asr.extractor, asr.tokenizer)
        with replacing(self.out / BEST) as folder:
            asr.save_pretrained(folder)
            told = attrs.asdict(self.progress, filter=attrs.filters.include("step", "seconds", "utterances"))
            write_json(folder / "training.json", {**told, "wer": wer, "cer": cer})

    def _save_last(self) -> None:
        if self.accelerator.is_main_process:
            with replacing(self.out / LAST) as folder:
                with self.average.applied():
                    self.asr.save_pretrained(folder)
                save_state(
                    folder,
                    self.progress,
                    self.asr.model.state_dict(),
                    self.average.weights,
                    self.optimizer.state_dict(),
                )
        self.accelerator.wait_for_everyone()
