"""BERT under its published names."""

from __future__ import annotations

from typing import Any

from speechgraft.plugins.bert.config import BertConfig
from speechgraft.plugins.bert.decoder import BertDecoder
from speechgraft.registry import LanguageModel, TextEncoderModel, reads_onwards


class BertModel(TextEncoderModel):
    """BERT alone: tokens in, hidden states out, and a pooled one for each text."""

    model_type = "bert"
    config: BertConfig


class BertLMHeadModel(LanguageModel):
    """BERT read from left to right, with its language model head."""

    model_type = "bert"
    shifts_labels = True
    config: BertConfig

    @classmethod
    def built(cls, config: Any) -> BertDecoder:
        """The decoder, with cross-attention where the config asks for it.

        Raises:
            ConfigError: The config is that of an encoder, or has no layer.
        """
        return BertDecoder(reads_onwards(config), takes_memory=config.add_cross_attention)
