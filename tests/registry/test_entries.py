"""Entries are frozen, lazy, picklable, and refuse what cannot be meant."""

from __future__ import annotations

import pickle
from typing import Any

import attrs
import pytest

from speechgraft.errors import PluginError, SpeechGraftError
from speechgraft.registry import DecoderEntry, EncoderEntry
from speechgraft.registry.import_strings import load

GIVEN: dict[str, Any] = {
    "name": "toy",
    "config": "toy.config:ToyConfig",
    "adapter": "toy.config:ADAPTER",
    "factory": "toy.encoder:Toy",
    "weights": "toy.weights:weight_map",
    "tiny": {"hidden_size": 16},
}


def encoder(**changes: Any) -> EncoderEntry:
    return EncoderEntry(**{**GIVEN, "input_kind": "waveform", **changes})


def decoder(**changes: Any) -> DecoderEntry:
    return DecoderEntry(**{**GIVEN, "cross_attention": "native", **changes})


@pytest.mark.parametrize("make", [encoder, decoder])
def test_an_entry_cannot_be_changed(make: Any) -> None:
    entry = make()
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        entry.name = "other"
    with pytest.raises(TypeError):
        entry.tiny["hidden_size"] = 8
    with pytest.raises(AttributeError):
        entry.tiny._values = {}


@pytest.mark.parametrize("make", [encoder, decoder])
def test_an_entry_pickles_and_hashes(make: Any) -> None:
    entry = make()
    again = pickle.loads(pickle.dumps(entry))
    assert again == entry
    assert hash(again) == hash(entry)
    assert make(tiny={"hidden_size": 8}) != entry


def test_tiny_options_are_a_copy() -> None:
    options = {"hidden_size": 16}
    entry = encoder(tiny=options)
    options["hidden_size"] = 8
    assert entry.tiny["hidden_size"] == 16


@pytest.mark.parametrize(
    ("make", "changes", "says"),
    [
        (encoder, {"name": "Two Words"}, "'Two Words'"),
        (encoder, {"name": ""}, "lower-case"),
        (encoder, {"config": "toy.config.ToyConfig"}, "package.module:Name"),
        (encoder, {"factory": None}, "factory=None"),
        (encoder, {"draw": "no string"}, "draw="),
        (encoder, {"input_kind": "video"}, "'waveform', 'features', 'tokens'"),
        (encoder, {"stride": 0}, "stride=0"),
        (encoder, {"interface": 99}, "interface 99"),
        (decoder, {"cross_attention": "none"}, "'native', 'injected'"),
        (decoder, {"positions": "lerned"}, "'learned'"),
    ],
)
def test_a_field_that_cannot_be_meant_is_refused_by_name(make: Any, changes: dict[str, Any], says: str) -> None:
    with pytest.raises(PluginError) as error:
        make(**changes)
    assert says in str(error.value)


def test_capabilities_are_what_an_entry_declares() -> None:
    assert encoder(stride=320).capabilities() == {
        "input_kind": "waveform",
        "stride": 320,
        "padding_invariant": True,
        "gradient_checkpointing": False,
    }
    assert decoder().capabilities() == {
        "cross_attention": "native",
        "identity": False,
        "positions": "learned",
        "gradient_checkpointing": False,
    }


def test_nothing_is_imported_before_it_is_asked_for() -> None:
    entry = encoder()
    with pytest.raises(PluginError, match=r"encoder 'toy' cannot load its config: .*No module named 'toy'"):
        entry.load_config_class()
    assert entry.load_draw() is None


def test_a_wrong_name_in_a_module_is_answered_with_the_nearest() -> None:
    with pytest.raises(PluginError, match="did you mean 'Fraction'"):
        load("fractions:Fractoin")


def test_a_factory_that_makes_something_else_is_refused() -> None:
    with pytest.raises(PluginError, match=r"made a fractions\.Fraction, which is no .*Encoder"):
        encoder(factory="fractions:Fraction").build(3)  # type: ignore[arg-type]
    with pytest.raises(PluginError, match=r"which is no .*Decoder"):
        decoder(factory="fractions:Fraction").build(3)  # type: ignore[arg-type]


def test_plugin_errors_are_speechgraft_errors() -> None:
    assert issubclass(PluginError, SpeechGraftError)
