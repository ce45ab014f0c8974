"""BERT (Devlin et al. 2019) as an autoregressive decoder: causal, with injected cross-attention."""

from __future__ import annotations

from torch import Tensor, nn

from speechgraft.contracts import Decoder, DecoderOutput
from speechgraft.errors import ConfigError
from speechgraft.nn.activations import ACTIVATIONS, Activation
from speechgraft.nn.cache import DecoderCache
from speechgraft.nn.init import init_common
from speechgraft.nn.output import OutputLayer
from speechgraft.nn.stack import DecoderStack
from speechgraft.nn.vocabulary import TokenTables
from speechgraft.plugins.bert.config import LAYERLESS_DECODER, BertConfig
from speechgraft.plugins.bert.embeddings import BertEmbeddings
from speechgraft.plugins.bert.layers import decoder_layer


class BertHead(nn.Module):
    """Hidden states to logits; the output layer is the word embedding where the two are tied."""

    def __init__(self, size: int, vocab_size: int, activation: Activation, *, eps: float, tied: bool) -> None:
        super().__init__()
        self.transform = nn.Linear(size, size)
        self.activation = activation
        self.norm = nn.LayerNorm(size, eps=eps)
        self.output = OutputLayer(size, vocab_size, bias=True, tied=tied)

    def forward(self, hidden: Tensor, words: Tensor) -> Tensor:
        """*Shapes:* `hidden` (rows, tokens, size); `words` (vocabulary, size); to (rows, tokens, vocabulary)."""
        return self.output(self.norm(self.activation(self.transform(hidden))), words)


class BertDecoder(Decoder):
    """Token ids and a memory in, logits out.

    Args:
        config: Sizes and choices; `pad_token_id` is read when it is used.
        takes_memory: Whether there is cross-attention; without, this is a language model alone.

    Raises:
        ConfigError: There is no layer, so that nothing would attend to the memory.
    """

    cross_attention = "injected"

    def __init__(self, config: BertConfig, *, takes_memory: bool = True) -> None:
        super().__init__()
        if config.num_hidden_layers == 0:
            raise ConfigError("a BERT decoder cannot be built:", [f"$.{LAYERLESS_DECODER}"])
        self.config = config
        self.vocab_size = config.vocab_size
        self.hidden_size = config.hidden_size
        self.memory_size = config.cross_attention_hidden_size or config.hidden_size
        self.takes_memory = takes_memory
        self.max_positions = config.max_position_embeddings
        self.init_std = config.initializer_range
        self.embeddings = BertEmbeddings(config)
        self.id_options = self.embeddings.id_options()
        memory_size = self.memory_size if takes_memory else None
        self.stack = DecoderStack(decoder_layer(config, memory_size) for _ in range(config.num_hidden_layers))
        self.head = BertHead(
            config.hidden_size,
            config.vocab_size,
            ACTIVATIONS[config.hidden_act],
            eps=config.layer_norm_eps,
            tied=config.tie_word_embeddings,
        )

    def token_tables(self) -> TokenTables:
        """The word embedding, and what gives the logits."""
        return TokenTables(self.embeddings.word, self.head.output)

    def new_cache(self) -> DecoderCache:
        """An empty key/value cache for one batch of utterances."""
        return DecoderCache(len(self.stack.layers))

    def embed(self, input_ids: Tensor) -> Tensor:
        """*Shapes:* (batch, tokens) to (batch, tokens, hidden_size)."""
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
        token_type_ids: Tensor | None = None,
        position_ids: Tensor | None = None,
        output_attentions: bool = False,
        output_hidden_states: bool = False,
    ) -> DecoderOutput:
        """Decode; see `Decoder.forward`.

        *Shapes:* `token_type_ids` and `position_ids` (batch, tokens), zero and counting on where not given.
        """
        inputs_embeds = self.embedded(input_ids, inputs_embeds)
        seen = 0 if cache is None else cache.length
        hidden = self.embeddings(inputs_embeds, position_ids, token_type_ids, seen=seen)
        result = self.stack(
            hidden,
            attention_mask,
            memory,
            memory_mask,
            cache,
            keep_states=output_hidden_states,
            keep_weights=output_attentions,
        )
        hidden = result.hidden[:, -1:] if last_only else result.hidden
        return DecoderOutput(
            logits=self.head(hidden, self.embeddings.word.weight),
            cache=cache,
            hidden_states=result.hidden_states,
            attentions=result.attentions,
            cross_attentions=result.cross_attentions,
        )

    def init_weights(self, module: nn.Module) -> None:
        """Normal weights, zero biases, norms the identity, the padding token's embedding zero."""
        init_common(module, std=self.init_std)
        if module is self.embeddings.word:
            self.embeddings.clear_padding()
