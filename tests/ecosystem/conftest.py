"""A tiny pair, and a few utterances with labels, alike in every test."""

from __future__ import annotations

import pytest
import torch

from speechgraft.registry import default_catalog
from speechgraft.registry.models import SpeechEncoderDecoderModel
from speechgraft.testing.models import build_pair

CATALOG = default_catalog()


def tiny_pair(encoder="wav2vec2", decoder="gpt2", **options):
    """A pair in float32 and eval mode that always begins the same; nothing in it is drawn in training."""
    parts = (CATALOG.encoder(encoder).tiny_config(), CATALOG.decoder(decoder).tiny_config())
    config = SpeechEncoderDecoderModel.config_class.from_encoder_decoder_configs(
        *(still(part) for part in parts), decoder_start_token_id=1, eos_token_id=2, pad_token_id=0, **options
    )
    return build_pair(config, CATALOG, 0).float()


def still(config):
    """The config without dropout, LayerDrop and masking."""
    names = [
        name for name, value in vars(config).items() if ("drop" in name or "pdrop" in name) and isinstance(value, float)
    ]
    names += [name for name in ("mask_time_prob", "mask_feature_prob") if hasattr(config, name)]
    return config.copy(**dict.fromkeys((name.lstrip("_") for name in names), 0.0))


@pytest.fixture
def make_pair():
    return tiny_pair


@pytest.fixture(scope="session")
def examples():
    """Eight utterances of one length, whose labels are not."""
    random = torch.Generator().manual_seed(5)
    values = torch.randn(8, 2000, generator=random)
    labels = torch.randint(3, 30, (8, 5), generator=random)
    lengths = torch.tensor([1, 5, 2, 4, 3, 5, 1, 2])
    labels = labels.masked_fill(torch.arange(5) >= lengths[:, None], -100)
    return [{"input_values": value, "labels": label} for value, label in zip(values, labels, strict=True)]


@pytest.fixture(scope="session")
def batch(examples):
    return {name: torch.stack([example[name] for example in examples]) for name in examples[0]}
