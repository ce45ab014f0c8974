"""Configs are checked whole when they are made, field by field when they are set, and locked by models."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path
from typing import Any, ClassVar

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from speechgraft.config import Config, ConfigAdapter, config_class, field, positive, rule
from speechgraft.errors import CheckpointError, ConfigError, RoutingError


@config_class
class ToyConfig(Config):
    model_type: ClassVar[str] = "toy"
    aliases: ClassVar[dict[str, str]] = {"hidden_size": "width"}

    width: int = field(default=8, validator=positive)
    heads: int = field(default=2, validator=positive)
    sizes: tuple[int, ...] = field(default=(1, 2), validator=positive)
    scale: float | None = field(default=None, validator=positive)
    names: list[str] = field(factory=list)

    @rule
    def heads_divide_width(self) -> str | None:
        return f"heads: {self.heads} do not divide {self.width}" if self.width % self.heads else None

    @rule
    def sizes_fit(self) -> str | None:
        return f"sizes[0]: {self.sizes[0]} is wider than {self.width}" if self.sizes[0] > self.width else None


@config_class
class OuterConfig(Config):
    inner: ToyConfig = field(factory=ToyConfig)


@st.composite
def toys(draw: st.DrawFn) -> ToyConfig:
    heads = draw(st.integers(1, 5))
    width = heads * draw(st.integers(1, 5))
    return ToyConfig(
        width=width,
        heads=heads,
        sizes=(draw(st.integers(1, width)), *draw(st.lists(st.integers(1, 9)))),
        scale=draw(st.none() | st.floats(0.1, 9)),
        names=draw(st.lists(st.text())),
        num_labels=draw(st.integers(1, 4)),
        eos_token_id=draw(st.none() | st.integers(0, 9) | st.lists(st.integers(0, 9))),
        output_attentions=draw(st.booleans()),
        dtype=draw(st.sampled_from([None, "float16", torch.bfloat16])),
        extras=draw(st.dictionaries(st.text().map("x_{}".format), st.none() | st.integers() | st.lists(st.text()))),
    )


def problems_of(make: Any, *args: Any, **options: Any) -> tuple[str, ...]:
    with pytest.raises(ConfigError) as caught:
        make(*args, **options)
    return caught.value.problems


@given(toys())
def test_reading_what_was_written_gives_an_equal_config(config: ToyConfig) -> None:
    assert ToyConfig.from_dict(config.to_dict()) == config
    assert ConfigAdapter(ToyConfig).read(config.to_dict()) == config


@given(toys())
def test_copies_and_pickles_are_equal_and_share_nothing(config: ToyConfig) -> None:
    before = config.to_dict()
    for twin in (config.copy(), copy.deepcopy(config), pickle.loads(pickle.dumps(config))):
        assert twin == config
        twin.names.append("more")
        twin.extras["more"] = 1
        assert twin != config and config.to_dict() == before


@given(toys())
def test_the_printed_config_makes_an_equal_one(config: ToyConfig) -> None:
    twin = eval(repr(config), {"ToyConfig": ToyConfig})
    twin.label2id = config.label2id
    assert twin == config


def test_all_problems_of_one_construction_come_together() -> None:
    assert problems_of(ToyConfig, widht=3, width="8", sizes=[1, 2.5], scale=-1.0, heads=0) == (
        "$.widht: ToyConfig has no such field; did you mean 'width'?",
        "$.width: expected an integer, got '8'",
        "$.heads: expected a value above 0, got 0",
        "$.sizes[1]: expected an integer, got 2.5",
        "$.scale: expected a value above 0, got -1.0",
    )


def test_rules_that_can_be_checked_are_checked_beside_other_problems() -> None:
    assert problems_of(ToyConfig, heads="2", sizes=(9,)) == (
        "$.heads: expected an integer, got '2'",
        "$.sizes[0]: 9 is wider than 8",
    )


@given(
    toys(), st.sampled_from(["width", "heads", "sizes", "scale", "names"]), st.sampled_from([-1, "x", (10**9,), [3]])
)
def test_a_refused_assignment_changes_nothing(config: ToyConfig, name: str, value: object) -> None:
    before = config.to_dict()
    try:
        setattr(config, name, value)
    except ConfigError as error:
        assert config.to_dict() == before and error.problems[0].startswith("$.")
    else:
        assert ToyConfig.from_dict(config.to_dict()) == config


def test_assignment_checks_rules_between_fields() -> None:
    config = ToyConfig()
    assert problems_of(setattr, config, "heads", 3) == ("$.heads: 3 do not divide 8",)
    assert config.heads == 2


def test_an_unknown_name_cannot_be_set_or_read() -> None:
    config = ToyConfig()
    with pytest.raises(ConfigError, match="did you mean 'width'"):
        config.widht = 3
    with pytest.raises(AttributeError, match="did you mean 'width'"):
        _ = config.widht


def test_options_of_a_call_that_are_no_fields_are_not_blamed_on_the_file(tmp_path: Path) -> None:
    ToyConfig().save_pretrained(tmp_path)
    assert ToyConfig.from_pretrained(tmp_path, hidden_size=4).width == 4
    with pytest.raises(RoutingError, match=r"^unknown option 'head'; did you mean 'heads'") as caught:
        ToyConfig.from_pretrained(tmp_path, head=2)
    assert "config.json" not in str(caught.value)
    with pytest.raises(RoutingError, match="unknown option 'revison'; did you mean 'revision'"):
        ToyConfig.from_pretrained(tmp_path, revison="main")
    with pytest.raises(RoutingError, match="'gradient_checkpointing': kept where a file has it"):
        ToyConfig.from_pretrained(tmp_path, gradient_checkpointing=True)


def test_changes_that_are_no_fields_are_named_with_the_nearest() -> None:
    with pytest.raises(ConfigError, match=r"copied with these changes:\n.*no such field; did you mean 'heads'"):
        ToyConfig().copy(head=2)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_numbers_that_are_not_finite_are_refused_by_field(value: float) -> None:
    assert problems_of(ToyConfig, scale=value) == (f"$.scale: expected a number or null, got {value}",)
    assert problems_of(ToyConfig.from_dict, {"scale": value}) == problems_of(ToyConfig, scale=value)
    assert problems_of(ToyConfig().copy, scale=value) == problems_of(ToyConfig, scale=value)
    with pytest.raises(ConfigError, match=f"got {value}"):
        ToyConfig().scale = value


def test_aliases_are_read_set_and_accepted() -> None:
    config = ToyConfig(hidden_size=16)
    assert config.width == config.hidden_size == 16
    config.hidden_size = 4
    assert config.width == 4
    assert ToyConfig.from_dict({"hidden_size": 6}).width == 6
    assert config.copy(hidden_size=2).width == 2
    assert problems_of(ToyConfig, width=4, hidden_size=6) == ("$.hidden_size: 6 contradicts $.width",)
    assert problems_of(ToyConfig.from_dict, {"hidden_size": "6"}) == ("$.hidden_size: expected an integer, got '6'",)


def test_a_locked_config_takes_only_what_is_read_at_run_time() -> None:
    config = ToyConfig()
    config.lock()
    config.pad_token_id, config.output_attentions, config.width = 7, True, 8
    assert "shaped this model" in problems_of(setattr, config, "width", 16)[0]
    assert config.width == 8
    assert copy.deepcopy(config)._locked and not config.copy()._locked
    assert config.copy(width=16).width == 16


def test_locking_reaches_configs_within() -> None:
    config = OuterConfig()
    config.lock()
    assert "shaped this model" in problems_of(setattr, config.inner, "width", 16)[0]


def test_problems_of_a_config_within_a_config_have_the_whole_path() -> None:
    assert problems_of(OuterConfig, inner={"width": "1", "sizes": [0]}) == (
        "$.inner.width: expected an integer, got '1'",
        "$.inner.sizes[0]: expected a value above 0, got 0",
    )
    assert OuterConfig.from_dict(OuterConfig(inner=ToyConfig(width=4)).to_dict()).inner.width == 4


def test_labels_are_counted_named_and_inverted() -> None:
    assert ToyConfig().num_labels == 2
    assert ToyConfig(num_labels=3).id2label == {0: "LABEL_0", 1: "LABEL_1", 2: "LABEL_2"}
    config = ToyConfig(id2label={0: "no", 1: "yes"})
    assert config.label2id == {"no": 0, "yes": 1}
    config.num_labels = 1
    assert config.label2id == {"LABEL_0": 0}
    assert config.copy(num_labels=4).label2id["LABEL_3"] == 3
    assert problems_of(ToyConfig, num_labels=3, id2label={0: "a"}) == ("$.num_labels: 3, but id2label names 1",)
    for count in (0, -1):
        message = f"$.num_labels: expected a count of labels, from 1 on, got {count}"
        assert problems_of(ToyConfig, num_labels=count) == problems_of(config.copy, num_labels=count) == (message,)
        with pytest.raises(ConfigError, match=f"num_labels cannot be set: expected 1 or more, got {count}"):
            config.num_labels = count
    assert ToyConfig.from_dict({"id2label": None, "label2id": None}).num_labels == 2


def test_a_field_that_is_stated_again_keeps_its_place_before_those_that_follow_from_it() -> None:
    @config_class
    class Named(ToyConfig):
        id2label: dict[int, str] = field(factory=lambda: {0: "only"}, runtime=True)

    assert Named().label2id == {"only": 0} and Named(id2label={0: "a", 1: "b"}).label2id == {"a": 0, "b": 1}
    assert Named().copy(width=4).id2label == {0: "only"}


def test_overrides_go_before_the_file_and_are_checked_with_it() -> None:
    data = {"width": 4, "heads": 4, "id2label": {"0": "a"}, "label2id": {"a": 0}}
    assert ToyConfig.from_dict(data, hidden_size=12).width == 12
    assert ToyConfig.from_dict(data, num_labels=3).label2id == {"LABEL_0": 0, "LABEL_1": 1, "LABEL_2": 2}
    assert problems_of(ToyConfig.from_dict, data, heads=3) == ("$.heads: 3 do not divide 4",)
    assert "did you mean 'heads'" in problems_of(ToyConfig.from_dict, data, haeds=3)[0]


def test_unknown_keys_of_a_file_are_kept_and_named_unless_other_tools_write_them() -> None:
    data = {"width": 4, "top_k": 50, "colour": {"a": [1]}, "model_type": "toy"}
    config = ToyConfig.from_dict(data)
    assert config.unknown_keys == ("colour",)
    assert {key: config.to_dict()[key] for key in data} == data
    config.extras["colour"]["a"].append(2)
    assert data["colour"] == {"a": [1]}


def test_a_key_that_is_only_carried_is_refused_in_python_with_the_reason() -> None:
    assert problems_of(ToyConfig, top_k=3) == ("$.top_k: kept where a file has it, but no part of this model reads it",)


def test_a_file_of_another_model_is_refused() -> None:
    assert problems_of(ToyConfig.from_dict, {"model_type": "bert"}) == ("$.model_type: expected 'toy', got 'bert'",)
    assert problems_of(ToyConfig.from_dict, [1], path="$.encoder") == ("$.encoder: expected an object, got [1]",)


def test_dtypes_are_taken_by_name_and_as_torch_has_them() -> None:
    assert ToyConfig(torch_dtype=torch.float16).dtype == ToyConfig(dtype="float16").torch_dtype == "float16"
    assert "expected one of 'float64'" in problems_of(ToyConfig, dtype="float17")[0]


def test_saved_configs_load_and_broken_files_say_what_is_wrong(tmp_path: Any) -> None:
    ToyConfig(width=6, name_or_path="here").save_pretrained(tmp_path / "toy")
    assert ToyConfig.from_pretrained(tmp_path / "toy", heads=3) == ToyConfig(width=6, heads=3, name_or_path="here")
    file = tmp_path / "toy" / "config.json"
    assert '"_name_or_path": "here"' in file.read_text()
    file.write_text('{"width": "6"}')
    with pytest.raises(ConfigError, match=r"config.json: not a valid toy configuration:\n  \$.width"):
        ToyConfig.from_pretrained(tmp_path / "toy")
    for text in ("{", "[]", '"x"'):
        file.write_text(text)
        with pytest.raises(CheckpointError, match=r"config\.json"):
            ToyConfig.from_pretrained(tmp_path / "toy")
    file.unlink()
    with pytest.raises(CheckpointError, match="no such file"):
        ToyConfig.from_pretrained(tmp_path / "toy")


def test_a_model_may_unlock_its_own_config_for_a_while() -> None:
    config = ToyConfig()
    config.lock()
    with config.unlocked():
        config.width = 4
    assert config.width == 4
    assert problems_of(setattr, config, "width", 8) and config.width == 4


def test_one_class_is_nothing_to_choose_from() -> None:
    assert problems_of(ToyConfig, num_labels=1, problem_type="single_label_classification") == (
        "$.problem_type: single_label_classification needs two labels or more; one is for a regression",
    )
    assert ToyConfig(num_labels=1, problem_type="regression").num_labels == 1
    assert "multi_label_classification" in problems_of(ToyConfig, problem_type="ranking")[0]


def test_labels_without_names_are_not_named_by_the_billion() -> None:
    [problem] = problems_of(ToyConfig, num_labels=10**9)
    assert problem == "$.num_labels: 1000000000 without their names (id2label), expected at most 50000"
