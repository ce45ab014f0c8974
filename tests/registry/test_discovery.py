"""Plugins are found, imported and registered one by one; a broken one is named and the others go on."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

import speechgraft.plugins
from speechgraft.errors import PluginError, UnknownPluginError
from speechgraft.registry import (
    Catalog,
    EncoderEntry,
    Origin,
    Plugin,
    check,
    collect,
    default_catalog,
    hookimpl,
    list_decoders,
    list_encoders,
)
from speechgraft.registry.discovery import installed_plugins, wanted
from speechgraft.registry.import_strings import load

GOOD = """
from speechgraft.registry import EncoderEntry, hookimpl

def entry(name):
    return EncoderEntry(name=name, config="toy:C", adapter="toy:A", factory="toy:F", weights="toy:w",
                        input_kind="waveform", tiny={})

@hookimpl
def speechgraft_encoders():
    return [entry("NAME")]
"""

BROKEN = {
    "misspelt hook": (
        GOOD.replace("def speechgraft_encoders", "def speechgraft_encoder"),
        "did you mean 'speechgraft_enc",
    ),
    "no hook": ("x = 1", "it has no hook"),
    "unmarked hook": (GOOD.replace("@hookimpl", ""), "it has no hook"),
    "import error": ("import a_module_that_is_not_there", "ModuleNotFoundError: No module named 'a_module"),
    "syntax error": ("x = 1\ndef (", "toy_m_syntax_error.py, line 2)"),
    "exit on import": ("raise SystemExit(3)", "SystemExit: 3"),
    "hook raises": (GOOD.replace("return [", "raise KeyError('boom') or ["), "KeyError: 'boom'"),
    "nothing returned": (GOOD.replace("return ", ""), "hook speechgraft_encoders gave None, expected an iterable"),
    "no iterable": (GOOD.replace('return [entry("NAME")]', "return 3"), "gave 3, expected an iterable"),
    "no entries": (GOOD.replace('[entry("NAME")]', '["NAME"]'), "of type str, expected EncoderEntry"),
    "wrong argument": (GOOD.replace("_encoders()", "_encoders(model)"), "PluginValidationError"),
    "bad entry": (GOOD.replace("waveform", "video"), "input_kind='video'"),
    "unknown field": (GOOD.replace("tiny={}", "tiny={}, size=3"), "unexpected keyword argument 'size'"),
    "newer interface": (
        GOOD.replace("tiny={}", "tiny={}, interface=2"),
        "interface 2, this speechgraft has 1: install a newer speechgraft, or an older version of the plugin",
    ),
    "older interface": (
        GOOD.replace("tiny={}", "tiny={}, interface=0"),
        "interface 0, this speechgraft has 1: install a newer version of the plugin, or an older speechgraft",
    ),
    "interface in words": (GOOD.replace("tiny={}", "tiny={}, interface='1'"), "interface='1': expected a whole number"),
    "no adapter": (GOOD.replace('adapter="toy:A", ', ""), "missing 1 required keyword-only argument: 'adapter'"),
    "taken prefix": (
        GOOD.replace("EncoderEntry", "ConnectorEntry")
        .replace("encoders", "connectors")
        .replace('input_kind="waveform"', 'prefix="decoder."'),
        "prefix='decoder.'",
    ),
    "taken name": (GOOD.replace("NAME", "first"), "already registered by plugin 'first' of package-first 1.0"),
}


def install(folder: Path, name: str, source: str) -> None:
    """Lay out an installed distribution with one entry point of the group `speechgraft`."""
    module = "toy_" + name.replace("-", "_").replace(" ", "_")
    info = folder / f"package_{module}-1.0.dist-info"
    info.mkdir()
    (folder / f"{module}.py").write_text(source)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: package-{name.replace(' ', '-')}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[speechgraft]\n{name.replace(' ', '-')} = {module}\n")


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder on the path to install into; what was imported from it is forgotten afterwards."""
    before = set(sys.modules)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield tmp_path
    for name in set(sys.modules) - before:
        if name.startswith("toy_"):
            del sys.modules[name]


