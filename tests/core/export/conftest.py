"""A tiny bundle, exported once to each target."""

from __future__ import annotations

import json

import pytest
import torch

from speechgraft.cli import main
from speechgraft.testing.models import scramble, seeded
from speechgraft.train.start import new_bundle


@pytest.fixture(scope="session")
def folders(tones, rows, tmp_path_factory):
    """The folder of a tiny bundle with values that hide nothing, and those that the command line wrote of it."""
    place = tmp_path_factory.mktemp("export")
    bundle = new_bundle(
        "wav2vec2",
        "bert",
        (row.text for row in rows),
        encoder_config=json.loads((tones / "encoder.json").read_text()),
        decoder_config=json.loads((tones / "decoder.json").read_text()),
    )
    with seeded(0), torch.no_grad():
        scramble(bundle.model)
    bundle.save_pretrained(place / "bundle")
    for target in ("onnx", "torch"):
        assert main(["export", str(place / "bundle"), str(place / target), "--to", target]) == 0
    return place
