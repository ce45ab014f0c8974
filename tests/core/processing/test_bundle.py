"""A bundle saves its processor with it, for either side."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import transformers

import speechgraft as sg


def test_a_bundle_is_loaded_as_a_processor_here_and_there(tmp_path: Path) -> None:
    folder = tmp_path / "bundle"
    folder.mkdir()
    (folder / "special_tokens_map.json").write_text(json.dumps({"pad_token": "left behind"}))
    asr = sg.Transcriber.from_pretrained()
    asr.save_pretrained(folder)
    assert not (folder / "special_tokens_map.json").exists()
    here, there = (module.AutoProcessor.from_pretrained(folder) for module in (sg, transformers))
    assert type(there) is transformers.Wav2Vec2Processor
    wave = np.sin(np.arange(4000, dtype=np.float32))
    found, expected = (each(wave, text="one two", sampling_rate=asr.extractor.sampling_rate) for each in (here, there))
    np.testing.assert_allclose(found.input_values[0], expected.input_values[0], atol=1e-5)
    assert found.labels == expected.labels == asr.processor(text="one two").input_ids
    assert here.decode(found.labels) == there.decode(expected.labels)
    again = sg.Transcriber(asr.model, here.feature_extractor, here.tokenizer)
    assert again.processor.batch_decode([found.labels], skip_special_tokens=True) == ["one two"]
