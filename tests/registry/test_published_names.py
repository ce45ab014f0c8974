"""Tensors by their names on disk are taken by `load_state_dict`, for tools that read the file themselves."""

from __future__ import annotations

import pytest
import torch
from safetensors.torch import load_file

from speechgraft.errors import ConfigError
from speechgraft.registry import default_catalog
from speechgraft.registry.models import SpeechEncoderDecoderModel
from speechgraft.testing.models import build_pair

CATALOG = default_catalog()


def pair_of(decoder, seed):
    parts = (CATALOG.encoder("wav2vec2").tiny_config(), CATALOG.decoder(decoder).tiny_config())
    config = SpeechEncoderDecoderModel.config_class.from_encoder_decoder_configs(*parts)
    return build_pair(config, CATALOG, seed)


@pytest.mark.parametrize("decoder", CATALOG.decoders)
def test_a_saved_file_is_loaded_as_it_is(tmp_path, decoder):
    model, other = pair_of(decoder, 0), pair_of(decoder, 1)
    model.save_pretrained(tmp_path)
    disk = load_file(tmp_path / "model.safetensors")
    assert not disk.keys() <= model.state_dict().keys()
    other.load_state_dict(disk)
    for name, value in model.state_dict().items():
        assert torch.equal(other.state_dict()[name], value), name


def test_own_names_are_loaded_as_ever_and_others_refused():
    model, other = pair_of("gpt2", 0), pair_of("gpt2", 1)
    other.load_state_dict(model.state_dict())
    assert all(torch.equal(other.state_dict()[name], value) for name, value in model.state_dict().items())
    with pytest.raises(RuntimeError, match=r"Unexpected key\(s\) in state_dict: \"nonsense\""):
        other.load_state_dict({**model.state_dict(), "nonsense": torch.zeros(1)})
    found = other.load_state_dict({"nonsense": torch.zeros(1)}, strict=False)
    assert found.unexpected_keys == ["nonsense"]


def test_the_use_of_a_cache_is_the_decoders():
    config = pair_of("gpt2", 0).config
    assert config.use_cache is True
    config.use_cache = False
    assert config.decoder.use_cache is False and "use_cache" not in vars(config)


def test_the_vocabulary_is_the_decoders() -> None:
    model = pair_of("gpt2", 0)
    model.config.vocab_size = model.config.decoder.vocab_size  # as published code does
    assert "vocab_size" not in vars(model.config)
    with pytest.raises(ConfigError, match="vocab_size"):
        model.config.vocab_size = model.decoder.vocab_size + 1
