"""The config of Speech2Text2, with the published names and defaults."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from speechgraft.config import ConfigAdapter, activation, config_class, field, positive, rule

from speechgraft_mbart.fields import DecoderFields


@config_class
class Speech2Text2Config(DecoderFields):
    """A Speech2Text2 decoder (Wang et al. 2021)."""

    model_type: ClassVar[str] = "speech_to_text_2"
    aliases: ClassVar[Mapping[str, str]] = {
        "hidden_size": "d_model",
        "initializer_range": "init_std",
        "num_attention_heads": "decoder_attention_heads",
        "num_hidden_layers": "decoder_layers",
    }

    vocab_size: int = field(default=10000, validator=positive)
    """Tokens of the vocabulary."""

    d_model: int = field(default=256, validator=positive)
    """Width of the hidden states, of the token embeddings and of the memory."""

    decoder_layers: int = field(default=6, validator=positive)
    """Transformer layers."""

    decoder_attention_heads: int = field(default=4, validator=positive)
    """Attention heads of each layer; they divide `d_model`."""

    decoder_ffn_dim: int = field(default=2048, validator=positive)
    """Width inside the feed-forward of each layer."""

    activation_function: str = field(default="relu", validator=activation)
    """Activation inside the feed-forward."""

    scale_embedding: bool = field(default=True)
    """Whether token embeddings are multiplied by the square root of `d_model`."""

    decoder_start_token_id: int | None = field(default=2, runtime=True)
    """The token that the decoder is given first."""

    max_target_positions: int = field(default=1024, validator=positive)
    """The most tokens of a text. Positions are computed, not learned: it limits, and shapes nothing."""

    @rule
    def there_are_two_waves(self) -> str | None:
        """The waves' lengths run from the shortest to the longest, which takes two of them."""
        return None if self.d_model >= 4 else f"d_model: {self.d_model}, expected at least 4 for sinusoidal positions"


ADAPTER = ConfigAdapter(Speech2Text2Config)
