"""What each command says about an encoder of text: listings and `check` know it, what hears refuses it in a line."""

from __future__ import annotations

import json

import pytest

from speechgraft import pair
from speechgraft.cli import main
from speechgraft.registry import default_catalog
from speechgraft.text import build_tokenizer

TINY = dict(default_catalog().encoder("bert").tiny)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A pair of text with a tokenizer beside it."""
    place = tmp_path_factory.mktemp("text")
    build_tokenizer(["zero one"]).save_pretrained(place)
    pair("bert", "bert", encoder=TINY, decoder=TINY).save_pretrained(place)
    return place


def refused(capsys, *arguments):
    """The one line that a command says before it ends with status 2."""
    assert main([str(argument) for argument in arguments]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    [line] = err.splitlines()
    return line


def test_it_is_listed_with_what_it_takes(capsys):
    assert main(["encoders", "bert", "--json"]) == 0
    [entry] = json.loads(capsys.readouterr().out)
    assert (entry["input_kind"], entry["stride"]) == ("tokens", 1)


def test_check_tells_its_wiring(capsys):
    assert main(["check", "bert", "bert"]) == 0
    out, err = capsys.readouterr()
    assert out.startswith("bert + bert: they fit\n")
    assert "tokens, at least 1 token\n" in out
    assert "frames of 768, one every token\n" in out
    assert err == ""


@pytest.mark.parametrize("command", ["transcribe", "evaluate"])
def test_what_hears_refuses_a_pair_of_text(folder, tones, capsys, command):
    source = tones / ("0.wav" if command == "transcribe" else "manifest.jsonl")
    line = refused(capsys, command, source, "--model", folder)
    assert "holds a pair whose encoder takes tokens, no SpeechEncoderDecoderModel" in line


def test_fit_refuses_it_by_name_and_as_a_checkpoint(folder, tones, tmp_path, capsys):
    fit = ("fit", tones / "manifest.jsonl", "--out", tmp_path / "run", "--steps", 1, "--cpu")
    assert "encoder 'bert' takes tokens, but there is audio to encode" in refused(capsys, *fit, "--encoder", "bert")
    pretrained = tmp_path / "bert"
    pretrained.mkdir()
    config = default_catalog().encoder("bert").load_config_class()(**TINY)
    config.save_pretrained(pretrained)
    build_tokenizer(["zero one"]).save_pretrained(pretrained)
    line = refused(capsys, *fit, "--encoder-from", pretrained, "--decoder-from", pretrained)
    assert "takes encoders of waveform or features, but 'bert' is one of tokens" in line
    assert "holds a pair whose encoder takes tokens" in refused(capsys, *fit, "--from", folder)
    assert not (tmp_path / "run").exists()
