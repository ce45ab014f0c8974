"""Every encoder, connector and decoder that ships is exported, and writes the same tokens in onnxruntime."""

from __future__ import annotations

import pytest
import torch

from speechgraft.export import export_pair, load_exported
from speechgraft.registry import default_catalog
from speechgraft.registry.models import pair_class
from speechgraft.testing.models import build_pair
from speechgraft.testing.strategies import inputs_for, make_batch

CATALOG = default_catalog()


def pair_of(encoder, decoder, connector=None):
    entries = CATALOG.encoder(encoder), CATALOG.decoder(decoder)
    config = pair_class(entries[0].input_kind).config_class.from_encoder_decoder_configs(
        *(entry.tiny_config() for entry in entries),
        connector=None if connector is None else CATALOG.connector(connector).tiny_config(),
        decoder_start_token_id=1,
        eos_token_id=2,
        pad_token_id=0,
    )
    return build_pair(config, CATALOG, 0).float()


def check(pair, folder):
    export_pair(pair, folder, to="onnx")
    exported = load_exported(folder)
    least = inputs_for(pair.encoder, 20)
    lengths = (min(least, pair.encoder.max_positions or least),)
    lengths += tuple(max(lengths[0] * part // 4, pair.encoder.minimum_length) for part in (3, 2))
    batch = make_batch(pair.encoder, lengths, "noise", 3)
    inputs = batch.inputs.float() if batch.inputs.is_floating_point() else batch.inputs
    found, expected = (
        model.generate(inputs, attention_mask=batch.mask, max_new_tokens=10) for model in (exported, pair)
    )
    assert torch.equal(found, expected)


@pytest.mark.long
@pytest.mark.parametrize("decoder", CATALOG.decoders)
@pytest.mark.parametrize("encoder", CATALOG.encoders)
def test_an_exported_pair_writes_the_same(encoder, decoder, tmp_path):
    check(pair_of(encoder, decoder), tmp_path / "out")


@pytest.mark.long
@pytest.mark.parametrize("connector", CATALOG.connectors)
def test_through_every_connector(connector, tmp_path):
    check(pair_of("sew", "gpt2", connector), tmp_path / "out")
