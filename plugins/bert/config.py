"""The config of BERT encoders and decoders, with the published names and defaults."""

from __future__ import annotations

from typing import ClassVar, Final

from speechgraft.config import (
    Config,
    ConfigAdapter,
    FileKeys,
    activation,
    config_class,
    field,
    key_set,
    non_negative,
    only,
    positive,
    probability,
    rule,
)

_OF_OTHER_HEADS = key_set(
    """
    classifier_dropout directionality pooler_fc_size pooler_num_attention_heads pooler_num_fc_layers
    pooler_size_per_head pooler_type summary_activation summary_last_dropout summary_type summary_use_proj
    """
)
"""What configures the pooler and classification heads, which neither encoder nor decoder has here."""

LAYERLESS_DECODER = "num_hidden_layers: 0, but without a layer nothing in a decoder would attend to the memory"
"""What is wrong with a decoder without layers; an encoder may be embeddings alone."""

_NO_INIT: Final = {
    "cross_attention_init": (
        "a layer norm follows each cross-attention here, so that no start leaves the language model as it was; "
        "gpt2 has this option"
    ),
}


@config_class
class BertConfig(Config):
    """A BERT (Devlin et al., 2018): an encoder of text or, with cross-attention added to each layer, a decoder.

    The defaults are those of `bert-base-uncased`.
    """

    model_type: ClassVar[str] = "bert"
    file_keys: ClassVar[FileKeys] = FileKeys(carried=_OF_OTHER_HEADS, unoffered=_NO_INIT)

    vocab_size: int = field(default=30522, validator=positive)
    """Tokens of the vocabulary."""

    hidden_size: int = field(default=768, validator=positive)
    """Width of the hidden states and of the token embeddings."""

    num_hidden_layers: int = field(default=12, validator=non_negative)
    """Transformer layers; a decoder has at least one, for without any nothing would attend to the memory."""

    num_attention_heads: int = field(default=12, validator=positive)
    """Attention heads of each layer; they divide `hidden_size`."""

    intermediate_size: int = field(default=3072, validator=positive)
    """Width inside the feed-forward of each layer."""

    hidden_act: str = field(default="gelu", validator=activation)
    """Activation inside the feed-forward and before the output layer."""

    hidden_dropout_prob: float = field(default=0.1, validator=probability)
    """Dropout after the embeddings, each attention and each feed-forward."""

    attention_probs_dropout_prob: float = field(default=0.1, validator=probability)
    """Dropout of attention weights."""

    max_position_embeddings: int = field(default=512, validator=positive)
    """The most tokens of a text: one learned position for each."""

    type_vocab_size: int = field(default=2, validator=positive)
    """Kinds of segments that `token_type_ids` tell apart."""

    initializer_range: float = field(default=0.02, validator=non_negative)
    """Standard deviation of new weights."""

    layer_norm_eps: float = field(default=1e-12, validator=positive)
    """Added to variances in layer norms."""

    pad_token_id: int | None = field(default=0, runtime=True)
    """The token that fills rows up to the longest of a batch. Its embedding begins as zeros."""

    position_embedding_type: str = field(
        default="absolute", validator=only("absolute", "relative positions are not available")
    )
    """How positions are told apart. Only learned absolute ones are available."""

    use_cache: bool = field(default=True, runtime=True)
    """Whether keys and values of earlier tokens are kept where the call does not say."""

    @rule
    def heads_divide_width(self) -> str | None:
        """Each head takes an equal part of the width."""
        if self.hidden_size % self.num_attention_heads == 0:
            return None
        return f"num_attention_heads: {self.num_attention_heads} heads do not divide hidden_size {self.hidden_size}"

    @rule
    def decoder_has_a_layer(self) -> str | None:
        """An encoder may be embeddings alone; in a decoder something has to attend to the memory."""
        return LAYERLESS_DECODER if self.is_decoder and self.num_hidden_layers == 0 else None

    @rule
    def padding_is_a_token(self) -> str | None:
        """The padding token is one of the vocabulary, for its embedding is set apart."""
        if self.pad_token_id is None or 0 <= self.pad_token_id < self.vocab_size:
            return None
        return f"pad_token_id: {self.pad_token_id} is not one of the {self.vocab_size} tokens of the vocabulary"


ADAPTER = ConfigAdapter(BertConfig)
