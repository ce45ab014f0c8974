"""GPT-2 (Radford et al. 2019, section 2.3) as a decoder: its layers, with injected cross-attention."""

from __future__ import annotations

import math

from torch import Tensor, nn

from speechgraft.contracts import Decoder, DecoderOutput
from speechgraft.nn.cache import DecoderCache
from speechgraft.nn.init import init_common
from speechgraft.nn.output import OutputLayer
from speechgraft.nn.stack import DecoderStack
from speechgraft.nn.vocabulary import TokenTables
from speechgraft.plugins.gpt2.config import GPT2Config
from speechgraft.plugins.gpt2.embeddings import GPT2Embeddings
from speechgraft.plugins.gpt2.layers import decoder_layer


class GPT2Decoder(Decoder):
    """Token ids and a memory in, logits out.

    Args:
        config: Sizes and choices.
        takes_memory: Whether there is cross-attention; without, this is a language model alone.
    """

    cross_attention = "injected"

    def __init__(self, config: GPT2Config, *, takes_memory: bool = True) -> None:
        super().__init__()
        self.config = config
        self.vocab_size = config.vocab_size
        self.hidden_size = config.n_embd
        self.memory_size = config.cross_attention_hidden_size or config.n_embd
        self.takes_memory = takes_memory
        self.max_positions = config.n_positions
        self.embeddings = GPT2Embeddings(
            config.vocab_size, config.n_positions, config.n_embd, dropout=config.embd_pdrop
        )
        self.id_options = self.embeddings.id_options()
        memory_size = self.memory_size if takes_memory else None
        self.stack = DecoderStack(decoder_layer(config, index, memory_size) for index in range(config.n_layer))
        self.norm = nn.LayerNorm(config.n_embd, eps=config.layer_norm_epsilon)
        self.output = OutputLayer(config.n_embd, config.vocab_size, tied=config.tie_word_embeddings)

    def token_tables(self) -> TokenTables:
        """The word embedding, and what gives the logits."""
        return TokenTables(self.embeddings.word, self.output)

    def vocabulary_changed(self) -> None:
        """Types of tokens are tokens themselves."""
        self.id_options = self.embeddings.id_options()

    def new_cache(self) -> DecoderCache:
        """An empty key/value cache for one batch of utterances."""
        return DecoderCache(len(self.stack.layers))

    def embed(self, input_ids: Tensor) -> Tensor:
        """*Shapes:* (batch, tokens) to (batch, tokens, hidden_size)."""
        return self.embeddings.word(input_ids)

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
        """Decode; see `Decoder.forward`. As published, positions count masked tokens too.

        *Shapes:* `token_type_ids` (rows, tokens), tokens that are added to the embeddings, none where not given;
        `position_ids` (rows, tokens), counting on where not given.
        """
        inputs_embeds = self.embedded(input_ids, inputs_embeds)
        seen = 0 if cache is None else cache.length
        result = self.stack(
            self.embeddings(inputs_embeds, position_ids, token_type_ids, seen=seen),
            attention_mask,
            memory,
            memory_mask,
            cache,
            keep_states=output_hidden_states,
            keep_weights=output_attentions,
        )
        hidden = self.norm(result.hidden[:, -1:] if last_only else result.hidden)
        states = result.hidden_states
        return DecoderOutput(
            logits=self.output(hidden, self.embeddings.word.weight),
            cache=cache,
            # As published, the last of them is behind the norm.
            hidden_states=None if states is None else (*states[:-1], self.norm(result.hidden)),
            attentions=result.attentions,
            cross_attentions=result.cross_attentions,
        )

    def init_weights(self, module: nn.Module) -> None:
        """Normal weights, smaller where results are added up (section 2.3); zero biases; norms the identity."""
        std = self.config.initializer_range
        adding = {"self_attention.output", "feed_forward.outer"}
        role = self._role(module, adding | ({"cross_attention.output"} if self.takes_memory else set()))
        init_common(module, std=std if role is None else std / math.sqrt(2 * self.config.n_layer))
        if role == "cross_attention.output" and self.config.cross_attention_init == "zero":
            assert isinstance(module, nn.Linear)
            nn.init.zeros_(module.weight)

    def _role(self, module: nn.Module, roles: set[str]) -> str | None:
        """Which of these parts of a layer a module is."""
        found = (role for layer in self.stack.layers for role in roles if layer.get_submodule(role) is module)
        return next(found, None)
