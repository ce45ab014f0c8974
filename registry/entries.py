"""What a plugin registers: one frozen description for each encoder, each decoder and each connector.

An entry refers to everything heavy by an import string, `"package.module:Name"`, which is resolved
when it is first needed. Listing names therefore imports no model code and no torch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Final, Literal, TypeVar, cast

from attrs import field, fields, frozen

from speechgraft.errors import PluginError
from speechgraft.registry.entry_checks import check_interface, check_name, check_prefix, check_stride, one_of
from speechgraft.registry.frozen import FrozenMapping
from speechgraft.registry.import_strings import check_import_string, check_import_strings, load

if TYPE_CHECKING:
    from speechgraft.checkpoint import WeightMap
    from speechgraft.config import Config, ConfigAdapter, Settings
    from speechgraft.contracts import Connector, Decoder, Encoder

Part = TypeVar("Part")

Role = Literal["encoder", "decoder", "connector"]
"""What an entry may be for."""

AN: Final[Mapping[Role, str]] = {"encoder": "an encoder", "decoder": "a decoder", "connector": "a connector"}
"""Each role with its article, for messages."""

PartRole = Literal["encoder", "decoder"]
"""The two parts of a pair that have checkpoints of their own."""

DEFAULT_CONNECTOR = "linear"
"""The name of the connector that a pair has where none is chosen: that of published checkpoints."""


def _frozen(options: Mapping[str, Any]) -> FrozenMapping[str, Any]:
    return FrozenMapping(options)


def _strings(references: Iterable[str]) -> tuple[str, ...]:
    return tuple(references)


@frozen(kw_only=True)
class Registered:
    """What every entry has.

    Raises:
        PluginError: A field has a value that cannot be meant.
    """

    role: ClassVar[Role]
    """What it is for."""

    name: str = field(validator=check_name)
    """The name in the catalog, which is the `model_type` in the `config.json` of its checkpoints."""

    config: str = field(validator=check_import_string)
    """The config class: of an encoder or a decoder a `speechgraft.config.Config`, of a connector its `Settings`."""

    adapter: str = field(validator=check_import_string)
    """The `speechgraft.config.ConfigAdapter` between a checkpoint's `config.json` and the config class."""

    factory: str = field(validator=check_import_string)
    """A callable that takes the config and gives the module; under `torch.device("meta")` it makes no weights. That
    of a connector is given the widths of frames and memory too."""

    weights: str = field(validator=check_import_string)
    """A callable that takes the config and gives the `speechgraft.checkpoint.WeightMap` of its checkpoints."""

    tiny: Mapping[str, Any] = field(converter=_frozen, hash=False)
    """Keyword options of a config so small that a test can build and run it in milliseconds."""

    draw: str | None = field(default=None, validator=check_import_string)
    """A callable that gives a hypothesis strategy of configs for the contract tests; `None`: tests vary `tiny`."""

    interface: int = field(default=1, validator=check_interface)
    """The `INTERFACE` that the plugin is written for: a number, since the constant grows with speechgraft."""

    summary: str = ""
    """One line for `speechgraft encoders`, `decoders` and `connectors`."""

    def __str__(self) -> str:
        return f"{self.role} {self.name!r}"

    def load_config_class(self) -> type[Settings]:
        """The config class, imported now.

        Raises:
            PluginError: It is none.
        """
        from speechgraft.config import Settings

        found = self._load("config")
        if not (isinstance(found, type) and issubclass(found, Settings)):
            raise PluginError(f"{self}: config {self.config!r} is {found!r}, which is no config class")
        return found

    def load_adapter(self) -> ConfigAdapter:
        """The config adapter, imported now.

        Raises:
            PluginError: It is none.
        """
        from speechgraft.config import ConfigAdapter

        adapter = self._load("adapter")
        if not isinstance(adapter, ConfigAdapter):
            found = f"{type(adapter).__module__}.{type(adapter).__qualname__}"
            raise PluginError(f"{self}: adapter {self.adapter!r} is a {found}, which is no ConfigAdapter")
        return adapter

    def load_weights(self) -> Callable[[Any], WeightMap]:
        """The callable from a config to its weight map, imported now."""
        return cast("Callable[[Any], WeightMap]", self._load_callable("weights"))

    def load_draw(self) -> Callable[[], Any] | None:
        """The callable that gives a hypothesis strategy of configs, imported now, or `None`."""
        return None if self.draw is None else cast("Callable[[], Any]", self._load_callable("draw"))

    def capabilities(self) -> dict[str, Any]:
        """What the entry declares about its model, by name; the contract tests try each."""
        declared = [attribute.name for attribute in fields(type(self)) if attribute.metadata.get("capability")]
        return {name: getattr(self, name) for name in declared}

    def _load_callable(self, what: str) -> Callable[..., Any]:
        """What a field leads to, where that can be called."""
        found = self._load(what)
        if not callable(found):
            raise PluginError(f"{self}: {what} {getattr(self, what)!r} is {found!r}, which cannot be called")
        return cast("Callable[..., Any]", found)

    def _load(self, what: str) -> Any:
        reference: str = getattr(self, what)
        try:
            return load(reference)
        except PluginError as error:
            raise PluginError(f"{self} cannot load its {what}: {error}") from error.__cause__


