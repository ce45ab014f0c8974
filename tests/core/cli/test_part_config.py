"""What a command line says of parts: option by option, in a file, or both, with all that is wrong at once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from speechgraft import GPT2Config
from speechgraft.cli.part_config import read_connector, read_options, read_parts
from speechgraft.errors import CheckpointError, ConfigError, InputError
from speechgraft.registry import default_catalog

GPT2 = default_catalog().decoder("gpt2")
NOTHING: dict[str, list[str] | None] = {"encoder": None, "decoder": None, "connector": None}


def written(folder: Path, name: str = "options.json", **options: Any) -> str:
    path = folder / name
    path.write_text(json.dumps(options))
    return str(path)


def test_values_are_json_or_else_texts() -> None:
    words = ["n_embd=64", "attn_pdrop=1e-1", "tie_word_embeddings=false", "activation_function=relu", 'dtype="x=y"']
    expected = {"n_embd": 64, "attn_pdrop": 0.1, "tie_word_embeddings": False, "activation_function": "relu"}
    assert read_options(GPT2, words) == {**expected, "dtype": "x=y"}
    assert read_options(GPT2, []) is None
    assert read_options(GPT2, None) is None


def test_what_is_said_beside_a_persons_file_takes_the_place_of_the_same_option_by_any_name(tmp_path: Path) -> None:
    said = read_options(GPT2, [written(tmp_path, hidden_size=64, n_layer=2), "n_embd=48"])
    assert said == {"n_layer": 2, "n_embd": 48}


def test_a_checkpoints_file_gives_a_config_that_options_change_by_any_name(tmp_path: Path) -> None:
    path = written(tmp_path, model_type="gpt2", n_embd=64, n_head=2, task_specific_params={})
    found = read_options(GPT2, [path, "hidden_size=48"])
    assert isinstance(found, GPT2Config)
    assert (found.n_embd, found.n_head) == (48, 2)


def test_a_file_is_tried_with_what_it_may_leave_open(tmp_path: Path) -> None:
    path = written(tmp_path, pad_token_id=40_000)
    bert = default_catalog().decoder("bert")
    with pytest.raises(ConfigError, match="40000 is not one of the 30522 tokens"):
        read_options(bert, [path])
    assert read_options(bert, [path], {"vocab_size": 50_000}) == {"pad_token_id": 40_000}


@pytest.mark.parametrize("words", [["n_embd=nine"], ["n_embdd=48"]])
def test_a_wrong_option_beside_a_file_names_both(tmp_path: Path, words: list[str]) -> None:
    name = words[0].partition("=")[0]
    for options in ({"n_layer": 2}, {"n_layer": 2, "model_type": "gpt2"}):
        with pytest.raises(ConfigError, match=rf"(?s)options\.json with {name}: .*\$\.{name}"):
            read_options(GPT2, [written(tmp_path, **options), *words])


def test_a_name_says_the_model_type_and_no_option_does() -> None:
    with pytest.raises(InputError, match="model_type of connector 'conv' is no option"):
        read_connector("conv", ["model_type=stack"])
    assert read_connector("conv", ["stride=3"]) == {"model_type": "conv", "stride": 3}
    assert read_connector("conv", None) == "conv"
    assert read_connector(None, None) is None
    with pytest.raises(InputError, match="pass --connector too"):
        read_connector(None, ["stride=3"])


def test_all_that_is_wrong_with_files_words_and_options_comes_at_once(tmp_path: Path) -> None:
    configs = {
        "encoder": [written(tmp_path, hidden_size="16", hidden_act="gleu")],
        "decoder": ["n_layer=none", "n_embdd=3"],
        "connector": ["num_frames=2", "num_frames=3"],
    }
    with pytest.raises(ConfigError) as raised:
        read_parts("wav2vec2", "gpt2", "stack", configs)
    told = "\n".join(raised.value.problems)
    for each in ("options.json: ", "$.hidden_size", "$.hidden_act", "$.n_layer", "did you mean 'n_embd'", "said twice"):
        assert each in told
    with pytest.raises(ConfigError, match=r"(?s)absent\.json: there is no such file.*\$\.n_layer"):
        read_parts("wav2vec2", "gpt2", None, {**NOTHING, "encoder": ["absent.json"], "decoder": ["n_layer=none"]})


def test_one_thing_that_is_wrong_stays_what_it_is() -> None:
    with pytest.raises(CheckpointError, match="there is no such file"):
        read_parts("wav2vec2", "gpt2", None, {**NOTHING, "encoder": ["absent.json"], "decoder": ["n_layer=2"]})
    with pytest.raises(InputError, match="has one file of options"):
        read_parts("wav2vec2", "gpt2", None, {**NOTHING, "encoder": ["a.json", "b.json"]})


def test_options_alone_are_given_on_as_they_are_for_a_report_to_tell_of() -> None:
    found = read_parts("wav2vec2", "gpt2", None, {**NOTHING, "encoder": ["hidden_act=gleu"]})
    assert found == {"encoder": {"hidden_act": "gleu"}, "decoder": None, "connector": None}
