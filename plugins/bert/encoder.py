"""BERT (Devlin et al. 2019) as published: an encoder of text that reads in both directions."""

from __future__ import annotations

from torch import Tensor, nn

from speechgraft.contracts import Encoder, EncoderOutput
from speechgraft.errors import ConfigError, InputError
from speechgraft.nn.init import init_common
from speechgraft.nn.masks import key_mask
from speechgraft.nn.stack import EncoderStack
from speechgraft.nn.vocabulary import TokenTables
from speechgraft.plugins.bert.config import BertConfig
from speechgraft.plugins.bert.embeddings import BertEmbeddings
from speechgraft.plugins.bert.layers import encoder_layer


class BertEncoder(Encoder):
    """Token ids in, a hidden state for each out.

    Args:
        config: Sizes and choices; `pad_token_id` is read when it is used.

    Raises:
        ConfigError: The config is that of a decoder, whose tokens would not see those behind them.
    """

    input_kind = "tokens"

    def __init__(self, config: BertConfig) -> None:
        super().__init__()
        if config.is_decoder:
            raise ConfigError(
                "a BERT encoder cannot be built:",
                ["$.is_decoder: an encoder reads in both directions; set it to false"],
            )
        self.config = config
        self.output_size = self.embedding_size = config.hidden_size
        self.vocab_size = config.vocab_size
        self.max_positions = config.max_position_embeddings
        self.embeddings = BertEmbeddings(config)
        self.id_options = self.embeddings.id_options()
        self.stack = EncoderStack(encoder_layer(config) for _ in range(config.num_hidden_layers))

    def token_tables(self) -> TokenTables:
        """The word embedding."""
        return TokenTables(self.embeddings.word)

    @property
    def minimum_length(self) -> int:
        """One token."""
        return 1

    @property
    def feature_encoder(self) -> None:
        """There is none."""
        return None

    def output_lengths(self, input_lengths: Tensor) -> Tensor:
        """A hidden state for each token. *Shapes:* (batch,) to (batch,)."""
        return input_lengths

    def forward(
        self,
        inputs: Tensor | None,
        attention_mask: Tensor | None = None,
        *,
        inputs_embeds: Tensor | None = None,
        token_type_ids: Tensor | None = None,
        position_ids: Tensor | None = None,
        output_attentions: bool = False,
        output_hidden_states: bool = False,
    ) -> EncoderOutput:
        """Encode a batch of texts; tokens that do not count may lie anywhere in a row.

        *Shapes:* `inputs` (batch, tokens), or `inputs_embeds` (batch, tokens, hidden_size) in their place;
        `attention_mask` (batch, tokens); `token_type_ids` (batch, tokens), zero where not given;
        `position_ids` (batch or 1, tokens), counting from zero where not given.

        Raises:
            InputError: There are neither tokens nor embeddings.
        """
        if inputs_embeds is None:
            if inputs is None:
                raise InputError("nothing to encode: pass token ids or inputs_embeds")
            inputs_embeds = self.embeddings.embed(inputs)
        hidden = self.embeddings(inputs_embeds, position_ids, token_type_ids)  # (batch, tokens, hidden_size)
        result = self.stack(
            hidden, key_mask(attention_mask), keep_states=output_hidden_states, keep_weights=output_attentions
        )
        return EncoderOutput(
            last_hidden_state=result.hidden,
            hidden_states=result.hidden_states,
            attentions=result.attentions,
            frame_mask=None if attention_mask is None else attention_mask.bool(),
        )

    def init_weights(self, module: nn.Module) -> None:
        """Normal weights, zero biases, norms the identity, the padding token's embedding zero."""
        init_common(module, std=self.config.initializer_range)
        if module is self.embeddings.word:
            self.embeddings.clear_padding()
