"""The decoder half of BART (Lewis et al., 2020, section 2): causal, with cross-attention of its own."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from speechgraft.contracts import Decoder, DecoderOutput
from speechgraft.nn.activations import ACTIVATIONS
from speechgraft.nn.attention import CrossAttention, SelfAttention
from speechgraft.nn.cache import DecoderCache
from speechgraft.nn.feed_forward import FeedForward
from speechgraft.nn.init import init_common
from speechgraft.nn.layers import PostNormDecoderLayer
from speechgraft.nn.output import OutputLayer
from speechgraft.nn.stack import DecoderStack
from speechgraft.nn.vocabulary import TokenTables
from speechgraft.plugins.bart.config import BartConfig

_EPS = 1e-5
"""Added to variances in layer norms; BART's configs do not say."""

_OFFSET = 2
"""Rows of the position table before the first position: fairseq began to count behind its padding token."""


class BartEmbeddings(nn.Module):
    """Token and position embeddings, added and normalised."""

    def __init__(self, config: BartConfig) -> None:
        super().__init__()
        self.config = config
        self.scale = math.sqrt(config.d_model) if config.scale_embedding else 1.0
        self.word = nn.Embedding(config.vocab_size, config.d_model)
        self.position = nn.Embedding(config.max_position_embeddings + _OFFSET, config.d_model)
        self.norm = nn.LayerNorm(config.d_model, eps=_EPS)
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, words: Tensor, *, seen: int = 0) -> Tensor:
        """*Shapes:* `words` (rows, tokens, d_model), the first of them behind `seen` others, to the same."""
        start = seen + _OFFSET
        places = torch.arange(start, start + words.shape[1], device=words.device)[None]
        return self.dropout(self.norm(words + self.position(places)))

    def embed(self, input_ids: Tensor) -> Tensor:
        """*Shapes:* (rows, tokens) to (rows, tokens, d_model); the padding token learns nothing here."""
        return F.embedding(input_ids, self.word.weight, padding_idx=self.config.pad_token_id) * self.scale

    @torch.no_grad()
    def clear_padding(self) -> None:
        """Make the padding token's embedding zero, as it begins."""
        if self.config.pad_token_id is not None:
            nn.init.zeros_(self.word.weight[self.config.pad_token_id])


class BartDecoder(Decoder):
    """Token ids and a memory in, logits out.

    Args:
        config: Sizes and choices; `pad_token_id` is read when it is used.
    """

    cross_attention = "native"

    def __init__(self, config: BartConfig) -> None:
        super().__init__()
        self.config = config
        self.vocab_size = config.vocab_size
        self.hidden_size = self.memory_size = config.d_model
        self.max_positions = config.max_position_embeddings
        self.embeddings = BartEmbeddings(config)
        layers = (_layer(config) for _ in range(config.decoder_layers))
        self.stack = DecoderStack(layers, layerdrop=config.decoder_layerdrop)
        self.output = OutputLayer(config.d_model, config.vocab_size, tied=config.tie_word_embeddings)

    def token_tables(self) -> TokenTables:
        """The word embedding, and what gives the logits."""
        return TokenTables(self.embeddings.word, self.output)

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
            self.embeddings(inputs_embeds, seen=seen),
            attention_mask,
            memory,
            memory_mask,
            cache,
            keep_states=output_hidden_states,
            keep_weights=output_attentions,
        )
        hidden = result.hidden[:, -1:] if last_only else result.hidden
        return DecoderOutput(
            logits=self.output(hidden, self.embeddings.word.weight),
            cache=cache,
            hidden_states=result.hidden_states,
            attentions=result.attentions,
            cross_attentions=result.cross_attentions,
        )

    def init_weights(self, module: nn.Module) -> None:
        """Normal weights, zero biases, norms the identity, the padding token's embedding zero."""
        init_common(module, std=self.config.init_std)
        if module is self.embeddings.word:
            self.embeddings.clear_padding()


def _layer(config: BartConfig) -> PostNormDecoderLayer:
    """Self-attention, cross-attention, feed-forward, a norm after each."""
    size, heads, dropout = config.d_model, config.decoder_attention_heads, config.attention_dropout
    return PostNormDecoderLayer(
        SelfAttention(size, heads, dropout=dropout),
        CrossAttention(size, heads, memory_size=size, dropout=dropout),
        FeedForward(
            size,
            config.decoder_ffn_dim,
            ACTIVATIONS[config.activation_function],
            inner_dropout=config.activation_dropout,
            dropout=config.dropout,
            chunk=config.chunk_size_feed_forward,
        ),
        size=size,
        eps=_EPS,
        dropout=config.dropout,
    )
