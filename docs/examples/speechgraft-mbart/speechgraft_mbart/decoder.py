"""A decoder of parts that are handed in: what mBART's and Speech2Text2's have in common."""

from __future__ import annotations

from typing import Any

from speechgraft.contracts import Decoder, DecoderOutput
from speechgraft.nn.activations import ACTIVATIONS
from speechgraft.nn.attention import CrossAttention, SelfAttention
from speechgraft.nn.cache import DecoderCache
from speechgraft.nn.feed_forward import FeedForward
from speechgraft.nn.init import init_common
from speechgraft.nn.output import OutputLayer
from speechgraft.nn.stack import DecoderStack
from torch import Tensor, nn

from speechgraft_mbart.embeddings import Embeddings
from speechgraft_mbart.fields import DecoderFields

EPS = 1e-5
"""Added to variances in layer norms; the configs do not say."""


class TextDecoder(Decoder):
    """Token ids and a memory in, logits out.

    Args:
        config: Sizes and choices.
        embeddings: Of tokens and places.
        stack: The layers.
        norm: Behind them, where there is one.
        max_positions: The most tokens of a text.
    """

    cross_attention = "native"

    def __init__(
        self,
        config: DecoderFields,
        embeddings: Embeddings,
        stack: DecoderStack,
        norm: nn.LayerNorm | None = None,
        *,
        max_positions: int,
    ) -> None:
        super().__init__()
        self.config = config
        self.vocab_size = config.vocab_size
        self.hidden_size = self.memory_size = config.d_model
        self.max_positions = max_positions
        self.embeddings = embeddings
        self.stack = stack
        self.norm = norm
        self.output = OutputLayer(config.d_model, config.vocab_size, tied=config.tie_word_embeddings)

    def new_cache(self) -> DecoderCache:
        """An empty key/value cache for one batch of utterances."""
        return DecoderCache(len(self.stack.layers))

    def embed(self, input_ids: Tensor) -> Tensor:
        """*Shapes:* (batch, tokens) to (batch, tokens, d_model), scaled where the config says so."""
        return self.embeddings.embed(input_ids)

    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        *,
        inputs_embeds: Tensor | None = None,
        memory: Tensor | None = None,
        memory_mask: Tensor | None = None,
        cache: DecoderCache | None = None,
        last_only: bool = False,
        output_attentions: bool = False,
        output_hidden_states: bool = False,
    ) -> DecoderOutput:
        """Decode; see `Decoder.forward`."""
        inputs_embeds = self.embedded(input_ids, inputs_embeds)
        seen = 0 if cache is None else cache.length
        result = self.stack(
            self.embeddings(inputs_embeds, input_ids, seen=seen),
            attention_mask,
            memory,
            memory_mask,
            cache,
            keep_states=output_hidden_states,
            keep_weights=output_attentions,
        )
        hidden, states = result.hidden, result.hidden_states
        if self.norm is not None:
            hidden = self.norm(hidden)  # (rows, tokens, d_model)
            # As published, the last of the states is behind the norm.
            states = None if states is None else (*states[:-1], hidden)
        return DecoderOutput(
            logits=self.output(hidden[:, -1:] if last_only else hidden, self.embeddings.word.weight),
            cache=cache,
            hidden_states=states,
            attentions=result.attentions,
            cross_attentions=result.cross_attentions,
        )

    def init_weights(self, module: nn.Module) -> None:
        """Normal weights, zero biases, norms the identity, the padding token's embedding zero."""
        init_common(module, std=self.config.init_std)
        if module is self.embeddings.word:
            self.embeddings.clear_padding()


def layer_parts(config: DecoderFields) -> tuple[SelfAttention, CrossAttention, FeedForward]:
    """What a layer is put together from, whichever side of each its norms stand on."""
    size, heads, dropout = config.d_model, config.decoder_attention_heads, config.attention_dropout
    feed_forward = FeedForward(
        size,
        config.decoder_ffn_dim,
        ACTIVATIONS[config.activation_function],
        inner_dropout=config.activation_dropout,
        dropout=config.dropout,
        chunk=config.chunk_size_feed_forward,
    )
    return (
        SelfAttention(size, heads, dropout=dropout),
        CrossAttention(size, heads, memory_size=size, dropout=dropout),
        feed_forward,
    )


def layer_settings(config: DecoderFields) -> dict[str, Any]:
    """The settings of a layer beside its parts."""
    return {"size": config.d_model, "eps": EPS, "dropout": config.dropout}
