"""From sound to words and back from a folder, with the extractor that the package brings."""

from __future__ import annotations

import numpy as np
import pytest
import speechgraft as sg
import torch
from speechgraft.errors import InputError
from speechgraft.registry import Catalog, Origin, default_catalog
from speechgraft.text import build_tokenizer

import speechgraft_logmel
from speechgraft_logmel.extractor import LogMelFeatureExtractor

ORIGIN = Origin("logmel", "speechgraft-logmel", "0.1.0")
CATALOG = Catalog().extended(ORIGIN, speechgraft_logmel.speechgraft_encoders(), [default_catalog().decoder("bert")])
ENCODER = {**CATALOG.encoder("logmel").tiny, "hidden_size": 16}


@pytest.fixture
def bundle() -> sg.Transcriber:
    tokenizer = build_tokenizer(["low mid high"])
    torch.manual_seed(0)
    model = sg.pair(
        "logmel",
        "bert",
        catalog=CATALOG,
        encoder=ENCODER,
        decoder={**CATALOG.decoder("bert").tiny, "vocab_size": tokenizer.vocab_size},
        pad_token_id=0,
        decoder_start_token_id=2,
        eos_token_id=3,
    )
    return sg.Transcriber(model, LogMelFeatureExtractor(num_mel_bins=ENCODER["num_mel_bins"]), tokenizer)


def test_a_bundle_writes_the_same_out_of_its_folder_and_in_a_batch(bundle, tmp_path):
    rows = [np.random.RandomState(seed).uniform(-1, 1, 3000 * (seed + 1)).astype(np.float32) for seed in range(3)]
    expected = [bundle(row, max_new_tokens=5).tokens for row in rows]
    bundle.save_pretrained(tmp_path)
    again = sg.Transcriber.from_pretrained(tmp_path, catalog=CATALOG)
    assert again.extractor == bundle.extractor
    assert [each.tokens for each in again.batch(rows, max_new_tokens=5)] == expected


def test_features_of_another_width_are_refused(bundle):
    with pytest.raises(InputError, match="have 7 bins a frame, but this encoder takes 6"):
        bundle.model(torch.zeros(1, 9, 7), decoder_input_ids=torch.zeros(1, 1, dtype=torch.int64))
