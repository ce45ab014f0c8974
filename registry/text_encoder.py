"""Encoders of text alone, with what pools them, under their published names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import torch
from torch import Tensor, nn

from speechgraft.checkpoint import WeightMap, rename
from speechgraft.contracts import Encoder, PooledOutput, own_options
from speechgraft.encoder_inputs import check_encoder_call
from speechgraft.nn.init import init_common
from speechgraft.nn.meta import weightless
from speechgraft.registry.catalog import Catalog
from speechgraft.registry.pretrained import Place
from speechgraft.registry.single import OneEncoderModel, begin
from speechgraft.routing import keywords, route


class TextEncoderModel(OneEncoderModel):
    """An encoder of tokens, and a pooler: a linear layer and a tanh over the first token (Devlin et al. 2019).

    Args:
        config: What to build; the model keeps a deep copy.
        add_pooling_layer: Whether there is a pooler.
        catalog: Where the encoder is looked up; by default what is installed.

    Raises:
        ConfigError: `config` is that of another encoder, or of a decoder.
    """

    main_input_name = "input_ids"
    loading_options = ("add_pooling_layer",)

    def __init__(self, config: Any, add_pooling_layer: bool = True, *, catalog: Catalog | None = None) -> None:
        device = torch.get_default_device()
        with weightless():
            super().__init__(config, catalog)
            size = self.encoder.output_size
            self.pooler = nn.Linear(size, size) if add_pooling_layer else None
        begin(self, device)

    @classmethod
    def _opened(
        cls, place: Place, options: dict[str, Any], catalog: Catalog | None
    ) -> tuple[Self, Mapping[str, Tensor]]:
        """The encoder that a folder describes."""
        pools = options.pop("add_pooling_layer", True)
        return cls(cls._described(place, options, catalog), pools, catalog=catalog), place.tensors()

    def weight_map(self) -> WeightMap:
        """The pooler's names and the encoder's own; files of models with a head have its prefix before both."""
        encoder = self._encoder_map()
        if self.pooler is None:
            return encoder
        pooler = WeightMap(
            [rename("pooler.dense.{p}", "pooler.{p}")],
            fresh=[("pooler.{p}", "the checkpoint has no pooler")],
            prefix=f"{self.model_type}.",
        )
        return WeightMap.join(pooler, encoder)

    def init_weights(self, module: nn.Module) -> None:
        """The pooler begins as the encoder's other linear layers do."""
        init_common(module, std=self.config.initializer_range)

    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        *,
        output_attentions: bool | None = None,
        output_hidden_states: bool | None = None,
        return_dict: bool | None = None,
        **options: Any,
    ) -> PooledOutput | tuple[Any, ...]:
        """A hidden state for each token, and one for each text.

        *Shapes:* `input_ids` (batch, tokens); `attention_mask` (batch, tokens). Further options are the encoder's own
        (`inputs_embeds` in place of `input_ids`, `token_type_ids`, `position_ids`).

        Raises:
            InputError: What was passed cannot be used; the message names argument and row.
            RoutingError: An option that the encoder does not take.
        """
        known = {"encoder": own_options(type(self.encoder).forward, Encoder.forward)}
        routed = route(options, known, unprefixed="encoder", own=keywords(TextEncoderModel.forward))["encoder"]
        check_encoder_call(self.encoder, input_ids, attention_mask, routed, "input_ids")
        encoded = self.encoder(
            input_ids,
            attention_mask,
            output_attentions=self._switch("output_attentions", output_attentions),
            output_hidden_states=self._switch("output_hidden_states", output_hidden_states),
            **routed,
        )
        output = PooledOutput(
            last_hidden_state=encoded.last_hidden_state,
            pooler_output=None if self.pooler is None else self.pooler(encoded.last_hidden_state[:, 0]).tanh(),
            hidden_states=encoded.hidden_states,
            attentions=encoded.attentions,
            frame_mask=encoded.frame_mask,
        )
        return self._returned(output, return_dict)  # type: ignore[no-any-return]
