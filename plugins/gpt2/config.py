"""The config of GPT-2, with the published names and defaults."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

from speechgraft.config import (
    Config,
    ConfigAdapter,
    FileKeys,
    activation,
    config_class,
    field,
    key_set,
    non_negative,
    positive,
    probability,
    rule,
)

_OF_OTHER_HEADS = key_set(
    """
    classifier_dropout hidden_dropout n_ctx predict_special_tokens summary_activation summary_first_dropout
    summary_proj_to_labels summary_type summary_use_proj
    """
)
"""What configures classification heads, which a decoder does not have, and what older files repeat."""


@config_class
class GPT2Config(Config):
    """A GPT-2 (Radford et al., 2019) with cross-attention added to each layer.

    The defaults are those of `gpt2`, the smallest of the published models.
    """

    model_type: ClassVar[str] = "gpt2"
    aliases: ClassVar[Mapping[str, str]] = {
        "hidden_size": "n_embd",
        "max_position_embeddings": "n_positions",
        "num_attention_heads": "n_head",
        "num_hidden_layers": "n_layer",
    }
    file_keys: ClassVar[FileKeys] = FileKeys(carried=_OF_OTHER_HEADS)

    vocab_size: int = field(default=50257, validator=positive)
    """Tokens of the vocabulary."""

    n_positions: int = field(default=1024, validator=positive)
    """The most tokens of a text: one learned position for each."""

    n_embd: int = field(default=768, validator=positive)
    """Width of the hidden states and of the token embeddings."""

    n_layer: int = field(default=12, validator=positive)
    """Transformer layers."""

    n_head: int = field(default=12, validator=positive)
    """Attention heads of each layer; they divide `n_embd`."""

    n_inner: int | None = field(default=None, validator=positive)
    """Width inside the feed-forward of each layer; `None`: four times `n_embd`."""

    activation_function: str = field(default="gelu_new", validator=activation)
    """Activation inside the feed-forward."""

    resid_pdrop: float = field(default=0.1, validator=probability)
    """Dropout after each attention and each feed-forward."""

    embd_pdrop: float = field(default=0.1, validator=probability)
    """Dropout after the embeddings."""

    attn_pdrop: float = field(default=0.1, validator=probability)
    """Dropout of attention weights."""

    layer_norm_epsilon: float = field(default=1e-5, validator=positive)
    """Added to variances in layer norms."""

    initializer_range: float = field(default=0.02, validator=non_negative)
    """Standard deviation of new weights; of those whose results are added to the hidden states, of which each layer
    has two, it is divided by the square root of their number."""

    scale_attn_weights: bool = field(default=True)
    """Whether attention scores are divided by the square root of a head's width."""

    scale_attn_by_inverse_layer_idx: bool = field(default=False)
    """Whether attention scores are divided by the number of the layer too, the first being one."""

    reorder_and_upcast_attn: bool = field(default=False)
    """Whether attention scores and weights are computed in float32 where the model is in half precision."""

    cross_attention_init: Literal["normal", "zero"] = field(default="normal")
    """How fresh cross-attention begins: `"normal"` as other layers do, `"zero"` with an output that is zero, so that
    training starts from exactly the pretrained language model."""

    bos_token_id: int | None = field(default=50256, runtime=True)
    """The token that begins a text."""

    eos_token_id: int | list[int] | None = field(default=50256, runtime=True)
    """The token, or any of the tokens, that ends a text."""

    use_cache: bool = field(default=True, runtime=True)
    """Whether keys and values of earlier tokens are kept where the call does not say."""

    @rule
    def heads_divide_width(self) -> str | None:
        """Each head takes an equal part of the width."""
        if self.n_embd % self.n_head == 0:
            return None
        return f"n_head: {self.n_head} heads do not divide n_embd {self.n_embd}"


ADAPTER = ConfigAdapter(GPT2Config)
