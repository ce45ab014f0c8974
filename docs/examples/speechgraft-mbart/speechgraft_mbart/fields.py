"""What the configs of both decoders have in common, with the published names."""

from __future__ import annotations

from speechgraft.config import Config, activation, config_class, field, non_negative, positive, probability, rule


@config_class
class DecoderFields(Config):
    """A transformer decoder with cross-attention of its own, as fairseq builds it (Ott et al. 2019)."""

    vocab_size: int = field(default=50265, validator=positive)
    """Tokens of the vocabulary."""

    d_model: int = field(default=1024, validator=positive)
    """Width of the hidden states, of the token embeddings and of the memory."""

    decoder_layers: int = field(default=12, validator=positive)
    """Transformer layers."""

    decoder_attention_heads: int = field(default=16, validator=positive)
    """Attention heads of each layer; they divide `d_model`."""

    decoder_ffn_dim: int = field(default=4096, validator=positive)
    """Width inside the feed-forward of each layer."""

    decoder_layerdrop: float = field(default=0.0, validator=probability)
    """Probability of leaving out a layer in a training step (Fan et al. 2020)."""

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
            f"cross_attention_hidden_size: {self.cross_attention_hidden_size}, but the cross-attention takes a memory "
            f"of d_model {self.d_model}; leave it out, and the pair projects what its encoder gives"
        )
