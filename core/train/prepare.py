"""Rows of a manifest as a pair can learn them: checked before the first step, all problems at once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from speechgraft.errors import ConfigError, InputError
from speechgraft.train.augment import Augment
from speechgraft.train.data import SpeechDataset
from speechgraft.train.manifest import Row

_SHOWN = 10


def end_token(model: Any) -> int:
    """The token that ends a text; the first where there are several.

    Raises:
        ConfigError: No config sets one.
    """
    for config in (model.generation_config, model.config, model.config.decoder):
        if config.eos_token_id is not None:
            ids = config.eos_token_id
            return int(ids[0] if isinstance(ids, list) else ids)
    raise ConfigError("eos_token_id is needed to train, but no config sets it: set model.config.eos_token_id")


def labels_of(rows: Sequence[Row], tokenizer: Any, model: Any) -> list[list[int]]:
    """Label tokens of each row, the end token included.

    Raises:
        InputError: Rows whose text gives more tokens than the decoder has positions, or ids it does not know.
    """
    end, vocabulary, positions = end_token(model), model.decoder.vocab_size, model.decoder.max_positions
    labels = [[*tokenizer.encode(row.text, add_special_tokens=False), end] for row in rows]
    problems = []
    for row, tokens in zip(rows, labels, strict=True):
        if positions is not None and len(tokens) > positions:
            problems.append(f"{row.place}: {len(tokens)} tokens, but the decoder has {positions} positions")
        elif max(tokens) >= vocabulary:
            problems.append(f"{row.place}: token id {max(tokens)}, but the decoder has {vocabulary} tokens")
    _refuse(problems, len(rows))
    return labels


def check_lengths(dataset: SpeechDataset, model: Any, augment: Augment | None) -> None:
    """Refuse recordings that are, or that augmentation can make, too short for one frame.

    Raises:
        InputError: Naming them.
    """
    if model.encoder.input_kind != "waveform":
        return
    least = (model.encoder.minimum_length + 1) * (augment.speed[1] if augment else 1.0) / dataset.rate
    problems = [
        f"{row.place}: {row.audio}: {seconds:.3f} s long, the encoder needs at least {least:.3f} s"
        for row, seconds in zip(dataset.rows, dataset.seconds, strict=True)
        if seconds < least
    ]
    _refuse(problems, len(dataset))


def _refuse(problems: Iterable[str], count: int) -> None:
    problems = list(problems)
    if not problems:
        return
    more = [f"and {len(problems) - _SHOWN} more"] if len(problems) > _SHOWN else []
    lines = "\n  ".join([*problems[:_SHOWN], *more])
    raise InputError(f"{len(problems)} of {count} utterances cannot be used:\n  {lines}")
