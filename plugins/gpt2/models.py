"""GPT-2 under its published name."""

from __future__ import annotations

from typing import Any

from speechgraft.plugins.gpt2.config import GPT2Config
from speechgraft.plugins.gpt2.decoder import GPT2Decoder
from speechgraft.registry import LanguageModel


class GPT2LMHeadModel(LanguageModel):
    """GPT-2 with its language model head."""

    model_type = "gpt2"
    shifts_labels = True
    config: GPT2Config

    @classmethod
    def built(cls, config: Any) -> GPT2Decoder:
        """The decoder, with cross-attention where the config asks for it."""
        return GPT2Decoder(config, takes_memory=config.add_cross_attention)
