"""What a training run is told."""

from __future__ import annotations

import math
from typing import Literal

from speechgraft.config import Settings, at_least, between, config_class, field, non_negative, positive
from speechgraft.train.augment import Augment

Schedule = Literal["cosine", "linear", "constant"]


@config_class
class FitOptions(Settings):
    """How a pair is trained.

    Raises:
        ConfigError: A value has the wrong type or is impossible, or a keyword is unknown.
    """

    steps: int = field(default=3000, validator=at_least(1))
    """Optimizer steps of the whole run."""

    batch_size: int = field(default=16, validator=at_least(1))
    """Utterances of one forward pass, on each device."""

    accumulate: int = field(default=1, validator=at_least(1))
    """Forward passes of one step; the loss is normalised over the label tokens of all of them."""

    lr: float = field(default=8e-4, validator=positive)
    """Highest learning rate of encoder, projection and CTC head."""

    decoder_lr: float | None = field(default=None, validator=positive)
    """Highest learning rate of the decoder; `None`: the same."""

    warmup: int = field(default=300, validator=non_negative)
    """Steps over which the rates grow from zero to their highest."""

    schedule: Schedule = field(default="cosine")
    """How the rates fall to zero after the warm-up."""

    weight_decay: float = field(default=0.01, validator=non_negative)
    """AdamW's weight decay, on matrices alone."""

    clip: float = field(default=1.0, validator=positive)
    """The norm that gradients are clipped to."""

    ctc_weight: float = field(default=0.5, validator=non_negative)
    """Weight of the CTC loss beside the decoder's cross-entropy."""

    augment: Augment | None = field(factory=Augment)
    """How training audio is varied; `None`: not at all."""

    curriculum_steps: int = field(default=0, validator=non_negative)
    """Steps over which the longest utterance allowed grows to the longest there is."""

    freeze_feature_encoder: bool = field(default=False)
    """Whether the convolutions over the waveform stay as they are."""

    average: float = field(default=0.0, validator=between(0.0, 0.99999))
    """Decay of the running average of the weights that is evaluated and saved in `best/`; 0: none."""

    eval_every: int = field(default=500, validator=at_least(1))
    """Steps between evaluations; a checkpoint is saved with each."""

    log_every: int = field(default=50, validator=at_least(1))
    """Steps between lines of the log."""

    seed: int = field(default=0, validator=non_negative)
    """Seed of order, augmentation and dropout."""

    bf16: bool = field(default=False)
    """Whether forward passes run in bfloat16 where that is safe; the weights stay in float32."""

    half: bool = field(default=False)
    """Whether `best/` is saved in float16."""

    cache_gb: float = field(default=4.0, validator=non_negative)
    """Memory for decoded recordings, GiB; those beyond it are read each time."""

    cpu: bool = field(default=False)
    """Whether to stay on the CPU where there is an accelerator."""

    def rate(self, step: int) -> float:
        """The share of the highest learning rate that step `step` (the first is 0) uses."""
        if step < self.warmup:
            return (step + 1) / self.warmup
        passed = (step - self.warmup) / max(1, self.steps - self.warmup)
        if self.schedule == "constant":
            return 1.0
        return max(0.0, 1 - passed if self.schedule == "linear" else (1 + math.cos(math.pi * min(passed, 1.0))) / 2)
