"""Language models: a decoder alone, under its published name."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, ClassVar, Self

import torch
from torch import Tensor, nn

from speechgraft import checks, losses
from speechgraft.checkpoint import WeightMap, materialise
from speechgraft.config import Settings
from speechgraft.config.checking import refuse_unknown_options
from speechgraft.contracts import CausalLMOutput, Decoder, own_options
from speechgraft.decoder_inputs import DecoderInputs, checked_labels
from speechgraft.errors import ConfigError, InputError
from speechgraft.generation import GenerateOutput, GenerationConfig
from speechgraft.generation.held import HoldsGeneration
from speechgraft.generation.inherited import inherited
from speechgraft.generation.text import continue_text
from speechgraft.nn.cache import DecoderCache
from speechgraft.nn.meta import weightless
from speechgraft.nn.packing import prepared
from speechgraft.registry.catalog import Catalog
from speechgraft.registry.discovery import default_catalog
from speechgraft.registry.folders import read_config, refuse_another
from speechgraft.registry.pretrained import Place, Pretrained, given_config, with_place
from speechgraft.routing import keywords, route
from speechgraft.special_tokens import IN_CALL, IN_MODEL, end_tokens, find_token


class LanguageModel(Pretrained, HoldsGeneration):
    """A decoder that continues texts, of which each token may also attend to a memory.

    A leaf says in `model_type` which decoder it is for, and how one is made of a config (`built`).

    Args:
        config: What to build; the model keeps a deep copy. With `add_cross_attention` the model attends to
            `encoder_hidden_states`, and can be the decoder of a pair.
        generation_config: How to generate where the call does not say; by default what the config says of it.
        catalog: Where the decoder is looked up; by default what is installed.

    Attributes:
        decoder: The decoder itself.
        shifts_labels: Whether `labels[:, i]` is what the token at `i` is, as in `input_ids`, so that they are moved by
            one place here; otherwise what follows on it. As published, which differs from model to model.

    Raises:
        ConfigError: `config` is that of another model, or of one that does not read from left to right.
    """

    main_input_name = "input_ids"
    model_type: ClassVar[str]
    shifts_labels: ClassVar[bool]
    of_language_models: ClassVar[Mapping[str, Any]] = MappingProxyType({})
    """What is set in every config of the class, whose checkpoints may come from another one."""

    config: Any

    def __init__(
        self, config: Any, *, generation_config: GenerationConfig | None = None, catalog: Catalog | None = None
    ) -> None:
        super().__init__()
        self.catalog = catalog or default_catalog()
        expected = self.catalog.decoder(self.model_type).load_config_class()
        if not isinstance(config, expected):
            raise ConfigError(f"{type(self).__name__} takes a {expected.__name__}, not a {type(config).__name__}")
        self.config = config.copy(**self.of_language_models)
        self.generation_config = generation_config or inherited(self.config)
        device = torch.get_default_device()
        with weightless():
            self.decoder: Decoder = self.built(self.config)
        self.config.lock()
        if device.type != "meta":
            materialise(self, device=device)

    @classmethod
    @abstractmethod
    def built(cls, config: Any) -> Decoder:
        """The decoder of a config, with cross-attention where the config asks for it.

        Raises:
            ConfigError: It is not one of a language model.
        """

    @classmethod
    def _opened(
        cls, place: Place, options: dict[str, Any], catalog: Catalog | None
    ) -> tuple[Self, Mapping[str, Tensor]]:
        """The model that a folder describes, with the generation config that lies there, or one of its old keys."""
        entry = (catalog or default_catalog()).decoder(cls.model_type)
        refuse_unknown_options(entry.load_config_class(), options, ("config", *keywords(cls.from_pretrained)))
        folder = place.folder()
        config: Any = given_config(options, entry.load_config_class())
        data = read_config(folder) if config is None else {}
        refuse_another(data, folder, entry.load_config_class().model_type, cls.__name__)
        try:
            if config is None:
                config = entry.load_adapter().read(data, overrides=options)
            elif options:
                config = config.copy(**options)
            if (folder / GenerationConfig.file_name).exists():
                generation = GenerationConfig.from_pretrained(folder)
            else:
                generation = inherited(config, old_keys=True)
            model = cls(config, generation_config=generation, catalog=catalog)
        except ConfigError as error:
            raise with_place(error, folder) from None
        return model, place.tensors()

    @property
    def _reading(self) -> Decoder:
        """The decoder."""
        return self.decoder

    @property
    def _writing(self) -> Decoder:
        """The decoder."""
        return self.decoder

    def get_decoder(self) -> Decoder:
        """The decoder itself."""
        return self.decoder

    def _settings(self, **facts: Any) -> tuple[Settings, ...]:
        """The config, and a generation config with all special tokens."""
        known = self.decoder.vocab_size
        return self.config.copy(**facts), self.generation_config.filled_from(self.config, vocab_size=known)

    def weight_map(self) -> WeightMap:
        """Names of the decoder's parameters on disk, as its entry has them."""
        return self.catalog.decoder(self.model_type).load_weights()(self.config).nested("decoder.", on_disk="")

    def init_weights(self, module: nn.Module) -> None:
        """Nothing: all parameters are the decoder's, which begins them."""

    def forward(
        self,
        input_ids: Tensor | None = None,
        *,
        attention_mask: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
        encoder_hidden_states: Tensor | None = None,
        encoder_attention_mask: Tensor | None = None,
        labels: Tensor | None = None,
        past_key_values: DecoderCache | None = None,
        use_cache: bool | None = None,
        output_attentions: bool | None = None,
        output_hidden_states: bool | None = None,
        return_dict: bool | None = None,
        logits_to_keep: int = 0,
        num_items_in_batch: Tensor | int | None = None,
        **options: Any,
    ) -> CausalLMOutput | tuple[Any, ...]:
        """Logits for what follows on each token, and the loss where labels are given.

        *Shapes:* `input_ids` (batch, tokens), with `past_key_values` the new tokens alone, or `inputs_embeds` (batch,
        tokens, size); `attention_mask` (batch, tokens seen and new); `encoder_hidden_states` (batch, frames,
        memory_size) and `encoder_attention_mask` (batch, frames), which are read on the first call of a cache alone;
        `labels` (batch, tokens), -100 for what does not count, see `shifts_labels`. `num_items_in_batch` is what the
        loss is divided by, by default the labels that count. `logits_to_keep` counts the last tokens whose logits are
        wanted; 0: all. Without `use_cache` the config's is taken, and nothing is kept where there are labels. Further
        options are the decoder's own (`token_type_ids`, `position_ids`).

        Raises:
            InputError: What was passed cannot be used; the message names argument and row.
            RoutingError: An option that the decoder does not take.
        """
        routed = route(options, self.forward_options(), unprefixed="decoder", own=keywords(LanguageModel.forward))
        given = DecoderInputs(input_ids, inputs_embeds, attention_mask)
        keep = {
            "output_attentions": self._switch("output_attentions", output_attentions),
            "output_hidden_states": self._switch("output_hidden_states", output_hidden_states),
        }
        wants = bool(self.config.use_cache and labels is None) if use_cache is None else use_cache
        cache = past_key_values or (self.decoder.new_cache() if wants else None)
        rows = self._rows(given, cache)
        given.check(self.decoder, cache, rows, routed["decoder"], prefix="")
        utterances = rows // (1 if cache is None else cache.rows_per_utterance)
        read = cache is not None and cache.memory_mask is not None
        checks.check_memory(self.decoder, encoder_hidden_states, encoder_attention_mask, utterances, read=read)
        if labels is not None:
            labels = checked_labels(labels, self.decoder, rows)
        decoded = self.decoder(
            given.ids,
            given.mask,
            inputs_embeds=given.embeds,
            memory=encoder_hidden_states,
            memory_mask=encoder_attention_mask,
            cache=cache,
            last_only=labels is None and logits_to_keep == 1,
            **keep,
            **routed["decoder"],
        )
        output = CausalLMOutput(
            loss=None if labels is None else self._loss(decoded.logits, labels, num_items_in_batch),
            logits=decoded.logits[:, -logits_to_keep:],
            past_key_values=decoded.cache,
            hidden_states=decoded.hidden_states,
            attentions=decoded.attentions,
            cross_attentions=decoded.cross_attentions,
        )
        return output if self._switch("return_dict", return_dict) else output.to_tuple()

    def generate(self, input_ids: Tensor | None = None, **options: Any) -> Tensor | GenerateOutput:
        """Token ids that continue each row: see `speechgraft.generation.text.continue_text`."""
        with prepared(self):
            return continue_text(self, input_ids, **options)

    def forward_options(self) -> dict[str, tuple[str, ...]]:
        """The further options that `forward` takes, all of them the decoder's."""
        return {"decoder": own_options(type(self.decoder).forward, Decoder.forward)}

    def token(
        self,
        name: str,
        purpose: str,
        generation_config: GenerationConfig | None = None,
        *,
        instead: str | None = None,
        vocab_size: int | None = None,
    ) -> int:
        """A special token's id, of the generation config or else of the model's; see `Bridge.token`.

        Raises:
            ConfigError: None sets it, or there is no such token; the message says where to put one.
        """
        first, remedy = ([], IN_MODEL) if generation_config is None else ([generation_config], IN_CALL)
        return find_token(name, purpose, *first, self.config, instead=instead, vocab_size=vocab_size, remedy=remedy)

    def ends(self, generation_config: GenerationConfig | None = None) -> set[int]:
        """Tokens that end a text: those of the generation config, or else of the model's."""
        return end_tokens(generation_config or self.generation_config, self.config)

    def _switch(self, name: str, given: bool | None) -> bool:
        return bool(getattr(self.config, name)) if given is None else given

    def _rows(self, given: DecoderInputs, cache: DecoderCache | None) -> int:
        """Rows that there have to be: those of the cache or, before its first call, those that are given."""
        if cache is not None and cache.rows is not None:
            return cache.rows
        first = given.embeds if given.ids is None else given.ids
        return len(first) if isinstance(first, Tensor) and first.dim() else 0

    def _loss(self, logits: Tensor, labels: Tensor, tokens: Tensor | int | None) -> Tensor:
        """Cross-entropy over so many tokens, by default those of the labels that count."""
        if logits.shape[:2] != labels.shape:
            raise InputError(f"labels have shape {tuple(labels.shape)}, but the logits {tuple(logits.shape[:2])}")
        if self.shifts_labels:
            logits, labels = logits[:, :-1], labels[:, 1:]
        return losses.cross_entropy(logits, labels, losses.tokens_of(labels, tokens))


def reads_onwards(config: Any) -> Any:
    """The config of a language model that is not to see the tokens behind each.

    Raises:
        ConfigError: It is the config of an encoder, which reads in both directions.
    """
    if not config.is_decoder:
        told = "a language model reads from left to right: pass is_decoder=True, to from_pretrained too"
        raise ConfigError("a language model cannot be built:", [f"$.is_decoder: {told}"])
    return config
