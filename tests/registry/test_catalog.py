"""A catalog is a value: look-up, wildcards, nearest names, duplicates refused."""

from __future__ import annotations

import pickle
import string
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from speechgraft.errors import PluginError, UnknownPluginError
from speechgraft.registry import Catalog, DecoderEntry, EncoderEntry, Origin

NAMES = st.text(string.ascii_lowercase + string.digits + "-", min_size=1, max_size=8).filter(lambda n: n[0] != "-")
OURS = Origin("toy", "toy-package", "1.0")
THEIRS = Origin("other", "other-package", "2.0")


def _given(name: str) -> dict[str, Any]:
    return {
        "name": name,
        "config": "toy:Config",
        "adapter": "toy:ADAPTER",
        "factory": "toy:Toy",
        "weights": "toy:weights",
        "tiny": {},
    }


def encoder(name: str) -> EncoderEntry:
    return EncoderEntry(input_kind="waveform", **_given(name))


def decoder(name: str) -> DecoderEntry:
    return DecoderEntry(cross_attention="native", **_given(name))


@given(st.sets(NAMES), st.sets(NAMES))
def test_what_was_registered_is_found_listed_and_credited(encoders: set[str], decoders: set[str]) -> None:
    catalog = Catalog().extended(OURS, map(encoder, encoders), map(decoder, decoders))
    assert catalog.list_encoders() == sorted(encoders)
    assert catalog.list_decoders() == sorted(decoders)
    assert all(catalog.encoder(name) == encoder(name) for name in encoders)
    assert all(catalog.origin("decoder", name) == OURS for name in decoders)
    assert pickle.loads(pickle.dumps(catalog)) == catalog


@given(st.sets(NAMES, min_size=1), st.data())
def test_a_taken_name_is_refused_and_the_catalog_stays_as_it_was(names: set[str], data: st.DataObject) -> None:
    taken = data.draw(st.sampled_from(sorted(names)))
    catalog = Catalog().extended(OURS, map(encoder, names))
    with pytest.raises(PluginError) as error:
        catalog.extended(THEIRS, [encoder("brand-new-one"), encoder(taken)])
    assert all(part in str(error.value) for part in (repr(taken), "toy-package 1.0", "other-package 2.0"))
    assert catalog.list_encoders() == sorted(names)


def test_an_encoder_and_a_decoder_may_share_a_name() -> None:
    catalog = Catalog().extended(OURS, [encoder("bert")]).extended(THEIRS, decoders=[decoder("bert")])
    assert catalog.origin("encoder", "bert") == OURS
    assert catalog.origin("decoder", "bert") == THEIRS


def test_wildcards() -> None:
    catalog = Catalog().extended(OURS, map(encoder, ["sew", "sew-d", "hubert", "wav2vec2"]))
    assert catalog.list_encoders("sew*") == ["sew", "sew-d"]
    assert catalog.list_encoders("?ubert") == ["hubert"]
    assert catalog.list_encoders("[sw]*") == ["sew", "sew-d", "wav2vec2"]
    assert catalog.list_encoders("SEW") == []


def test_an_unknown_name_is_answered_with_the_nearest() -> None:
    catalog = Catalog().extended(OURS, [encoder("wav2vec2")], [decoder("bert")])
    with pytest.raises(UnknownPluginError, match="no encoder is named 'wav2vec'; did you mean 'wav2vec2'"):
        catalog.encoder("wav2vec")
    with pytest.raises(UnknownPluginError, match="there is a decoder of that name"):
        catalog.encoder("bert")
    with pytest.raises(LookupError, match="known: bert"):
        catalog.decoder("zzz")
    with pytest.raises(UnknownPluginError, match="known: none"):
        Catalog().origin("encoder", "wav2vec2")


def test_an_unknown_name_also_tells_what_is_broken() -> None:
    catalog = Catalog().with_broken(THEIRS, "it does not import")
    with pytest.raises(UnknownPluginError, match=r"broken, and so not here: other \("):
        catalog.decoder("gpt9")


def test_an_entry_of_the_wrong_kind_is_refused() -> None:
    with pytest.raises(PluginError, match="of type DecoderEntry, expected EncoderEntry"):
        Catalog().extended(OURS, [decoder("bert")])  # type: ignore[list-item]
