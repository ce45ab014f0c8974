"""A few tones with names, and a pair small enough to learn something about them in a second."""

from __future__ import annotations

import json

import numpy as np
import pytest
import soundfile

RATE = 16_000
TONES = {"low": 300.0, "mid": 700.0, "high": 1500.0}

ENCODER = {
    "hidden_size": 16,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "conv_dim": [8, 8, 8],
    "conv_kernel": [10, 8, 8],
    "conv_stride": [5, 8, 8],
    "num_conv_pos_embeddings": 8,
    "num_conv_pos_embedding_groups": 2,
    "mask_time_prob": 0.2,
    "mask_time_length": 2,
    "layerdrop": 0.0,
}
DECODER = {
    "hidden_size": 16,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "max_position_embeddings": 16,
}


@pytest.fixture(scope="session")
def tones(tmp_path_factory):
    """A folder with twelve utterances of one to three tones, their manifest, and configs of a tiny pair."""
    folder = tmp_path_factory.mktemp("tones")
    rng = np.random.default_rng(0)
    rows = []
    for number in range(12):
        names = [list(TONES)[i] for i in rng.integers(0, 3, 1 + number % 3)]
        times = np.arange(RATE // 5) / RATE
        samples = np.concatenate([0.4 * np.sin(2 * np.pi * TONES[name] * times) for name in names])
        soundfile.write(folder / f"{number}.wav", samples, RATE, subtype="PCM_16")
        rows.append({"audio": f"{number}.wav", "text": " ".join(names), "speaker": "ab"[number % 2]})
    (folder / "manifest.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (folder / "encoder.json").write_text(json.dumps(ENCODER))
    (folder / "decoder.json").write_text(json.dumps(DECODER))
    return folder


@pytest.fixture(scope="session")
def rows(tones):
    from speechgraft.train import read_manifest

    return read_manifest(tones / "manifest.jsonl")


@pytest.fixture
def make_bundle(tones, rows):
    """Makes the same untrained bundle each time."""
    from speechgraft.train.start import new_bundle

    return lambda **options: new_bundle(
        "wav2vec2",
        "bert",
        (row.text for row in rows),
        encoder_config=ENCODER,
        decoder_config=DECODER,
        **options,
    )
