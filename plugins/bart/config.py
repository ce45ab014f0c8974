"""The config of BART, with the published names and defaults; its decoder half is what is built."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Final

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

_OLD_CHOICES: Final[Mapping[str, Any]] = {
    "add_bias_logits": False,
    "add_final_layer_norm": False,
    "extra_pos_embeddings": 2,
    "normalize_before": False,
    "normalize_embedding": True,
    "static_position_embeddings": False,
}
"""What older files say of the architecture, with the one value that BART has; its kin (mBART, Pegasus) have others."""

_OF_OTHERS = key_set(
    """
    classif_dropout classifier_dropout extra_layer_norms force_bos_token_to_be_generated replacing_rate save_step
    student_decoder_layers student_encoder_layers
    """
)
"""What configures classification heads, distillation, and generation before there were generation configs."""


def _three_labels() -> dict[int, str]:
    return {index: f"LABEL_{index}" for index in range(3)}


_NO_INIT: Final = {
    "cross_attention_init": "cross-attention is pretrained here, and begins as the checkpoint has it",
}


@config_class
class BartConfig(Config):
    """A BART (Lewis et al., 2020). A pair takes its decoder; what says `encoder_` is kept, and read by nothing here.

    The defaults are those of `facebook/bart-large`.
    """

    model_type: ClassVar[str] = "bart"
    # As published: three of these second names say something of the encoder half.
    aliases: ClassVar[Mapping[str, str]] = {
        "hidden_size": "d_model",
        "initializer_range": "init_std",
        "num_attention_heads": "encoder_attention_heads",
        "num_hidden_layers": "encoder_layers",
    }
    file_keys: ClassVar[FileKeys] = FileKeys(carried=_OF_OTHERS | frozenset(_OLD_CHOICES), unoffered=_NO_INIT)

    vocab_size: int = field(default=50265, validator=positive)
    """Tokens of the vocabulary."""

    max_position_embeddings: int = field(default=1024, validator=positive)
    """The most tokens of a text: one learned position for each, behind two that are not used."""

    d_model: int = field(default=1024, validator=positive)
    """Width of the hidden states, of the token embeddings and of the memory."""

    decoder_layers: int = field(default=12, validator=positive)
    """Transformer layers of the decoder."""

    decoder_attention_heads: int = field(default=16, validator=positive)
    """Attention heads of each of its layers; they divide `d_model`."""

    decoder_ffn_dim: int = field(default=4096, validator=positive)
    """Width inside the feed-forward of each of its layers."""

    decoder_layerdrop: float = field(default=0.0, validator=probability)
    """Probability of leaving out a layer of the decoder in a training step (Fan et al., 2020)."""

    activation_function: str = field(default="gelu", validator=activation)
    """Activation inside the feed-forward."""

    dropout: float = field(default=0.1, validator=probability)
    """Dropout after the embeddings, each attention and each feed-forward."""

    attention_dropout: float = field(default=0.0, validator=probability)
    """Dropout of attention weights."""

    activation_dropout: float = field(default=0.0, validator=probability)
    """Dropout inside the feed-forward, after the activation."""

    init_std: float = field(default=0.02, validator=non_negative)
    """Standard deviation of new weights."""

    scale_embedding: bool = field(default=False)
    """Whether token embeddings are multiplied by the square root of `d_model`."""

    use_cache: bool = field(default=True, runtime=True)
    """Whether keys and values of earlier tokens are kept where the call does not say."""

    pad_token_id: int | None = field(default=1, runtime=True)
    """The token that fills rows up to the longest of a batch. Its embedding begins as zeros."""

    bos_token_id: int | None = field(default=0, runtime=True)
    """The token that begins a text."""

    eos_token_id: int | list[int] | None = field(default=2, runtime=True)
    """The token, or any of the tokens, that ends a text."""

    decoder_start_token_id: int | None = field(default=2, runtime=True)
    """The token that the decoder is given first."""

    forced_eos_token_id: int | list[int] | None = field(default=2, runtime=True)
    """The token, or the tokens, one of which ends a row that reaches its greatest length. The generation config of a
    pair takes it over when the pair is built; from then on it is the generation config that counts."""

    is_encoder_decoder: bool = field(default=True)
    """Whether the checkpoint holds both halves. The decoder is read from either kind."""

    id2label: dict[int, str] = field(factory=_three_labels, runtime=True)
    """Names of the classes that a classification head tells apart."""

    encoder_layers: int = field(default=12, validator=non_negative)
    """Transformer layers of the encoder half, which is not built."""

    encoder_attention_heads: int = field(default=16, validator=positive)
    """Attention heads of each of its layers."""

    encoder_ffn_dim: int = field(default=4096, validator=positive)
    """Width inside the feed-forward of each of its layers."""

    encoder_layerdrop: float = field(default=0.0, validator=probability)
    """Probability of leaving out one of its layers in a training step."""

    @rule
    def heads_divide_width(self) -> str | None:
        """Each head takes an equal part of the width."""
        if self.d_model % self.decoder_attention_heads == 0:
            return None
        return f"decoder_attention_heads: {self.decoder_attention_heads} heads do not divide d_model {self.d_model}"

    @rule
    def padding_is_a_token(self) -> str | None:
        """The padding token is one of the vocabulary, for its embedding is set apart."""
        if self.pad_token_id is None or 0 <= self.pad_token_id < self.vocab_size:
            return None
        return f"pad_token_id: {self.pad_token_id} is not one of the {self.vocab_size} tokens of the vocabulary"

    @rule
    def memory_has_the_width(self) -> str | None:
        """The cross-attention is pretrained, so that the memory's width is no choice."""
        if self.cross_attention_hidden_size in (None, self.d_model):
            return None
        return (
            f"cross_attention_hidden_size: {self.cross_attention_hidden_size}, but BART's own cross-attention takes "
            f"a memory of d_model {self.d_model}; leave it out, and the pair projects what its encoder gives"
        )

    @rule
    def architecture_is_barts(self) -> str | None:
        """Files of models that are nearly BART have keys that would ask for what is not built here."""
        for key, expected in _OLD_CHOICES.items():
            found = self.extras.get(key)
            if found is not None and found != expected:
                return f"{key}: expected {expected!r}, which is BART's, got {found!r}"
        return None


ADAPTER = ConfigAdapter(BartConfig)
