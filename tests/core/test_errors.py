"""A misspelt name is answered with the name that was meant."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

import speechgraft as sg
from speechgraft.config.fields import option_names
from speechgraft.errors import counted, did_you_mean
from speechgraft.registry import default_catalog

CONFIGS = [
    entry.load_config_class() for entry in (*default_catalog().encoders.values(), *default_catalog().decoders.values())
]
NAMES = sorted({name for config in CONFIGS for name in option_names(config)})
CALL = ["labels", "label_names", "decoder_input_ids", "decoder_inputs_embeds", "keep_ctc_head", "ctc_vocab_size"]


@pytest.mark.parametrize(
    ("name", "known", "hint"),
    [
        ("lables", CALL, "'labels'"),
        ("decoder_inputs_id", CALL, "'decoder_input_ids'"),
        ("keep_ctc_heads", CALL, "'keep_ctc_head'"),
        ("hiden", option_names(sg.GPT2Config), "'hidden_size'"),
        ("hiden", option_names(sg.BertConfig), "'hidden_act', 'hidden_dropout_prob' or 'hidden_size'"),
        ("mask_feature", option_names(sg.HubertConfig), "'mask_feature_length', 'mask_feature_min_masks' or 'mask_fe"),
        ("decoder_layer", option_names(sg.BartConfig), "'decoder_layers'?"),
        ("layer_drop", option_names(sg.HubertConfig), "'layerdrop'"),
    ],
)
def test_what_was_meant_is_named(name: str, known: list[str], hint: str) -> None:
    assert did_you_mean(name, known).startswith(f"; did you mean {hint}")


@given(st.sampled_from([name for name in NAMES if len(name) >= 6]), st.data())
def test_two_letters_that_changed_places_do_not_hide_a_name(name: str, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(name) - 2))
    misspelt = name[:place] + name[place + 1] + name[place] + name[place + 2 :]
    assert did_you_mean(misspelt, [name, "quite_another"]) == f"; did you mean {name!r}?"


def test_nothing_is_said_where_nothing_is_near() -> None:
    assert did_you_mean("zzzz", NAMES) == did_you_mean("labels", []) == ""


def test_one_is_no_plural() -> None:
    assert [counted(number, "row") for number in (0, 1, 2)] == ["0 rows", "1 row", "2 rows"]


def test_nothing_is_near_a_name_of_a_million_letters() -> None:
    assert did_you_mean("hubert" * 200_000, ["hubert"]) == ""
