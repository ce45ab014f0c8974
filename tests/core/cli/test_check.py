"""`speechgraft check` prints the report, or one line with every problem and status 2."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from speechgraft.cli import main
from speechgraft.registry import default_catalog

TINY = dict(default_catalog().encoder("wav2vec2").tiny)


def written(folder: Path, data: Any) -> str:
    path = folder / "encoder.json"
    path.write_text(data if isinstance(data, str) else json.dumps(data))
    return str(path)


def test_a_fitting_pair_prints_its_table(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "wav2vec2", "bert"]) == 0
    out, err = capsys.readouterr()
    assert out.startswith("wav2vec2 + bert: they fit\n")
    assert err == ""


def test_options_come_from_a_file_and_json_goes_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "wav2vec2", "bert", "--encoder-config", written(tmp_path, TINY), "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["ok"] is True
    assert report["encoder_size"] == TINY["hidden_size"]


def test_a_checkpoints_config_may_hold_keys_of_others(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    published = written(tmp_path, {**TINY, "model_type": "wav2vec2", "codevector_dim": 256})
    assert main(["check", "wav2vec2", "bert", "--encoder-config", published]) == 0


@pytest.mark.parametrize(
    ("data", "says"),
    [
        ({**TINY, "hidden_sise": 3}, "did you mean 'hidden_size'"),
        ({**TINY, "hidden_size": "16", "num_attention_heads": 0}, "$.hidden_size"),
        ({**TINY, "model_type": "wav2vec2", "hidden_size": 16.5}, "$.hidden_size"),
        ({**TINY, "model_type": "hubert"}, "$.model_type"),
        ("{", "not JSON"),
        ([1], "expected an object"),
    ],
)
def test_a_wrong_file_is_one_line_with_every_problem(
    tmp_path: Path, data: Any, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", "wav2vec2", "bert", "--encoder-config", written(tmp_path, data)]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert says in err
    assert "encoder.json" in err


def test_a_missing_file_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "wav2vec2", "bert", "--decoder-config", str(tmp_path / "none.json")]) == 2
    assert "none.json: there is no such file" in capsys.readouterr().err
    assert main(["check", "wav2vec2", "bert", "--decoder-config", "hidden_size"]) == 2
    assert capsys.readouterr().err == "speechgraft: hidden_size: there is no such file; an option is NAME=VALUE\n"


def test_parts_that_do_not_fit_are_one_line_and_json_on_request(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    narrow = tmp_path / "decoder.json"
    narrow.write_text(json.dumps({"cross_attention_hidden_size": 12}))
    assert main(["check", "wav2vec2", "bert", "--decoder-config", str(narrow), "--json"]) == 2
    out, err = capsys.readouterr()
    assert json.loads(out)["ok"] is False
    assert err.startswith("speechgraft: wav2vec2 and bert cannot be paired: ")
    assert err.count("\n") == 1


def test_an_unknown_name_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "wav2vec", "bert"]) == 2
    assert capsys.readouterr().err.startswith("speechgraft: no encoder is named 'wav2vec'; did you mean 'wav2vec2'?")


def test_what_is_wrong_with_both_files_comes_at_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    encoder, decoder = tmp_path / "e.json", tmp_path / "d.json"
    encoder.write_text('{"hidden_size": "16"}')
    decoder.write_text('{"num_attention_heads": 0}')
    assert main(["check", "wav2vec2", "bert", "--encoder-config", str(encoder), "--decoder-config", str(decoder)]) == 2
    err = capsys.readouterr().err
    assert "e.json: " in err
    assert "d.json: " in err
    assert "$.hidden_size" in err
    assert "$.num_attention_heads" in err
    assert err.count("\n") == 1


def test_a_connector_is_chosen_by_name_and_configured_by_a_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["check", "wav2vec2", "bert", "--encoder-config", written(tmp_path, TINY), "--json"]
    assert main([*command, "--connector", "conv"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["connector"], report["memory_stride"]) == ("conv", 4 * report["stride"])
    options = tmp_path / "connector.json"
    options.write_text('{"num_frames": 3}')
    assert main([*command, "--connector", "stack", "--connector-config", str(options)]) == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["connector"], report["memory_stride"]) == ("stack", 3 * report["stride"])
    assert main([*command, "--connector-config", str(options)]) == 2
    assert "pass --connector too" in capsys.readouterr().err
    assert main([*command, "--connector", "stak"]) == 2
    assert "did you mean 'stack'" in capsys.readouterr().err


def said(option: str, values: dict[str, Any]) -> list[str]:
    return [word for name, value in values.items() for word in (option, f"{name}={json.dumps(value)}")]


def test_options_are_said_one_by_one_and_change_those_of_a_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["check", "wav2vec2", "bert", "--json"]
    assert main([*command, *said("--encoder-config", TINY)]) == 0
    assert json.loads(capsys.readouterr().out)["encoder_size"] == TINY["hidden_size"]
    wider = ["--encoder-config", written(tmp_path, TINY), "--encoder-config", "hidden_size=32"]
    assert main([*command, *wider, "--connector", "conv", "--connector-config", "stride=3"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["encoder_size"] == 32
    assert report["memory_stride"] == 9 * report["stride"]  # two layers


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["hidden_sise=3"], "did you mean 'hidden_size'"),
        (["hidden_act=gleu"], "$.encoder.hidden_act"),
        (["hidden_size=3", "hidden_size=4"], "hidden_size of encoder 'wav2vec2' is said twice"),
        (["one.json", "two.json"], "has one file of options, got one.json, two.json"),
    ],
)
def test_a_wrong_option_is_one_line(words: list[str], says: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "wav2vec2", "bert", *(each for word in words for each in ("--encoder-config", word))]) == 2
    err = capsys.readouterr().err
    assert says in err and err.count("\n") == 1


def test_sizes_and_memory_are_told_for_so_many_seconds(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["check", "wav2vec2", "bert", "--encoder-config", written(tmp_path, TINY), "--json", "--seconds"]
    assert main([*command, "0.5"]) == 0
    estimate = json.loads(capsys.readouterr().out)["estimate"]
    assert (estimate["seconds"], estimate["steps"][0]["sizes"]) == (0.5, [1, 8000])
    assert estimate["training"] > estimate["generation"] > estimate["weights"] > 0
    assert main([*command, "0"]) == 2
    assert "seconds=0.0: expected more than 0" in capsys.readouterr().err


def test_the_routing_is_printed_and_the_wiring_drawn(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    drawing = tmp_path / "out.svg"
    command = ["check", "wav2vec2", "bert", "--encoder-config", written(tmp_path, TINY), "--seconds", "0.1"]
    assert main([*command, "--routing", "--diagram", str(drawing)]) == 0
    out = capsys.readouterr().out
    assert "encoder_NAME -> the encoder" in out and "training (AdamW)" in out
    assert ElementTree.parse(drawing).getroot().tag.endswith("svg")
    assert main([*command, "--diagram", str(tmp_path / "none" / "out.svg")]) == 2
    assert "out.svg: No such file or directory" in capsys.readouterr().err


def test_names_are_needed_and_options_of_all_pairs_go_with_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "wav2vec2"]) == 2
    assert "expected an encoder and a decoder, or --all-pairs" in capsys.readouterr().err
    assert main(["check", "wav2vec2", "bert", "--html", "page.html"]) == 2
    assert "--html goes with --all-pairs" in capsys.readouterr().err
    assert main(["check", "--all-pairs", "--seconds", "3"]) == 2
    assert "--seconds is for one pair" in capsys.readouterr().err
