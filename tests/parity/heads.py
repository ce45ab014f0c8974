"""Models of one encoder, of the yardstick and ours, with the same weights."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import torch
import torch.nn.functional as F
import transformers
from draws import Options
from families import Family
from torch import Tensor
from yardstick import randomised

import speechgraft
from speechgraft.checkpoint import load_into
from speechgraft.registry import default_catalog


def name_of(family: Family, kind: str) -> str:
    """What both sides call a model."""
    return str(family.model.__name__.removesuffix("Model") + kind)


def reference_model(family: Family, kind: str, options: Options, seed: int) -> Any:
    config = family.config(**options, attn_implementation="eager")
    return randomised(getattr(transformers, name_of(family, kind))(config), seed)


def twin(reference: Any, padding: str = "reference") -> Any:
    """Our model of the same name, config and weights, in eval mode."""
    adapter = default_catalog().encoder(reference.config.model_type).load_adapter()
    config = adapter.read({**reference.config.to_dict(), "padding": padding})
    with torch.device("meta"):
        model = getattr(speechgraft, type(reference).__name__)(config)
    load_into(model, reference.state_dict(), model.weight_map(), dtype="auto")
    return model.eval()


@contextmanager
def double_loss() -> Iterator[None]:
    """The yardstick takes its CTC loss in float32; for a while, in the logits' type."""
    original = F.log_softmax

    def log_softmax(logits: Tensor, dim: int, dtype: torch.dtype | None = None) -> Tensor:
        return original(logits, dim=dim)

    with patch.object(F, "log_softmax", log_softmax):
        yield
