"""What a training run is told."""

from __future__ import annotations

import math
from typing import Literal

import attrs

from speechgraft.config.validators import at_least, between, non_negative, positive
from speechgraft.train.augment import Augment
from speechgraft.train.settings import Settings, setting

Schedule = Literal["cosine", "linear", "constant"]


@attrs.frozen(kw_only=True)
class FitOptions(Settings):
    """How a pair is trained."""

    steps: int = setting(3000, at_least(1))
    """Optimizer steps of the whole run."""

    batch_size: int = setting(16, at_least(1))
    """Utterances of one forward pass, on each device."""

    accumulate: int = setting(1, at_least(1))
    """Forward passes of one step; the loss is normalised over the label tokens of all of them."""

    lr: float = setting(8e-4, positive)
    """Highest learning rate of encoder, projection and CTC head."""

    decoder_lr: float | None = setting(None, positive)
    """Highest learning rate of the decoder; `None`: the same."""

    warmup: int = setting(300, non_negative)
    """Steps over which the rates grow from zero to their highest."""

    schedule: Schedule = setting("cosine")
    """How the rates fall to zero after the warm-up."""

    weight_decay: float = setting(0.01, non_negative)
    """AdamW's weight decay, on matrices alone."""

    clip: float = setting(1.0, positive)
    """The norm that gradients are clipped to."""

    ctc_weight: float = setting(0.5, non_negative)
    """Weight of the CTC loss beside the decoder's cross-entropy."""

    augment: Augment | None = setting(Augment())
    """How training audio is varied; `None`: not at all."""

    curriculum_steps: int = setting(0, non_negative)
    """Steps over which the longest utterance allowed grows to the longest there is."""

    freeze_feature_encoder: bool = setting(False)
    """Whether the convolutions over the waveform stay as they are."""

    average: float = setting(0.0, between(0.0, 0.99999))
    """Decay of the running average of the weights that is evaluated and saved in `best/`; 0: none."""

    eval_every: int = setting(500, at_least(1))
    """Steps between evaluations; a checkpoint is saved with each."""

    log_every: int = setting(50, at_least(1))
    """Steps between lines of the log."""

    seed: int = setting(0, non_negative)
    """Seed of order, augmentation and dropout."""

    bf16: bool = setting(False)
    """Whether forward passes run in bfloat16 where that is safe; the weights stay in float32."""

    half: bool = setting(False)
    """Whether `best/` is saved in float16."""

    cache_gb: float = setting(4.0, non_negative)
    """Memory for decoded recordings, GiB; those beyond it are read each time."""

    cpu: bool = setting(False)
    """Whether to stay on the CPU where there is an accelerator."""

    def rate(self, step: int) -> float:
        """The share of the highest learning rate that step `step` (the first is 0) uses."""
        if step < self.warmup:
            return (step + 1) / self.warmup
        passed = (step - self.warmup) / max(1, self.steps - self.warmup)
        if self.schedule == "constant":
            return 1.0
        return max(0.0, 1 - passed if self.schedule == "linear" else (1 + math.cos(math.pi * min(passed, 1.0))) / 2)
