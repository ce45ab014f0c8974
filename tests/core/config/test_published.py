"""What published code asks of any config beside its fields."""

from __future__ import annotations

import json

import pytest

import speechgraft as sg
from speechgraft.errors import ConfigError


def test_a_text_of_json_tells_what_was_chosen_or_all() -> None:
    config = sg.HubertConfig(hidden_size=48, num_attention_heads=3)
    chosen = json.loads(config.to_json_string())
    assert chosen == config.to_diff_dict()
    assert chosen["model_type"] == "hubert" and chosen["hidden_size"] == 48 and "num_hidden_layers" not in chosen
    everything = json.loads(config.to_json_string(use_diff=False))
    assert sg.HubertConfig.from_dict(everything) == sg.HubertConfig.from_dict(chosen) == config


def test_a_pair_tells_of_both_parts() -> None:
    config = sg.SpeechEncoderDecoderConfig.from_encoder_decoder_configs(sg.HubertConfig(), sg.BertConfig(vocab_size=9))
    told = config.to_diff_dict()
    assert told["decoder"]["vocab_size"] == 9 and sg.SpeechEncoderDecoderConfig.from_dict(told) == config


def test_several_fields_are_set_together_or_none() -> None:
    config = sg.BertConfig()
    config.update({"hidden_size": 30, "num_attention_heads": 5})  # neither goes without the other
    assert (config.hidden_size, config.num_attention_heads) == (30, 5)
    with pytest.raises(ConfigError, match="num_attention_heads: 7 heads do not divide hidden_size 30"):
        config.update({"pad_token_id": 3, "num_attention_heads": 7})
    with pytest.raises(ConfigError, match="hidden_siz"):
        config.update({"hidden_siz": 3})
    assert config.pad_token_id == 0


def test_what_shaped_a_model_is_not_updated() -> None:
    config = sg.BertConfig()
    config.lock()
    config.update({"pad_token_id": 3, "hidden_size": config.hidden_size})
    assert config.pad_token_id == 3
    with pytest.raises(ConfigError, match=r"\$.hidden_size: it shaped this model when it was built"):
        config.update({"pad_token_id": 4, "hidden_size": 12})
    assert config.pad_token_id == 3


def test_the_older_name_of_a_switch_is_read() -> None:
    assert sg.BertConfig().use_return_dict and not sg.BertConfig(return_dict=False).use_return_dict


def test_what_published_code_notes_is_kept() -> None:
    config = sg.HubertConfig()
    assert not hasattr(config, "use_cache")
    config.use_cache = False
    assert config.use_cache is False and sg.HubertConfig.from_dict(config.to_dict()).use_cache is False
    with pytest.raises(ConfigError, match="use_cache cannot be set: expected true or false, got 'no'"):
        config.use_cache = "no"  # type: ignore[assignment]
    config.processor_class, config.sep_token_id = "Wav2Vec2Processor", 3
    assert config.to_dict()["processor_class"] == "Wav2Vec2Processor" and config.sep_token_id == 3
    with pytest.raises(ConfigError, match="sep_token_id cannot be set: expected an integer, got '3'"):
        config.sep_token_id = "3"
    decoder = sg.BertConfig()
    decoder.use_cache = False
    assert decoder.extras == {}


def test_how_text_is_generated_is_not_set_in_a_config() -> None:
    with pytest.raises(ConfigError, match=r"no field 'num_beams': .* model\.generation_config"):
        sg.SpeechEncoderDecoderConfig.from_encoder_decoder_configs(sg.HubertConfig(), sg.BertConfig()).num_beams = 4


def test_classes_may_be_numbered_in_text() -> None:
    labels = {"id2label": {"0": "yes", "1": "no"}, "label2id": {"yes": "0", "no": "1"}}
    for config in (sg.SEWConfig(**labels), sg.SEWConfig.from_dict({"model_type": "sew", **labels})):  # type: ignore[arg-type]
        assert (config.id2label, config.label2id) == ({0: "yes", 1: "no"}, {"yes": 0, "no": 1})
    with pytest.raises(ConfigError, match=r"label2id.yes: expected an integer, got '0.5'"):
        sg.SEWConfig(label2id={"yes": "0.5"})  # type: ignore[dict-item]
