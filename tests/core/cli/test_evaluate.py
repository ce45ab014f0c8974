"""`speechgraft evaluate` on the spoken examples."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from speechgraft.cli import main

AUDIO = Path(__file__).parents[3] / "docs" / "audio"


@pytest.fixture
def manifest(tmp_path: Path) -> str:
    texts = json.loads((AUDIO / "texts.json").read_text())
    rows = [
        {"audio": str(AUDIO / name), "text": text, "voice": name[0]} for name, text in texts.items() if name < "cedar"
    ]
    path = tmp_path / "manifest.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


def test_error_rates_are_listed_by_a_column(manifest: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", manifest, "--by", "voice", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["wer"] == 0
    assert set(report["by_voice"]) == {"a", "b"}


def test_a_column_that_is_not_there_is_refused(manifest: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", manifest, "--by", "voise"]) == 2
    assert "did you mean 'voice'" in capsys.readouterr().err
