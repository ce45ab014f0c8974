"""`speechgraft transcribe` prints words, lists failures at the end, and never shows a traceback."""

from __future__ import annotations

import io
import json
import shutil
import sys
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

import speechgraft
from speechgraft.audio import Wav2Vec2FeatureExtractor
from speechgraft.bundle import Transcriber
from speechgraft.cli import main
from speechgraft.hearing.batches import Batches
from speechgraft.registry import default_catalog
from speechgraft.text import build_tokenizer


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    catalog = default_catalog()
    tokenizer = build_tokenizer(["zero one two three"])
    model = speechgraft.pair(
        "wav2vec2",
        "bert",
        encoder=dict(catalog.encoder("wav2vec2").tiny),
        decoder={**catalog.decoder("bert").tiny, "vocab_size": tokenizer.vocab_size},
        pad_token_id=0,
        eos_token_id=3,
        decoder_start_token_id=2,
    )
    model.generation_config.max_new_tokens = 4
    folder = tmp_path_factory.mktemp("bundle") / "model"
    Transcriber(model, Wav2Vec2FeatureExtractor(), tokenizer).save_pretrained(folder)
    return folder


@pytest.fixture
def talks(tmp_path: Path) -> Path:
    """A folder of three recordings, one of them two folders down, and a file that is no audio."""
    folder = tmp_path / "talks"
    (folder / "deep" / "er").mkdir(parents=True)
    for seed, name in enumerate(["b.wav", "a.FLAC", "deep/er/c.ogg"]):
        soundfile.write(folder / name, np.random.default_rng(seed).normal(0, 0.1, 8000), 16000)
    (folder / "notes.txt").write_text("no audio")
    return folder


def run(bundle: Path, *arguments: object) -> int:
    return main(["transcribe", "--model", str(bundle), *map(str, arguments)])


def test_one_file_is_its_words_alone(bundle: Path, talks: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(bundle, talks / "b.wav") == 0
    assert capsys.readouterr().out == Transcriber.from_pretrained(bundle)(talks / "b.wav").text + "\n"


def test_a_folder_is_searched_to_the_bottom(bundle: Path, talks: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(bundle, talks, "--batch-size", 2) == 0
    captured = capsys.readouterr()
    names = ["a.FLAC", "b.wav", "deep/er/c.ogg"]
    assert [line.split(": ")[0] for line in captured.out.splitlines()] == [str(talks / name) for name in names]
    assert "3 files, 1.5 s of audio in" in captured.err


def test_json_lines_and_an_output_file(bundle: Path, talks: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = talks / "out.jsonl"
    output.write_text("old")
    assert run(bundle, talks, "--json", "--output", output) == 0
    assert capsys.readouterr().out == ""
    rows = [json.loads(line) for line in output.read_text(encoding="utf-8").splitlines()]
    assert [sorted(row) for row in rows] == [["audio", "seconds", "text", "tokens", "warnings", "words"]] * 3
    assert rows[1]["seconds"] == 0.5 and not (talks / "out.jsonl.part").exists()


def test_standard_input_is_a_dash(
    bundle: Path, talks: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run(bundle, talks / "b.wav")
    expected = capsys.readouterr().out
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO((talks / "b.wav").read_bytes())))
    assert run(bundle, "-") == 0
    assert capsys.readouterr().out == expected


def test_failures_are_listed_at_the_end(bundle: Path, talks: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(bundle, talks / "absent.wav", talks / "b.wav", talks / "notes.txt", "--max-seconds", 0) == 1
    captured = capsys.readouterr()
    assert captured.out.startswith(f"{talks / 'b.wav'}: ") and len(captured.out.splitlines()) == 1
    assert captured.err.splitlines()[-3:] == [
        "2 of 3 could not be transcribed:",
        f"  {talks / 'absent.wav'}: there is no such file",
        f"  {talks / 'notes.txt'}: not audio that can be decoded (Format not recognised)",
    ]


def test_the_only_file_failing_is_one_line_and_status_2(
    bundle: Path, talks: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (talks / "empty").mkdir()
    cases = {
        (talks / "absent.wav",): "there is no such file",
        (talks / "b.wav", "--max-seconds", 0.1): "0.5 s long, more than the 0.1 s allowed",
        (talks / "empty",): "no audio file in this folder",
        (talks / "b.wav", "--dtype", "float23"): "did you mean 'float32'",
        (talks / "b.wav", "--device", "abacus"): "--device abacus",
        (talks / "b.wav", "--batch-size", 0): "batch_size=0",
        (talks / "b.wav", "--output", talks / "absent" / "x"): "No such file",
        (talks / "b.wav", "--model", talks / "absent"): "absent",
        (talks / "b.wav", "--modle", "x"): "--modle",
        (): "inputs",
    }
    for arguments, message in cases.items():
        assert run(bundle, *arguments) == 2
        captured = capsys.readouterr()
        assert (
            message in captured.err.replace("INPUTS", "inputs")
            and len(captured.err.splitlines()) == 1
            and captured.out == ""
        )


def test_an_interrupted_run_leaves_the_old_output(bundle: Path, talks: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    output = talks / "out.txt"
    output.write_text("old")

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Batches, "hear", interrupt)
    assert run(bundle, talks, "--output", output) not in (0, None)
    assert output.read_text() == "old"


def test_silence_is_an_empty_line_and_a_warning(bundle: Path, talks: Path, capsys: pytest.CaptureFixture[str]) -> None:
    soundfile.write(talks / "silent.wav", np.zeros(4000), 16000)
    assert run(bundle, talks / "silent.wav") == 0
    captured = capsys.readouterr()
    assert captured.out == "\n" and "silence" in captured.err


def test_half_precision_runs(bundle: Path, talks: Path) -> None:
    assert run(bundle, talks / "b.wav", "--dtype", "bfloat16") == 0


def test_a_key_of_the_config_that_nothing_reads_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shipped = Path(str(files("speechgraft"))) / "assets" / "digits"
    shutil.copytree(shipped, tmp_path / "model")
    config = tmp_path / "model" / "config.json"
    data = json.loads(config.read_text())
    data["decoder"]["num_hiden_layers"] = 3
    config.write_text(json.dumps(data))
    audio = Path(__file__).parents[3] / "docs" / "audio" / "delta.flac"
    assert main(["transcribe", "--model", str(tmp_path / "model"), str(audio)]) == 0
    out, err = capsys.readouterr()
    assert out == "six\n"
    assert "decoder.num_hiden_layers" in err
