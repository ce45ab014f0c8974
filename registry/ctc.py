"""CTC on an encoder, written once for all encoders, with adapters for languages."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import torch
from attrs import evolve
from torch import Tensor, nn

from speechgraft import losses
from speechgraft.checks import check_token_rows
from speechgraft.contracts import CTCOutput, row_lengths
from speechgraft.errors import ConfigError
from speechgraft.nn.init import init_common
from speechgraft.nn.meta import weightless
from speechgraft.registry.adapters import adapter_modules, adapter_tensors, laid_over, mapped_adapter, write_adapter
from speechgraft.registry.catalog import Catalog
from speechgraft.registry.heads import HeadModel
from speechgraft.registry.pretrained import Place, Source
from speechgraft.registry.single import begin
from speechgraft.routing import named
from speechgraft.special_tokens import find_token


class CTCModel(HeadModel):
    """An encoder with a head that scores tokens in each frame, for CTC (Graves et al. 2006).

    Args:
        config: What to build; `vocab_size` is the number of tokens, `pad_token_id` the blank.
        target_lang: The language whose adapters are loaded from where `config.name_or_path` says; `None`: none are.
        catalog: Where the encoder is looked up; by default what is installed.

    Attributes:
        target_lang: The language whose adapters the model has.

    Raises:
        ConfigError: `vocab_size` is not set, or `pad_token_id` is none of the tokens; or there is a `target_lang`, and
            `adapter_attn_dim` is not set.
    """

    loading_options = ("target_lang",)

    head_names = ("lm_head.{p}",)
    fresh_head = "the checkpoint has no CTC head"

    def __init__(self, config: Any, target_lang: str | None = None, *, catalog: Catalog | None = None) -> None:
        device = torch.get_default_device()
        with weightless():
            super().__init__(config, catalog)
            if config.vocab_size is None:
                raise ConfigError(f"{type(self).__name__} needs the number of tokens: set vocab_size in the config")
            _check_blank(config)
            self.dropout = nn.Dropout(config.final_dropout)
            self.lm_head = nn.Linear(self.encoder.output_size, config.vocab_size)
        self.target_lang = target_lang
        if target_lang is not None:
            adapter_modules(self)  # refuses an encoder that has none
        begin(self, device)
        if target_lang is not None and device.type != "meta":
            self.load_adapter(target_lang)

    @classmethod
    def _opened(
        cls, place: Place, options: dict[str, Any], catalog: Catalog | None
    ) -> tuple[Self, Mapping[str, Tensor]]:
        """The model that a folder describes; with `target_lang`, with that language's adapters and head."""
        target_lang = options.pop("target_lang", None)
        config = cls._described(place, options, catalog)
        tensors = place.tensors()
        if target_lang is None:
            return cls(config, catalog=catalog), tensors
        if config.vocab_size is None:  # the language's file says it, but first the model whether it has a place for one
            config = config.copy(vocab_size=1 + (config.pad_token_id or 0))
        model = cls(config, catalog=catalog)
        adapter_modules(model)
        adapter, file = adapter_tensors(place, target_lang)
        if "lm_head.weight" in adapter:
            model._resize_head(len(adapter["lm_head.weight"]))
        model.target_lang = target_lang
        mapped_adapter(model, adapter, file)  # refuses what does not fit
        return model, laid_over(tensors, adapter, model.weight_map())

    def init_weights(self, module: nn.Module) -> None:
        """The head begins as the encoder's other linear layers do."""
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
        num_items_in_batch: Tensor | int | None = None,
    ) -> CTCOutput | tuple[Any, ...]:
        """Scores of each token in each frame, and the loss where labels are given.

        *Shapes:* `input_values` (batch, samples), right-padded; `attention_mask` (batch, samples); `labels` (batch,
        tokens), negative (-100) where there is none; `mask_time_indices` (batch, frames), bool.
        `num_items_in_batch` is the number of label tokens over all micro-batches of one step: the loss is then the
        sum over the rows divided by it, whatever `ctc_loss_reduction` says, so that the micro-batches' losses add up
        to that of the whole batch.

        Raises:
            InputError: What was passed cannot be used, or the labels of a row do not fit into its frames; the
                message names argument and row.
            RoutingError: An argument is unknown or missing.
            ConfigError: There are labels, but `pad_token_id`, CTC's blank, is not set.
        """
        encoded = self.encode(
            input_values,
            attention_mask,
            mask_time_indices,
            output_attentions=output_attentions,
            output_hidden_states=output_hidden_states,
        )
        logits = self.lm_head(self.dropout(encoded.last_hidden_state))
        output = CTCOutput(
            loss=None if labels is None else self._loss(logits, encoded.frame_mask, labels, num_items_in_batch),
            logits=logits,
            hidden_states=encoded.hidden_states,
            attentions=encoded.attentions,
            frame_mask=encoded.frame_mask,
        )
        return self._returned(output, return_dict)  # type: ignore[no-any-return]

    def _loss(self, logits: Tensor, mask: Tensor | None, labels: Tensor, count: Tensor | int | None) -> Tensor:
        blank = find_token("pad_token_id", "as the blank of CTC", self.config)
        check_token_rows(labels, len(logits), "labels")
        labels = labels.masked_fill(labels == blank, losses.IGNORED)  # published code pads with either
        losses.count_labels(labels)  # refuses to learn from nothing
        tokens = losses.tokens_of(labels, count)
        loss = losses.ctc(
            logits,
            row_lengths(logits, mask),
            labels,
            blank=blank,
            reduction=self.config.ctc_loss_reduction if count is None else "sum",
            zero_infinity=self.config.ctc_zero_infinity,
        )
        return loss if count is None else loss / tokens

    def adapter_parameters(self) -> dict[str, nn.Parameter]:
        """What a language has of its own, by our names: the adapters of all layers, and the head.

        Raises:
            ConfigError: The encoder was built without adapters.
        """
        inner = {
            f"{path}.{name}": parameter
            for path, module in adapter_modules(self).items()
            for name, parameter in module.named_parameters()
        }
        return {**inner, **{f"lm_head.{name}": parameter for name, parameter in self.lm_head.named_parameters()}}

    def init_adapter_layers(self) -> None:
        """Begin the adapters of all layers and the head anew, to train them for a language.

        Raises:
            ConfigError: The encoder was built without adapters.
        """
        for adapter in adapter_modules(self).values():
            for module in adapter.modules():
                self.encoder.init_weights(module)
        self.init_weights(self.lm_head)

    def load_adapter(
        self,
        target_lang: str,
        force_load: bool = True,
        *,
        source: Source | None = None,
        revision: str | None = None,
        token: str | bool | None = None,
        cache_dir: Source | None = None,
        local_files_only: bool | None = None,
    ) -> None:
        """Exchange adapters and head for those of a language, of `adapter.{target_lang}.safetensors`.

        The head, and `config.vocab_size`, take the number of tokens that the file has.

        Args:
            target_lang: The language's name, as files have it.
            force_load: Whether to read them even where the model has that language's already.
            source: Folder or repository; by default, as for the options below, where the model was loaded from, or
                where `config.name_or_path` says.
            revision: Branch, tag or commit on the hub.
            token: For gated repositories.
            cache_dir: Where downloads are kept.
            local_files_only: Whether nothing may be downloaded.

        Raises:
            CheckpointError: There is no such file, or what it holds does not fit.
            ConfigError: The encoder was built without adapters.
            InputError: Nothing says where the files are, or the name is none.
        """
        adapter_modules(self)
        if target_lang == self.target_lang and not force_load:
            return
        place = self.place or Place(self.config.name_or_path)
        given: dict[str, Any] = {
            "revision": revision,
            "token": token,
            "cache_dir": cache_dir,
            "local_files_only": local_files_only,
        }
        place = evolve(
            place if source is None else Place(source),
            **{name: value for name, value in given.items() if value is not None},
        )
        tensors = mapped_adapter(self, *adapter_tensors(place, target_lang))
        self._resize_head(len(tensors["lm_head.weight"]))
        with torch.no_grad():
            for name, parameter in self.adapter_parameters().items():
                parameter.copy_(tensors[name])
        self.target_lang = target_lang

    def save_adapter(self, folder: Source, target_lang: str | None = None) -> Path:
        """Write adapters and head into `adapter.{target_lang}.safetensors`, for `load_adapter`.

        Args:
            folder: Made where it is not there; what else it holds stays.
            target_lang: The language's name; by default that of the model.

        Raises:
            CheckpointError: It cannot be written.
            ConfigError: The encoder was built without adapters.
            InputError: There is no such name.
        """
        ours = {name: parameter.detach() for name, parameter in self.adapter_parameters().items()}
        return write_adapter(folder, target_lang or self.target_lang, self.weight_map().to_disk(ours))

    def _resize_head(self, tokens: int) -> None:
        if tokens == self.lm_head.out_features:
            return
        weight = self.lm_head.weight
        self.lm_head = nn.Linear(weight.shape[1], tokens, device=weight.device, dtype=weight.dtype)
        with self.config.unlocked():
            self.config.vocab_size = tokens


def _check_blank(config: Any) -> None:
    blank, size = config.pad_token_id, config.vocab_size
    if blank is not None and not 0 <= blank < size:
        raise ConfigError(
            "CTC has no such blank:", [f"$.pad_token_id: {blank} is not one of the {size} tokens (0 to {size - 1})"]
        )
