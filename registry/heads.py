"""Heads on an encoder, written once for all encoders: what they share, and the classification of whole utterances."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Self

import torch
from torch import Tensor, nn

from speechgraft import losses
from speechgraft.checkpoint import WeightMap, rename
from speechgraft.config.model import ProblemType
from speechgraft.contracts import EncoderOutput, SequenceClassifierOutput
from speechgraft.errors import ConfigError
from speechgraft.nn.init import init_common
from speechgraft.nn.meta import weightless
from speechgraft.nn.speech.adapter import ConvAdapter
from speechgraft.registry.catalog import Catalog
from speechgraft.registry.pretrained import Place
from speechgraft.registry.single import SingleEncoderModel, begin
from speechgraft.routing import named


class HeadModel(SingleEncoderModel):
    """What models of an encoder with a head share: how the head begins, names on disk, freezing."""

    head_names: ClassVar[tuple[str, ...]]
    """Names of the head's parameters, ours and on disk, as a weight map has them."""

    fresh_head: ClassVar[str]
    """Why a checkpoint may lack the head."""

    def weight_map(self) -> WeightMap:
        """The head's names, which are the same on disk, and the encoder's with its prefix."""
        head = WeightMap(
            [rename(name, name) for name in self.head_names],
            fresh=[(name, self.fresh_head) for name in self.head_names],
        )
        return WeightMap.join(head, self._encoder_map().with_prefix())

    def freeze_base_model(self) -> None:
        """Train the encoder no more, the head alone."""
        self.encoder.requires_grad_(False)


class SequenceClassificationModel(HeadModel):
    """An encoder with a head for whole utterances: a projection, the mean over time, a score for each label.

    Args:
        config: What to build; `num_labels` labels, one of them being a regression unless `problem_type` says otherwise.
        catalog: Where the encoder is looked up; by default what is installed.

    Raises:
        ConfigError: There is no label; or the encoder ends in a convolutional adapter (`add_adapter`), which this head
            is not for.
    """

    head_names = ("layer_weights", "projector.{p}", "classifier.{p}")
    fresh_head = "the checkpoint has no classification head"

    def __init__(self, config: Any, *, catalog: Catalog | None = None) -> None:
        device = torch.get_default_device()
        with weightless():
            super().__init__(config, catalog)
            if any(isinstance(module, ConvAdapter) for module in self.encoder.modules()):
                raise ConfigError(f"{type(self).__name__} has no use for an adapter: set add_adapter to false")
            if config.num_labels < 1:
                raise ConfigError(f"{type(self).__name__} needs a label or more: set num_labels in the config")
            states = config.num_hidden_layers + 1  # what the layers give, and before them the embedding
            self.layer_weights = nn.Parameter(torch.empty(states)) if config.use_weighted_layer_sum else None
            self.projector = nn.Linear(self.encoder.output_size, config.classifier_proj_size)
            self.classifier = nn.Linear(config.classifier_proj_size, config.num_labels)
        begin(self, device)

    @classmethod
    def _opened(
        cls, place: Place, options: dict[str, Any], catalog: Catalog | None
    ) -> tuple[Self, Mapping[str, Tensor]]:
        """The model that a folder describes."""
        return cls(cls._described(place, options, catalog), catalog=catalog), place.tensors()

    def init_weights(self, module: nn.Module) -> None:
        """Hidden states begin with equal weights, the head as the encoder's other linear layers do."""
        if module is self and self.layer_weights is not None:
            nn.init.constant_(self.layer_weights, 1 / len(self.layer_weights))
        init_common(module, std=self.config.initializer_range)

    @named
    def forward(
        self,
        input_values: Tensor,
        attention_mask: Tensor | None = None,
        output_attentions: bool | None = None,
        output_hidden_states: bool | None = None,
        return_dict: bool | None = None,
        labels: Tensor | None = None,
        *,
        mask_time_indices: Tensor | None = None,
    ) -> SequenceClassifierOutput | tuple[Any, ...]:
        """Scores of each label for each utterance, and the loss where labels are given.

        *Shapes:* `input_values` (batch, samples), right-padded; `attention_mask` (batch, samples); `labels` (batch,),
        numbers of labels, or what a regression is to give; `mask_time_indices` (batch, frames), bool.

        Raises:
            InputError: What was passed cannot be used; the message names argument and row.
            RoutingError: An argument is unknown or missing.
        """
        keeps_states = self._switch("output_hidden_states", output_hidden_states)
        encoded = self.encode(
            input_values,
            attention_mask,
            mask_time_indices,
            output_attentions=output_attentions,
            output_hidden_states=keeps_states or self.layer_weights is not None,
        )
        logits = self.classifier(self._pooled(encoded))
        output = SequenceClassifierOutput(
            loss=None if labels is None else losses.classification(logits, labels, self._problem()),
            logits=logits,
            hidden_states=encoded.hidden_states if keeps_states else None,
            attentions=encoded.attentions,
        )
        return self._returned(output, return_dict)  # type: ignore[no-any-return]

    def _pooled(self, encoded: EncoderOutput) -> Tensor:
        """The mean over the frames that count. *Shape:* (batch, classifier_proj_size)."""
        hidden, mask = encoded.last_hidden_state, encoded.frame_mask
        if self.layer_weights is not None:
            weights = self.layer_weights.softmax(dim=0).view(-1, 1, 1, 1)
            hidden = (torch.stack(list(encoded.hidden_states or ())) * weights).sum(dim=0)  # (batch, states, size)
            mask = encoded.frame_mask if encoded.state_mask is None else encoded.state_mask
        projected = self.projector(hidden)
        if mask is None:
            return projected.mean(dim=1)  # type: ignore[no-any-return]
        total = torch.where(mask[..., None], projected, 0.0).sum(dim=1)
        return total / mask.sum(dim=1, keepdim=True)

    def _problem(self) -> ProblemType:
        usual: ProblemType = "regression" if self.classifier.out_features == 1 else "single_label_classification"
        return self.config.problem_type or usual
