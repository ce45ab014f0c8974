"""`speechgraft fit` makes a bundle that `evaluate` and `transcribe` take; mistakes are one line and status 2."""

from __future__ import annotations

import json

import pytest

from speechgraft.bundle import Transcriber
from speechgraft.cli import main

QUICK = ["--steps", "2", "--batch-size", "3", "--eval-every", "1", "--warmup", "0", "--cpu"]


def fit(tones, out, *more):
    manifest = str(tones / "manifest.jsonl")
    return main(["fit", manifest, "--out", str(out), *QUICK, *map(str, more)])


def new(tones):
    return ["--encoder-config", tones / "encoder.json", "--decoder-config", tones / "decoder.json"]


@pytest.fixture(scope="module")
def trained(tones, tmp_path_factory):
    out = tmp_path_factory.mktemp("run")
    assert fit(tones, out, "--eval", tones / "manifest.jsonl", "--seed", 1, *new(tones)) == 0
    return out


def test_a_new_pair_is_trained_and_evaluated(trained, tones, tmp_path, capsys):
    arguments = ["evaluate", str(tones / "manifest.jsonl"), "--model", str(trained / "best"), "--json"]
    assert main([*arguments, "--output", str(tmp_path / "each.jsonl")]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["utterances"] == 12 and set(found["by_speaker"]) == {"a", "b"}
    each = [json.loads(line) for line in (tmp_path / "each.jsonl").read_text().splitlines()]
    assert sum(line["deletions"] for line in each) == found["deletions"]
    history = [json.loads(line) for line in (trained / "history.jsonl").read_text().splitlines()]
    assert min(line["wer"] for line in history if "wer" in line) == found["wer"]


def test_a_recording_that_is_gone_is_listed_at_the_end(trained, tones, tmp_path, capsys):
    rows = [{"audio": str(tones / "0.wav"), "text": "low"}, {"audio": "gone.wav", "text": "low"}]
    (tmp_path / "m.jsonl").write_text("\n".join(map(json.dumps, rows)))
    assert main(["evaluate", str(tmp_path / "m.jsonl"), "--model", str(trained / "last")]) == 1
    captured = capsys.readouterr()
    assert "1 utterances" in captured.out and "gone.wav: there is no such file" in captured.err


def test_the_same_command_gives_the_same_weights(trained, tones, tmp_path):
    assert fit(tones, tmp_path, "--eval", tones / "manifest.jsonl", "--seed", 1, *new(tones)) == 0
    assert (tmp_path / "last/model.safetensors").read_bytes() == (trained / "last/model.safetensors").read_bytes()


def test_a_bundle_is_trained_on(trained, tones, tmp_path, capsys):
    assert fit(tones, tmp_path, "--from", trained / "last", "--ctc-weight", 0, "--no-augment") == 0
    assert "2 steps in" in capsys.readouterr().out
    tokens = [Transcriber.from_pretrained(path / "last").tokenizer.special_tokens for path in (trained, tmp_path)]
    assert tokens[0] == tokens[1]


def test_a_connector_is_trained_and_comes_back_with_the_bundle(tones, tmp_path):
    options = tmp_path / "stack.json"
    options.write_text(json.dumps({"num_frames": 3}))
    assert fit(tones, tmp_path / "run", "--connector", "stack", "--connector-config", options, *new(tones)) == 0
    model = Transcriber.from_pretrained(tmp_path / "run" / "last").model
    assert model.config.connector.to_dict() == {"model_type": "stack", "num_frames": 3}


def test_options_are_said_one_by_one_and_change_those_of_a_file(tones, tmp_path):
    said = ["--decoder-config", "hidden_size=32", "--connector", "stack", "--connector-config", "num_frames=3"]
    assert fit(tones, tmp_path / "run", *new(tones), *said) == 0
    bundle = Transcriber.from_pretrained(tmp_path / "run" / "last")
    assert bundle.model.config.decoder.hidden_size == 32
    assert bundle.model.config.decoder.vocab_size == bundle.tokenizer.vocab_size
    assert bundle.model.config.connector.to_dict() == {"model_type": "stack", "num_frames": 3}


def test_all_that_is_wrong_with_the_parts_comes_at_once(tones, tmp_path, capsys):
    wrong = ["--encoder-config", "hidden_sise=3", "--decoder-config", "hidden_act=gleu"]
    connector = ["--connector", "stack", "--connector-config", "num_frames=0"]
    assert fit(tones, tmp_path / "out", *wrong, *connector) == 2
    error = capsys.readouterr().err
    assert "did you mean 'hidden_size'" in error and error.count("\n") == 1
    assert "$.decoder.hidden_act" in error and "$.connector.num_frames" in error
    assert not (tmp_path / "out").exists()


def test_resuming_a_finished_run_does_nothing_more(trained, tones):
    before = (trained / "last/training_state.pt").read_bytes()
    for again in ([], new(tones)):
        assert fit(tones, trained, "--eval", tones / "manifest.jsonl", "--seed", 1, *again, "--resume") == 0
    assert (trained / "last/training_state.pt").read_bytes() == before


def test_a_run_goes_on_for_the_parts_that_it_began_with_alone(trained, tones, tmp_path, capsys):
    other = ["--encoder-config", "hidden_size=32", "--connector", "mlp"]
    assert fit(tones, trained, *other, "--resume") == 2
    error = capsys.readouterr().err
    assert "this run was begun otherwise" in error
    assert (
        '$.encoder_config: ["' in error
        and 'now ["hidden_size=32"]' in error
        and '$.connector: null, now "mlp"' in error
    )
    assert fit(tones, tmp_path / "new", "--decoder-config", "hidden_sise=3", "--resume") == 2
    assert "did you mean 'hidden_size'" in capsys.readouterr().err  # there is no run yet


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--encoder-from", "x"], "go together"),
        (["--from", "x", "--tokenizer", "char"], "--tokenizer has no place beside it"),
        (["--steps", "0"], "$.steps: expected at least 1"),
        (["--schedule", "cosinus"], "$.schedule: expected one of"),
        (["--connector", "stak"], "did you mean 'stack'"),
        (["--connector-config", "stack.json"], "pass --connector too"),
        (["--from", "x", "--decoder-config", "hidden_size=32"], "--decoder-config has no place beside it"),
        (["--encoder-from", "x", "--decoder-from", "y", "--encoder-config", "a=1"], "bring their own configs"),
        (["--encoder-from", "x", "--decoder-from", "y", "--decoder", "gpt2"], "leave out --encoder and --decoder"),
        (["--from", "x", "--encoder", "hubert"], "--encoder has no place beside it"),
        (["--from", "x", "--connector", "conv"], "--connector has no place beside it"),
        (["--encoder", "wav2vec"], "did you mean 'wav2vec2'"),
        (["--encoder-config", "absent.json"], "absent.json: there is no such file"),
        (["--eval", "absent.jsonl"], "absent.jsonl: there is no such file"),
        (["--no-augment", "--augment-config", "a.json"], "has no meaning with --no-augment"),
    ],
)
def test_a_mistake_is_one_line(tones, tmp_path, capsys, more, said):
    assert fit(tones, tmp_path / "out", *more) == 2
    error = capsys.readouterr().err
    assert said in error and error.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_wrong_options_in_files_name_the_file(tones, tmp_path, capsys):
    (tmp_path / "a.json").write_text('{"sped": [1, 2]}')
    assert fit(tones, tmp_path / "out", "--augment-config", tmp_path / "a.json") == 2
    assert "a.json: Augment cannot be made: $.sped" in capsys.readouterr().err
    (tmp_path / "d.json").write_text('{"vocab_size": 5}')
    assert fit(tones, tmp_path / "out", "--decoder-config", tmp_path / "d.json") == 2
    assert "$.vocab_size: 5, expected at least 7" in capsys.readouterr().err
