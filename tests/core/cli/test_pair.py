"""`speechgraft pair` writes a folder that loads, the same for the same seed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from speechgraft.cli import main
from speechgraft.registry import default_catalog
from speechgraft.registry.models import SpeechEncoderDecoderModel


@pytest.fixture
def configs(tmp_path: Path) -> list[str]:
    """Options that make both parts tiny."""
    tiny: dict[str, Any] = {
        "encoder": default_catalog().encoder("wav2vec2").tiny,
        "decoder": default_catalog().decoder("bert").tiny,
    }
    for role, options in tiny.items():
        (tmp_path / f"{role}.json").write_text(json.dumps(dict(options)))
    return [word for role in tiny for word in (f"--{role}-config", str(tmp_path / f"{role}.json"))]


def test_a_new_pair_is_written_and_loads(
    configs: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, seed in (("one", 3), ("two", 3), ("three", 4)):
        words = ["pair", "wav2vec2", "bert", str(tmp_path / name), *configs, "--connector", "conv", "--seed", str(seed)]
        assert main(words) == 0
    model = SpeechEncoderDecoderModel.from_pretrained(tmp_path / "one")
    assert model.config.connector is not None and model.config.connector.model_type == "conv"
    assert f"SpeechEncoderDecoderModel, {model.num_parameters():,} parameters" in capsys.readouterr().out
    one, two, three = ((tmp_path / name / "model.safetensors").read_bytes() for name in ("one", "two", "three"))
    assert one == two != three


def test_mistakes_are_one_line_and_write_nothing(
    configs: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert main(["pair", "wav2vec", "bert", str(out)]) == 2
    assert "did you mean 'wav2vec2'" in capsys.readouterr().err
    assert main(["pair", "wav2vec2", "bert", str(out), *configs, "--connector", "stak"]) == 2
    assert "did you mean 'stack'" in capsys.readouterr().err
    assert not out.exists()


def test_options_are_said_one_by_one_and_all_that_is_wrong_with_them_comes_at_once(
    configs: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["pair", "wav2vec2", "bert", str(tmp_path / "one"), *configs, "--connector", "stack"]
    wider = ["--encoder-config", "hidden_size=32", "--connector-config", "num_frames=3"]
    assert main([*words, *wider]) == 0
    config = SpeechEncoderDecoderModel.from_pretrained(tmp_path / "one").config
    assert config.encoder.hidden_size == 32
    assert config.connector.to_dict() == {"model_type": "stack", "num_frames": 3}
    wrong = ["--encoder-config", "hidden_sise=3", "--decoder-config", "hidden_act=gleu"]
    assert main(["pair", "wav2vec2", "bert", str(tmp_path / "two"), *wrong]) == 2
    err = capsys.readouterr().err
    assert "did you mean 'hidden_size'" in err and "$.decoder.hidden_act" in err and err.count("\n") == 1
    assert not (tmp_path / "two").exists()
