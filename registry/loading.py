"""Any checkpoint by what its `config.json` says it is: a whole pair, or a model of one part."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from speechgraft.checkpoint import CONFIG_FILE
from speechgraft.config import Config
from speechgraft.errors import CheckpointError, PluginError, UnknownPluginError
from speechgraft.registry.catalog import Catalog
from speechgraft.registry.configs import PAIR_TYPES
from speechgraft.registry.discovery import default_catalog
from speechgraft.registry.entries import DecoderEntry, EncoderEntry
from speechgraft.registry.folders import read_config
from speechgraft.registry.import_strings import load as imported
from speechgraft.registry.models import MODELS
from speechgraft.registry.pretrained import Place, Pretrained, Source

_OF_PLACE = ("revision", "subfolder", "token", "cache_dir", "local_files_only")


def load(source: Source, *, catalog: Catalog | None = None, **options: Any) -> Any:
    """The model that a folder or a repository on the hub holds, of the class that it was saved from.

    `model_type` in `config.json` says which model it is, `architectures` which class of it (`HubertForCTC`,
    `BertLMHeadModel`, ...). Where that class is none of ours (`BertForMaskedLM`), it is the language
    model of a decoder's config (`is_decoder`), and else the encoder alone.

    Args:
        source: A folder or a repository's id.
        catalog: Where models are looked up; by default what is installed.
        **options: Those of the class's `from_pretrained`.

    Returns:
        The model, in eval mode.

    Raises:
        CheckpointError: A file is missing or broken, or `config.json` names no model.
        UnknownPluginError: No plugin brings that model.
        ConfigError: All that is wrong with the config.
        RoutingError: An option that nothing takes.
    """
    catalog = catalog or default_catalog()
    place = {name: options[name] for name in _OF_PLACE if name in options}
    return model_class(_described(source, **place), catalog).from_pretrained(source, catalog=catalog, **options)


def model_class(data: Mapping[str, Any], catalog: Catalog) -> type[Pretrained]:
    """The class for what a `config.json` says.

    Raises:
        UnknownPluginError: No plugin brings that model.
        PluginError: The plugin that does has no class for it alone.
    """
    model_type = data["model_type"]
    for pair in MODELS:
        if model_type == pair.config_class.model_type:
            return pair
    entries = _entries(model_type, catalog)
    saved = data.get("architectures")
    names = saved if isinstance(saved, list) else []
    known = [reference for entry in entries for reference in entry.models]
    for reference in known:
        if reference.rpartition(":")[2] in names:
            return _imported(reference)
    roles: list[type] = [DecoderEntry, EncoderEntry] if data.get("is_decoder") is True else [EncoderEntry, DecoderEntry]
    for role in roles:
        for entry in entries:
            if isinstance(entry, role) and entry.models:
                return _imported(entry.models[0])
    raise PluginError(f"{entries[0]} has no class of its own that a checkpoint becomes: load it as a part of a pair")


class AutoConfig:
    """Configs by the `model_type` in their files; there are no instances of this class."""

    @classmethod
    def from_pretrained(cls, source: Source, *, catalog: Catalog | None = None, **options: Any) -> Config:
        """The config of a folder, or of a repository on the hub, as its own class.

        Args:
            source: A folder or a repository's id.
            catalog: Where models are looked up; by default what is installed.
            **options: Those of the class's `from_pretrained`: values that go before those of the file, `revision` and
                its like.

        Raises:
            CheckpointError: The file is not there, or names no model.
            UnknownPluginError: No plugin brings that model.
            ConfigError: All that is wrong with the config.
            RoutingError: An option is no field.
        """
        place = {name: options[name] for name in _OF_PLACE if name in options}
        data = _described(source, files=(CONFIG_FILE,), **place)
        own = config_class(data["model_type"], catalog or default_catalog())
        return own.from_pretrained(source if isinstance(source, str) else Path(source), **options)

    @classmethod
    def for_model(cls, model_type: str, *, catalog: Catalog | None = None, **options: Any) -> Config:
        """A config of a model by its name, with these values.

        Raises:
            UnknownPluginError: No plugin brings that model.
            ConfigError: What is wrong with the values.
        """
        return config_class(model_type, catalog or default_catalog())(**options)


def config_class(model_type: str, catalog: Catalog) -> type[Config]:
    """The class of a model's configs.

    Raises:
        UnknownPluginError: No plugin brings that model.
    """
    for pair in MODELS:
        if model_type == pair.config_class.model_type:
            return pair.config_class
    return _entries(model_type, catalog)[0].load_config_class()


def _described(source: Source, *, files: tuple[str, ...] = (), **place: Any) -> dict[str, Any]:
    """What `config.json` says; it names a model."""
    folder = Place(source, **place).folder(*files)
    data = read_config(folder)
    if not isinstance(data.get("model_type"), str):
        known = sorted(PAIR_TYPES)[-1]
        raise CheckpointError(
            f"{folder / CONFIG_FILE}: model_type is {data.get('model_type')!r}, expected the name of a model, such as "
            f"{known!r} or 'hubert'"
        )
    return data


def _entries(model_type: str, catalog: Catalog) -> list[EncoderEntry | DecoderEntry]:
    """What is registered under a name, encoder first."""
    found: list[EncoderEntry | DecoderEntry] = []
    problem: UnknownPluginError | None = None
    for look_up in (catalog.encoder, catalog.decoder):
        try:
            found.append(look_up(model_type))
        except UnknownPluginError as error:
            problem = problem or error
    if problem is not None and not found:
        raise problem
    return found


def _imported(reference: str) -> type[Pretrained]:
    found = imported(reference)
    if not (isinstance(found, type) and issubclass(found, Pretrained)):
        raise PluginError(f"{reference} is {found!r}, which is no class of models")
    return found
