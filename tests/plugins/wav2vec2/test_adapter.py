"""An adapter behind an encoder whose checkpoint has none, which published training scripts ask for."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

import speechgraft as sg
from speechgraft.registry import default_catalog


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    catalog = default_catalog()
    torch.manual_seed(0)
    sg.Wav2Vec2ForCTC(sg.Wav2Vec2Config(**catalog.encoder("wav2vec2").tiny)).save_pretrained(tmp_path / "speech")
    sg.GPT2LMHeadModel(sg.GPT2Config(**catalog.decoder("gpt2").tiny)).save_pretrained(tmp_path / "text")
    return tmp_path / "speech", tmp_path / "text"


def test_a_pair_gets_a_new_one(folders: tuple[Path, Path], tmp_path: Path) -> None:
    made = sg.SpeechEncoderDecoderModel.from_encoder_decoder_pretrained
    model = made(*folders, encoder_add_adapter=True, encoder_num_adapter_layers=2)
    plain = made(*folders)
    assert model.config.encoder.add_adapter and model.encoder.adapter is not None
    new = [name for name in model.load_report.made if name.startswith("encoder.adapter.")]
    assert new and "no adapter behind its encoder" in model.load_report.made[new[0]]
    values, text = torch.randn(1, 1200), {"decoder_input_ids": torch.tensor([[3, 4]])}
    short = model(values, **text).encoder_last_hidden_state.shape[1]
    assert model(values, **text).logits.isfinite().all()
    assert short < plain(values, **text).encoder_last_hidden_state.shape[1]
    model.save_pretrained(tmp_path / "pair")
    again = sg.load(tmp_path / "pair").state_dict()
    assert all(torch.equal(again[name], value) for name, value in model.state_dict().items())


def test_a_model_alone_gets_a_new_one(folders: tuple[Path, Path]) -> None:
    model = sg.Wav2Vec2ForCTC.from_pretrained(folders[0], add_adapter=True)
    assert any(name.startswith("encoder.adapter.") for name in model.load_report.made)
