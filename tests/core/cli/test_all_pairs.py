"""`speechgraft check --all-pairs` prints a table or JSON, writes a page, and says by its status whether all holds."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from speechgraft.cli import main
from speechgraft.testing import Drawn, Property, matrix
from speechgraft.testing.case import Case


def refuses_bert(case: Case, encoder: object, decoder: object) -> None:
    case.holds("bert" not in str(decoder), "it is <BERT>", "the decoder")


@pytest.fixture(autouse=True)
def one_property(monkeypatch: pytest.MonkeyPatch) -> None:
    """The kit has tests of its own."""
    only = {"P00_name": Property("P00_name", "is not BERT", {"pair": (Drawn(refuses_bert),)})}
    monkeypatch.setattr(matrix, "PROPERTIES", only)


def test_a_table_of_what_matches(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "sew", "*t*", "--all-pairs", "--connector", "mlp", "--jobs", "1"]) == 1
    out, err = capsys.readouterr()
    assert [line.split() for line in out.splitlines()[:2]] == [
        ["encoder", "connector", "bart", "bert", "gpt2"],
        ["sew", "mlp", "ok", "P00", "ok"],
    ]
    assert "sew + mlp + bert: P00_name does not hold" in out and "found: it is <BERT>" in out
    assert out.endswith("2 of 3 combinations are ok\n")
    assert [line.partition(" ")[0] for line in err.splitlines()] == [f"{place}/3" for place in range(1, 4)]


def test_json_and_a_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    html = tmp_path / "page.html"
    command = ["check", "sew", "gpt2", "--all-pairs", "--connector", "[cl]*", "--level", "standard", "--jobs", "1"]
    assert main([*command, "--json", "--html", str(html)]) == 0
    data = json.loads(capsys.readouterr().out)
    assert (data["level"], data["ok"]) == ("standard", True)
    assert [each["connector"] for each in data["combinations"]] == ["conv", "linear"]
    assert all(each["properties"][0]["ok"] and each["report"]["ok"] for each in data["combinations"])
    assert html.read_text(encoding="utf-8").count("<section ") == 2


def test_mistakes_are_told_before_anything_is_tried(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["check", "--all-pairs", "--jobs", "1"]
    assert main([*command, "--level", "fast"]) == 2
    assert "--level fast: expected one of quick, standard, thorough" in capsys.readouterr().err
    assert main([*command, "--connector", "x*"]) == 2
    assert "no connector is named 'x*'" in capsys.readouterr().err
    assert main([*command, "--html", str(tmp_path / "none" / "page.html")]) == 2
    assert "page.html: No such file or directory" in capsys.readouterr().err
