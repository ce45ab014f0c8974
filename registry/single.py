"""Models of one encoder: what they share, and the encoder bare."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Self

import torch
from torch import Tensor, nn

from speechgraft.checkpoint import WeightMap, materialise
from speechgraft.checks import check_tensor
from speechgraft.config import Settings
from speechgraft.config.checking import refuse_unknown_options
from speechgraft.contracts import Encoder, EncoderOutput, Output, own_options
from speechgraft.encoder_inputs import check_encoder_call
from speechgraft.errors import ConfigError, InputError
from speechgraft.nn.meta import weightless
from speechgraft.registry.catalog import Catalog
from speechgraft.registry.discovery import default_catalog
from speechgraft.registry.folders import read_config, refuse_another
from speechgraft.registry.pretrained import Place, Pretrained, given_config, with_place
from speechgraft.routing import keywords, named
from speechgraft.switches import freeze_feature_encoder, warn_of_feature_extractor


class OneEncoderModel(Pretrained):
    """What models of one encoder share, whatever it takes. A leaf says in `model_type` which encoder it is for.

    Args:
        config: What to build; the model keeps a deep copy.
        catalog: Where the encoder is looked up; by default what is installed.

    Attributes:
        encoder: The encoder itself.

    Raises:
        ConfigError: `config` is that of another encoder.
    """

    model_type: ClassVar[str]
    loading_options: ClassVar[tuple[str, ...]] = ()
    """What `from_pretrained` of a class takes beside changes to the config."""

    config: Any

    def __init__(self, config: Any, catalog: Catalog | None) -> None:
        super().__init__()
        self.catalog = catalog or default_catalog()
        entry = self.catalog.encoder(self.model_type)
        expected = entry.load_config_class()
        if not isinstance(config, expected):
            raise ConfigError(f"{type(self).__name__} takes a {expected.__name__}, not a {type(config).__name__}")
        self.config = config.copy()
        self.encoder: Encoder = entry.build(self.config)
        self.config.lock()

    @classmethod
    def _described(cls, place: Place, options: dict[str, Any], catalog: Catalog | None) -> Any:
        """The encoder's config in a folder, with the options of a call before its own values.

        Raises:
            ConfigError: What is wrong with it.
            RoutingError: An option is no field of it.
        """
        entry = (catalog or default_catalog()).encoder(cls.model_type)
        refuse_unknown_options(
            entry.load_config_class(), options, (*cls.loading_options, "config", *keywords(cls.from_pretrained))
        )
        given = given_config(options, entry.load_config_class())
        if given is not None:
            return given.copy(**options)
        folder, adapter = place.folder(), entry.load_adapter()
        data = read_config(folder)
        refuse_another(data, folder, entry.load_config_class().model_type, cls.__name__)
        try:
            return adapter.read(data, overrides=options)
        except ConfigError as error:
            raise with_place(error, folder) from None

    @property
    def _reading(self) -> Encoder:
        """The encoder."""
        return self.encoder

    @property
    def _writing(self) -> None:
        """None: what comes out are no tokens of a text."""
        return None

    def _settings(self, **facts: Any) -> tuple[Settings, ...]:
        """The config alone."""
        return (self.config.copy(**facts),)

    def _encoder_map(self) -> WeightMap:
        """Names of the encoder's parameters on disk, as its entry has them, for it as a part of this model."""
        names = self.catalog.encoder(self.model_type).load_weights()(self.config)
        return names.nested("encoder.", on_disk="")

    def _switch(self, name: str, given: bool | None) -> bool:
        return bool(getattr(self.config, name)) if given is None else given

    def _returned(self, output: Output, return_dict: bool | None) -> Any:
        return output if self._switch("return_dict", return_dict) else output.to_tuple()


class SingleEncoderModel(OneEncoderModel):
    """What models of one encoder of speech share."""

    main_input_name = "input_values"

    def encode(
        self,
        input_values: Tensor,
        attention_mask: Tensor | None = None,
        mask_time_indices: Tensor | None = None,
        *,
        output_attentions: bool | None = None,
        output_hidden_states: bool | None = None,
    ) -> EncoderOutput:
        """Run the encoder alone. Arguments are those of `forward`.

        Raises:
            InputError: Inputs of another kind, a bad mask, a row too short.
        """
        options: dict[str, Any] = {}
        if mask_time_indices is not None:
            if "mask_time_indices" not in own_options(type(self.encoder).forward, Encoder.forward):
                raise InputError(f"{type(self.encoder).__name__} takes no mask_time_indices")
            check_tensor(mask_time_indices, "mask_time_indices")
            options["mask_time_indices"] = mask_time_indices
        check_encoder_call(self.encoder, input_values, attention_mask, options, "input_values")
        encoded: EncoderOutput = self.encoder(
            input_values,
            attention_mask,
            output_attentions=self._switch("output_attentions", output_attentions),
            output_hidden_states=self._switch("output_hidden_states", output_hidden_states),
            **options,
        )
        return encoded

    def freeze_feature_encoder(self) -> None:
        """Train the convolutions over the waveform no more.

        Raises:
            InputError: The encoder has none.
        """
        freeze_feature_encoder(self.encoder)

    def freeze_feature_extractor(self) -> None:
        """The older name of `freeze_feature_encoder`.

        Raises:
            InputError: The encoder has none.
        """
        warn_of_feature_extractor()
        self.freeze_feature_encoder()


class EncoderModel(SingleEncoderModel):
    """An encoder alone, under its published name."""

    def __init__(self, config: Any, *, catalog: Catalog | None = None) -> None:
        device = torch.get_default_device()
        with weightless():
            super().__init__(config, catalog)
        begin(self, device)

    @classmethod
    def _opened(
        cls, place: Place, options: dict[str, Any], catalog: Catalog | None
    ) -> tuple[Self, Mapping[str, Tensor]]:
        """The encoder that a folder describes."""
        return cls(cls._described(place, options, catalog), catalog=catalog), place.tensors()

    def weight_map(self) -> WeightMap:
        """The encoder's own names; files of models with a head have its prefix before them."""
        return self._encoder_map()

    def init_weights(self, module: nn.Module) -> None:
        """Nothing: all parameters are the encoder's, which begins them."""

    @named
    def forward(
        self,
        input_values: Tensor,
        attention_mask: Tensor | None = None,
        mask_time_indices: Tensor | None = None,
        output_attentions: bool | None = None,
        output_hidden_states: bool | None = None,
        return_dict: bool | None = None,
    ) -> EncoderOutput | tuple[Any, ...]:
        """Hidden states of a batch of waveforms.

        *Shapes:* `input_values` (batch, samples), right-padded; `attention_mask` (batch, samples);
        `mask_time_indices` (batch, frames), bool, frames that are masked as in SpecAugment.

        Raises:
            InputError: Inputs of another kind, a bad mask, a row too short.
            RoutingError: An argument is unknown or missing.
        """
        encoded = self.encode(
            input_values,
            attention_mask,
            mask_time_indices,
            output_attentions=output_attentions,
            output_hidden_states=output_hidden_states,
        )
        return self._returned(encoded, return_dict)  # type: ignore[no-any-return]


def begin(model: OneEncoderModel, device: torch.device) -> None:
    """Give a model that was built on meta its first values on `device`; none where that is meta itself."""
    if device.type != "meta":
        materialise(model, device=device)