@frozen(kw_only=True)
class Entry(Registered):
    """What an encoder's and a decoder's entry have in common.

    Raises:
        PluginError: A field has a value that cannot be meant.
    """

    gradient_checkpointing: bool = field(default=False, metadata={"capability": True})
    """Whether the module has `gradient_checkpointing_enable()` and trains to the same gradients with it."""

    models: tuple[str, ...] = field(default=(), converter=_strings, validator=check_import_strings)
    """The classes that its checkpoints become on their own (`speechgraft.load`), under their published names, the one
    without a head first. They are `speechgraft.registry.EncoderModel`, `CTCModel`, `LanguageModel` and the like."""

    def load_config_class(self) -> type[Config]:
        """The config class, imported now."""
        return cast("type[Config]", super().load_config_class())

    def tiny_config(self) -> Config:
        """A config of the `tiny` options."""
        return self.load_config_class()(**self.tiny)


@frozen(kw_only=True)
class EncoderEntry(Entry):
    """An encoder that a plugin brings.

    >>> from speechgraft.registry import EncoderEntry
    >>> entry = EncoderEntry(
    ...     name="my-encoder",
    ...     config="my_package.config:MyConfig",
    ...     adapter="my_package.config:ADAPTER",
    ...     factory="my_package.encoder:MyEncoder",
    ...     weights="my_package.weights:weight_map",
    ...     input_kind="waveform",
    ...     tiny={"hidden_size": 16},
    ... )
    >>> entry.name, entry.role
    ('my-encoder', 'encoder')
    """

    role = "encoder"

    input_kind: Literal["waveform", "features", "tokens"] = field(
        validator=one_of("waveform", "features", "tokens"), metadata={"capability": True}
    )
    """What goes in: (batch, samples), (batch, frames, bins) or (batch, tokens)."""

    extractor: str = field(default="speechgraft.audio:Wav2Vec2FeatureExtractor", validator=check_import_string)
    """The class that turns audio into inputs, with a `from_pretrained` for the checkpoint's folder."""

    ctc_model: str | None = field(default=None, validator=check_import_string)
    """The class of its checkpoints with a CTC head, a `speechgraft.registry.CTCModel`; `None`: there are none."""

    stride: int | None = field(default=None, validator=check_stride, metadata={"capability": True})
    """Inputs (samples, frames or tokens) a frame with the default config; `None`: it varies."""

    padding_invariant: bool = field(default=True, metadata={"capability": True})
    """Whether an utterance gives the same frames alone and padded in a batch, with the default config."""

    def load_extractor(self) -> Any:
        """The feature extractor's class, imported now."""
        return self._load_callable("extractor")

    def load_ctc_model(self) -> Any | None:
        """The class of checkpoints with a CTC head (a `speechgraft.registry.CTCModel`), imported now, or `None`."""
        return None if self.ctc_model is None else self._load("ctc_model")

    def build(self, config: Config) -> Encoder:
        """The module of a config.

        Raises:
            PluginError: The factory made something that is no `speechgraft.contracts.Encoder`.
        """
        from speechgraft.contracts import Encoder

        return _checked(self, self._load_callable("factory")(config), Encoder)  # type: ignore[type-abstract]


