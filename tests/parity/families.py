"""The speech encoders and decoders that parity is proved for: the yardstick's classes, and configs of them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import attrs
import transformers
from draws import DECODERS as DRAWS_OF_DECODERS
from draws import Options, huberts, sew_ds, sews, wav2vec2s
from hypothesis import strategies as st

WIDTHS = (3, 5, 8)
"""Of adapters, beside the encoder's own."""


@attrs.frozen
class Family:
    """One speech encoder.

    Attributes:
        config: The yardstick's config class.
        model: The yardstick's encoder.
        draw: Options that its config and ours have in common; takes `masked`, whether the encoder will be given masks.
    """

    config: Any
    model: Any
    draw: Callable[..., st.SearchStrategy[Options]]


FAMILIES = {
    "hubert": Family(transformers.HubertConfig, transformers.HubertModel, huberts),
    "sew": Family(transformers.SEWConfig, transformers.SEWModel, sews),
    "sew-d": Family(transformers.SEWDConfig, transformers.SEWDModel, sew_ds),
    "wav2vec2": Family(transformers.Wav2Vec2Config, transformers.Wav2Vec2Model, partial(wav2vec2s, widths=WIDTHS)),
}
"""By the name in the catalog."""


@attrs.frozen
class DecoderFamily:
    """One decoder.

    Attributes:
        config: The yardstick's config class.
        model: The yardstick's language model.
        name: In the catalog.
    """

    config: Any
    model: Any
    name: str

    def draw(self) -> st.SearchStrategy[Options]:
        """Options that its config and ours have in common."""
        return DRAWS_OF_DECODERS[self.name]()


DECODERS = {
    "bart": DecoderFamily(transformers.BartConfig, transformers.BartForCausalLM, "bart"),
    "bert": DecoderFamily(transformers.BertConfig, transformers.BertLMHeadModel, "bert"),
    "gpt2": DecoderFamily(transformers.GPT2Config, transformers.GPT2LMHeadModel, "gpt2"),
}
"""By the name in the catalog."""
