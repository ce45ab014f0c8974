"""`speechgraft transcribe` writes captions and seconds, into files of their own where asked, and streams."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest
from safetensors.torch import load_file, save_file

import speechgraft
from speechgraft.bundle import Transcriber
from speechgraft.cli import main
from speechgraft.times import cues, srt, vtt

AUDIO = Path(__file__).parents[3] / "docs" / "audio"
TEXTS = json.loads((AUDIO / "texts.json").read_text())


@pytest.fixture(scope="module")
def shipped() -> Transcriber:
    return Transcriber.from_pretrained()


@pytest.fixture
def talks(tmp_path: Path) -> Path:
    folder = tmp_path / "talks"
    (folder / "deep").mkdir(parents=True)
    shutil.copy(AUDIO / "amber.flac", folder)
    shutil.copy(AUDIO / "delta.flac", folder / "deep")
    return folder


def run(*arguments: object) -> int:
    return main(["transcribe", *map(str, arguments)])


def test_json_has_the_seconds_of_each_word(shipped: Transcriber, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(AUDIO / "amber.flac", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert [word["text"] for word in told["words"]] == TEXTS["amber.flac"].split()
    words = shipped(AUDIO / "amber.flac", times="words").words
    assert words is not None
    assert [(word["start"], word["end"]) for word in told["words"]] == [(word.start, word.end) for word in words]


def test_ways_to_tell_times_are_to_be_had(shipped: Transcriber, capsys: pytest.CaptureFixture[str]) -> None:
    found = []
    for times in ("ctc", "attention"):
        assert run(AUDIO / "ember.flac", "--json", "--times", times) == 0
        found.append(json.loads(capsys.readouterr().out)["words"])
    for one, other in zip(*found, strict=True):
        assert one["start"] == pytest.approx(other["start"], abs=0.1)
    assert run(AUDIO / "ember.flac", "--json", "--times", "ctcs") == 2
    assert "did you mean 'ctc'" in capsys.readouterr().err


def test_captions_of_one_recording_are_printed(shipped: Transcriber, capsys: pytest.CaptureFixture[str]) -> None:
    transcript = shipped(AUDIO / "ember.flac", times="words")
    captions = cues(transcript.text, transcript.words or ())
    assert captions
    for name, write in (("--srt", srt), ("--vtt", vtt)):
        assert run(AUDIO / "ember.flac", name) == 0
        assert capsys.readouterr().out == write(captions)


def test_each_recording_gets_files_of_its_own(talks: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = talks.parent / "out"
    assert run(talks, "--srt", "--vtt", "--json", "--output-dir", out) == 0
    assert capsys.readouterr().out == ""
    found = sorted(str(path.relative_to(out)) for path in out.rglob("*.*"))
    assert found == [f"{stem}.{kind}" for stem in ("amber", "deep/delta") for kind in ("json", "srt", "vtt")]
    assert "six" in (out / "deep" / "delta.srt").read_text()
    assert json.loads((out / "amber.json").read_text())["text"] == TEXTS["amber.flac"]
    assert run(talks / "amber.flac", "--output-dir", out) == 0
    assert (out / "amber.txt").read_text() == TEXTS["amber.flac"] + "\n"


def test_files_that_are_there_are_kept_unless_said_otherwise(talks: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (talks / "amber.srt").write_text("mine")
    assert run(talks / "amber.flac", "--srt", "--output-dir", talks) == 2
    assert "amber.srt: is there already; --overwrite replaces it" in capsys.readouterr().err
    assert (talks / "amber.srt").read_text() == "mine"
    assert run(talks / "amber.flac", "--srt", "--output-dir", talks, "--overwrite") == 0
    assert (talks / "amber.srt").read_text().startswith("1\n00:00:0")


def test_a_recording_that_fails_leaves_the_others_their_files(talks: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = talks.parent / "out"
    sources = [talks / "amber.flac", talks / "absent.wav", talks / "deep" / "delta.flac"]
    assert run(*sources, "--srt", "--output-dir", out) == 1
    assert "1 of 3 could not be transcribed" in capsys.readouterr().err
    assert sorted(path.name for path in out.iterdir()) == ["amber.srt", "delta.srt"]
    assert "six" in (out / "delta.srt").read_text() and "seven" in (out / "amber.srt").read_text()


def test_what_contradicts_itself_is_refused(talks: Path, capsys: pytest.CaptureFixture[str]) -> None:
    amber, delta = talks / "amber.flac", talks / "deep" / "delta.flac"
    out = talks.parent / "out"
    cases = {
        (amber, "--srt", "--vtt"): "--srt and --vtt together need --output-dir",
        (amber, delta, "--vtt"): "--vtt for 2 recordings needs --output-dir",
        (amber, "--output", out, "--output-dir", out): "pass one of them",
        (amber, "--overwrite"): "--overwrite is for --output-dir",
        (amber, amber, "--output-dir", out): "would both be written to",
        (amber, delta, "--stream"): "--stream is for one recording, not for 2",
        (amber, "--stream", "--srt"): "goes with no --srt",
        (amber, "--stream", "--output", out): "goes with no --output",
    }
    for arguments, message in cases.items():
        assert run(*arguments) == 2
        captured = capsys.readouterr()
        assert message in captured.err and len(captured.err.splitlines()) == 1 and captured.out == ""
    assert not out.exists()


def test_a_stream_prints_words_as_they_appear(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    printed: list[str] = []
    monkeypatch.setattr("builtins.print", lambda *text, end="\n", **_: printed.append("".join(text) + end))
    assert run(AUDIO / "ember.flac", "--stream") == 0
    words = TEXTS["ember.flac"].split()
    assert printed == [words[0], *(f" {word}" for word in words[1:]), "\n"]


def test_weights_that_are_no_numbers_are_told_for_each_file(talks: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = talks.parent / "model"
    shutil.copytree(Path(speechgraft.__file__).parent / "assets" / "digits", folder)
    weights = load_file(folder / "model.safetensors")
    name = next(name for name in weights if re.search(r"decoder.*LayerNorm.weight", name))
    weights[name].fill_(float("nan"))
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    assert run("--model", folder, talks) == 1
    err = capsys.readouterr().err
    for path in ("amber.flac", "deep/delta.flac"):
        assert re.search(rf"  {talks / path}: .*not finite", err)
    for options in ([], ["--stream"]):
        assert run("--model", folder, talks / "amber.flac", *options) == 2
        captured = capsys.readouterr()
        assert "amber.flac: " in captured.err and "not finite" in captured.err


def test_what_would_show_nothing_or_cannot_be_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(AUDIO / "amber.flac", "--times", "words") == 2
    assert "--times words: words alone show no seconds; pass --json, --srt or --vtt too" in capsys.readouterr().err
    assert run(AUDIO / "amber.flac", "--beams", 0) == 2
    assert "Invalid value for '--beams'" in capsys.readouterr().err