def found(site: Path) -> Catalog:
    return collect(plugin for plugin in installed_plugins() if plugin.origin.package.startswith("package-"))


@pytest.mark.parametrize("fault", BROKEN)
def test_a_broken_plugin_is_named_and_the_others_go_on(site: Path, fault: str) -> None:
    source, says = BROKEN[fault]
    install(site, "first", GOOD.replace("NAME", "first"))
    install(site, "m " + fault, source.replace("NAME", "broken"))
    install(site, "other", GOOD.replace("NAME", "other"))
    catalog = found(site)
    assert catalog.list_encoders() == ["first", "other"]
    (broken,) = catalog.broken
    assert broken.origin == Origin(f"m-{fault.replace(' ', '-')}", f"package-m-{fault.replace(' ', '-')}", "1.0")
    assert says in broken.reason
    assert "\n" not in str(broken)


def test_a_plugin_with_one_taken_name_is_left_out_whole(site: Path) -> None:
    install(site, "first", GOOD.replace("NAME", "first"))
    install(site, "second", GOOD.replace('[entry("NAME")]', '[entry("new"), entry("first")]'))
    catalog = found(site)
    assert catalog.list_encoders() == ["first"]
    assert catalog.origin("encoder", "first").package == "package-first"


def test_entries_that_state_no_interface_are_of_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is left out must not come to mean the newest: such a plugin was written before there was another."""
    assert default_catalog().encoder("wav2vec2").interface == 1
    monkeypatch.setattr("speechgraft.registry.entry_checks.INTERFACE", 3)
    monkeypatch.setattr("speechgraft.registry.entry_checks.OLDEST_INTERFACE", 2)
    options = {"config": "toy:C", "adapter": "toy:A", "factory": "toy:F", "weights": "toy:w", "tiny": {}}
    with pytest.raises(
        PluginError, match="interface 1, this speechgraft has 2 to 3: install a newer version of the pl"
    ):
        EncoderEntry(name="old", input_kind="waveform", **options)
    assert EncoderEntry(name="new", input_kind="waveform", interface=2, **options).interface == 2


def test_a_config_class_for_an_adapter_is_refused_by_name() -> None:
    config = "speechgraft.plugins.wav2vec2.config:Wav2Vec2Config"
    entry = evolve(default_catalog().encoder("wav2vec2"), adapter=config)
    with pytest.raises(PluginError, match=r"Wav2Vec2Config' is a .*type, which is no ConfigAdapter"):
        entry.load_adapter()
    swapped = evolve(entry, config="speechgraft.plugins.wav2vec2.config:ADAPTER")
    with pytest.raises(PluginError, match="which is no config class"):
        swapped.load_config_class()


@pytest.mark.parametrize("what", ["factory", "weights", "extractor", "draw"])
def test_what_cannot_be_called_is_told_of_with_the_entry(what: str) -> None:
    entry = evolve(default_catalog().encoder("sew"), **{what: "speechgraft.losses:IGNORED"})
    catalog = Catalog().extended(Origin("toy", "toys", "1"), [entry], [default_catalog().decoder("gpt2")])
    with pytest.raises(PluginError, match=f"encoder 'sew': {what} 'speechgraft.losses:IGNORED' is -100, which cannot"):
        entry.build(entry.tiny_config()) if what == "factory" else getattr(entry, f"load_{what}")()
    if what == "factory":
        [problem] = check("sew", "gpt2", catalog=catalog, seconds=None).problems
        assert problem.startswith("encoder 'sew': factory")


def test_an_unknown_name_tells_of_broken_plugins_in_few_words() -> None:
    catalog = Catalog()
    for name in ("toy", "doll"):
        catalog = catalog.with_broken(Origin(name, "toys", "1"), "ImportError: " + "no wheels " * 20)
    with pytest.raises(UnknownPluginError) as error:
        catalog.encoder("bear")
    assert str(error.value).endswith("; broken, and so not here: toy, doll (`speechgraft plugins` says why)")
    assert "wheels" not in str(error.value)


def test_a_list_of_names_limits_which_plugins_are_loaded() -> None:
    def plugin(name: str, package: str) -> Plugin:
        return Plugin(Origin(name, package, "1"), object)

    first, second, other = plugin("one", "toys"), plugin("two", "toys"), plugin("three", "games")
    everything = [first, second, other]
    assert wanted(everything, None) == (everything, [])
    assert wanted(everything, "toys") == ([first, second], [other])
    assert wanted(everything, " two , three,") == ([second, other], [first])
    assert wanted(everything, "TOYS,") == ([first, second], [other])
    assert wanted(everything, "") == ([], everything)
    taken, rest = wanted(everything, "too")
    assert rest == everything
    (broken,) = collect(taken).broken
    assert "no plugin and no package is called so; did you mean 'two'" in broken.reason


@pytest.mark.parametrize("asked", ["tone-row", "tone_row", "Tone.Row", "speechgraft_tone__row"])
def test_names_of_packages_are_compared_as_indexes_compare_them(asked: str) -> None:
    plugin = Plugin(Origin("tone-row", "Speechgraft.Tone-Row", "1"), object)
    assert wanted([plugin], asked) == ([plugin], [])


def test_source_that_is_none_is_told_of_with_its_path_and_line(site: Path) -> None:
    install(site, "torn", "x = 1\ndef (")
    (broken,) = found(site).broken
    assert f"({site / 'toy_torn.py'}, line 2)" in broken.reason
    with pytest.raises(PluginError, match=r"toy_torn\.py, line 2\)"):
        load("toy_torn:x")


def test_an_entry_point_may_name_an_object_with_hooks_as_methods() -> None:
    class Hooks:
        @hookimpl
        def speechgraft_encoders(self) -> list[EncoderEntry]:
            return [default_catalog().encoder("wav2vec2")]

    catalog = collect([Plugin.of(Hooks(), package="toy", version="1", name="methods")])
    assert catalog.list_encoders() == ["wav2vec2"]
    assert str(catalog.origin("encoder", "wav2vec2")) == "toy 1"


def test_the_same_module_named_twice_is_reported(site: Path) -> None:
    install(site, "first", GOOD.replace("NAME", "first"))
    (site / "package_toy_first-1.0.dist-info" / "entry_points.txt").write_text(
        "[speechgraft]\nfirst = toy_first\nsecond = toy_first\n"
    )
    catalog = found(site)
    assert catalog.list_encoders() == ["first"]
    assert [broken.origin.plugin for broken in catalog.broken] == ["second"]


def test_the_default_catalog_holds_every_folder_of_plugins_and_nothing_is_broken() -> None:
    catalog = default_catalog()
    ours = {origin.plugin for origin in catalog.origins.values() if origin.package == "speechgraft"}
    folders = {
        folder.name
        for path in speechgraft.plugins.__path__
        for folder in Path(path).iterdir()
        if (folder / "__init__.py").exists()
    }
    assert ours == folders
    assert not [broken for broken in catalog.broken if broken.origin.package == "speechgraft"]
    assert catalog.origin("encoder", "wav2vec2") == Origin("wav2vec2", "speechgraft", speechgraft.__version__)


def test_listing_takes_another_catalog() -> None:
    assert list_encoders("wav2*") == ["wav2vec2"]
    assert "bert" in list_decoders()
    assert list_encoders(catalog=Catalog()) == list_decoders(catalog=Catalog()) == []


def test_references_of_the_built_in_entries_resolve() -> None:
    catalog = default_catalog()
    entries: list[Any] = [*catalog.encoders.values(), *catalog.decoders.values(), *catalog.connectors.values()]
    for entry in entries:
        config_class = entry.load_config_class()
        assert config_class.model_type == entry.name
        assert catalog.config_class_for(entry.name, entry.role) is config_class
        assert callable(entry.load_weights())
        assert entry.load_adapter() is not None
        assert entry.tiny_config() == config_class(**entry.tiny)
        if entry.role != "connector":
            assert callable(entry.load_extractor() if entry.role == "encoder" else entry.load_tokenizer())