@frozen(kw_only=True)
class DecoderEntry(Entry):
    """A decoder that a plugin brings."""

    role = "decoder"

    cross_attention: Literal["native", "injected"] = field(
        validator=one_of("native", "injected"), metadata={"capability": True}
    )
    """`"native"`: the pretrained model has cross-attention; `"injected"`: it gets fresh layers here.

    The weight map of one that is injected names these layers in `fresh`, with a reason that begins with
    "injected"; `check` counts their parameters by it.
    """

    identity: bool = field(default=False, metadata={"capability": True})
    """Whether its config takes `cross_attention_init="zero"`, with which a decoder of a checkpoint without
    cross-attention begins as exactly the language model of that checkpoint, whatever the memory."""

    positions: Literal["learned", "sinusoidal", "rotary", "relative", "none"] = field(
        default="learned",
        validator=one_of("learned", "sinusoidal", "rotary", "relative", "none"),
        metadata={"capability": True},
    )
    """How tokens know their place; `"learned"` limits the length of a text to the table's."""

    tokenizer: str = field(default="speechgraft.text:load_tokenizer", validator=check_import_string)
    """A callable that takes a checkpoint's folder or id and gives its tokenizer."""

    def load_tokenizer(self) -> Callable[..., Any]:
        """The callable that loads a tokenizer, imported now."""
        return self._load_callable("tokenizer")

    def build(self, config: Config) -> Decoder:
        """The module of a config.

        Raises:
            PluginError: The factory made something that is no `speechgraft.contracts.Decoder`.
        """
        from speechgraft.contracts import Decoder

        return _checked(self, self._load_callable("factory")(config), Decoder)  # type: ignore[type-abstract]


@frozen(kw_only=True)
class ConnectorEntry(Registered):
    """What stands between encoder and memory, as a plugin brings it.

    >>> from speechgraft.registry import ConnectorEntry
    >>> entry = ConnectorEntry(
    ...     name="my-connector",
    ...     config="my_package.config:MyConfig",
    ...     adapter="my_package.config:ADAPTER",
    ...     factory="my_package.connector:MyConnector",
    ...     weights="my_package.weights:weight_map",
    ...     tiny={},
    ... )
    >>> entry.name, entry.role, entry.shortens
    ('my-connector', 'connector', False)
    """

    role = "connector"

    prefix: str = field(default="connector.", validator=check_prefix)
    """What the names of all its parameters begin with in the checkpoint of a pair."""

    shortens: bool = field(default=False, metadata={"capability": True})
    """Whether the memory has fewer frames than the encoder, with the default config."""

    def tiny_config(self) -> Settings:
        """A config of the `tiny` options."""
        return self.load_config_class()(**self.tiny)

    def build(self, config: Settings, input_size: int, output_size: int) -> Connector:
        """The module of a config, from frames of one width to a memory of another.

        Raises:
            PluginError: The factory made something that is no `speechgraft.contracts.Connector`.
        """
        from speechgraft.contracts import Connector

        return _checked(self, self._load_callable("factory")(config, input_size, output_size), Connector)  # type: ignore[type-abstract]

    def weight_map(self, config: Settings) -> WeightMap:
        """The table of its parameters in the checkpoint of a pair, where they are those of `pair.connector`."""
        return self.load_weights()(config).nested("connector.", on_disk=self.prefix)


def _checked(entry: Registered, module: object, contract: type[Part]) -> Part:
    if isinstance(module, contract):
        return module
    made = f"{type(module).__module__}.{type(module).__qualname__}"
    raise PluginError(
        f"{entry}: factory {entry.factory!r} made a {made}, which is no {contract.__module__}.{contract.__name__}"
    )
