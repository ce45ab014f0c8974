"""BART's decoder under its published name."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

from speechgraft.plugins.bart.config import BartConfig
from speechgraft.plugins.bart.decoder import BartDecoder
from speechgraft.registry import LanguageModel


class BartForCausalLM(LanguageModel):
    """The decoder half of BART with its language model head; labels are what follows on each token."""

    model_type = "bart"
    shifts_labels = False
    of_language_models = MappingProxyType({"is_decoder": True, "is_encoder_decoder": False})
    config: BartConfig

    @classmethod
    def built(cls, config: Any) -> BartDecoder:
        """The decoder; its cross-attention is pretrained and always there."""
        return BartDecoder(config)
