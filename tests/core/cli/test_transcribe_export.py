"""`speechgraft transcribe` takes what `speechgraft export --to onnx` writes of a bundle."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from speechgraft.bundle import Transcriber
from speechgraft.cli import main
from speechgraft.hearing import shipped_folder

AUDIO = Path(__file__).parents[3] / "docs" / "audio"
TEXTS = json.loads((AUDIO / "texts.json").read_text())


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shipped model for spoken digits as ONNX."""
    folder = tmp_path_factory.mktemp("digits") / "onnx"
    assert main(["export", str(shipped_folder()), str(folder), "--to", "onnx"]) == 0
    return folder


def run(model: Path, *arguments: object) -> int:
    return main(["transcribe", "--model", str(model), *map(str, arguments)])


def test_recordings_have_the_words_that_the_bundle_finds(exported: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = sorted(AUDIO.glob("*.flac"))
    assert len(files) > 1
    assert run(exported, *files, "--beams", 2) == 0
    whole = Transcriber.from_pretrained()
    expected = [f"{file}: {whole(file, num_beams=2).text}" for file in files]
    assert capsys.readouterr().out.splitlines() == expected
    assert f"{AUDIO / 'amber.flac'}: {TEXTS['amber.flac']}" in expected


def test_a_stream_of_it_prints_the_same_words(exported: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(exported, AUDIO / "amber.flac", "--stream") == 0
    assert capsys.readouterr().out == TEXTS["amber.flac"] + "\n"


def test_json_lacks_seconds_and_says_so(exported: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(exported, AUDIO / "amber.flac", "--json") == 0
    told = capsys.readouterr()
    found = json.loads(told.out)
    assert found["text"] == TEXTS["amber.flac"] and "words" not in found
    assert told.err == f"{exported}: an export does not tell when words are said: no words with seconds are written\n"


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (["--srt"], "which --srt needs: pass the folder that was exported"),
        (["--json", "--times", "attention"], "which --times attention needs"),
        (["--dtype", "float16"], "computes in float32 on the CPU, not in torch.float16"),
        (["--device", "meta"], "not in torch.float32 on meta"),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_what_an_export_cannot_do_is_refused(
    exported: Path, capsys: pytest.CaptureFixture[str], options: list[str], problem: str
) -> None:
    assert run(exported, AUDIO / "amber.flac", *options) == 2
    told = capsys.readouterr()
    assert problem in told.err and told.out == ""


def test_programs_of_torch_are_code_and_not_read(
    exported: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "torch"
    shutil.copytree(exported, folder)
    told = json.loads((folder / "export.json").read_text())
    (folder / "export.json").write_text(json.dumps({**told, "target": "torch"}))
    assert run(folder, AUDIO / "amber.flac") == 2
    assert "or use an export to onnx" in capsys.readouterr().err


def test_beside_weights_a_description_of_an_export_changes_nothing(
    exported: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "both"
    shutil.copytree(shipped_folder(), folder)
    shutil.copy(exported / "export.json", folder)
    assert run(folder, AUDIO / "amber.flac", "--json") == 0
    assert json.loads(capsys.readouterr().out)["words"]
