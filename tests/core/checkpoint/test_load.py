"""Modules built without weights get a checkpoint's tensors, and first values for what it may lack."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from speechgraft.checkpoint import WeightMap, load_into, materialise, rename, write_tensors
from speechgraft.contracts import Component
from speechgraft.errors import CheckpointError, PluginError
from speechgraft.nn.meta import weightless


class Leaf(Component):
    """Two linear layers, the second of which begins as ones."""

    def __init__(self, width: int = 4) -> None:
        super().__init__()
        self.first = nn.Linear(width, 3)
        self.second = nn.Linear(3, 2)
        self.scale = nn.Parameter(torch.empty(2))
        self.begun: list[nn.Module] = []

    def init_weights(self, module: nn.Module) -> None:
        self.begun.append(module)
        for parameter in module.parameters(recurse=False):
            nn.init.ones_(parameter)


class Tree(Component):
    """A leaf and a projection, which begins as zeros."""

    def __init__(self) -> None:
        super().__init__()
        self.leaf = Leaf()
        self.projection = nn.Linear(2, 2)

    def init_weights(self, module: nn.Module) -> None:
        for parameter in module.parameters(recurse=False):
            nn.init.zeros_(parameter)


class Forgetful(Component):
    """Its parameter never gets a value."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(2))

    def init_weights(self, module: nn.Module) -> None:
        pass


LEAF = WeightMap(
    [rename("one.{p}", "first.{p}"), rename("two.{p}", "second.{p}"), rename("scale", "scale")],
    ignored=[("head.{rest}", "another head")],
    fresh=[("second.{p}", "checkpoints lack it")],
)


def on_meta(kind: type[nn.Module] = Leaf) -> Any:
    with torch.device("meta"):
        return kind()


def disk(**changes: Tensor | None) -> dict[str, Tensor]:
    tensors = {
        "one.weight": torch.randn(3, 4),
        "one.bias": torch.randn(3),
        "two.weight": torch.randn(2, 3),
        "two.bias": torch.randn(2),
        "scale": torch.randn(2),
    }
    changed = {**tensors, **{name.replace("__", "."): tensor for name, tensor in changes.items()}}
    return {name: tensor for name, tensor in changed.items() if tensor is not None}


def test_every_tensor_comes_bitwise_from_the_files(tmp_path: Path) -> None:
    tensors = disk(head__weight=torch.zeros(1))
    write_tensors(tmp_path, tensors, 40)
    leaf = on_meta()
    report = load_into(leaf, tmp_path, LEAF)
    assert leaf.begun == []
    for name, tensor in LEAF.to_disk(leaf.state_dict()).items():
        assert torch.equal(tensor, tensors[name])
    assert all(parameter.requires_grad and not parameter.is_meta for parameter in leaf.parameters())
    assert set(report.loaded) == set(leaf.state_dict()) and report.ignored == {"head.weight": "another head"}
    assert str(report) == "loaded 5 parameters\nleft out (1): another head"


@pytest.mark.parametrize(
    ("dtype", "found"),
    [(None, torch.float32), ("auto", torch.float16), (torch.bfloat16, torch.bfloat16)],
)
def test_dtypes_are_the_modules_the_files_or_as_asked(dtype: Any, found: torch.dtype) -> None:
    leaf = on_meta()
    halves = {name: tensor.half() for name, tensor in disk(two__bias=None).items()}
    load_into(leaf, halves, LEAF, dtype=dtype)
    assert {parameter.dtype for parameter in leaf.parameters()} == {found}


def test_a_lacking_parameter_is_made_and_what_was_loaded_beside_it_stays() -> None:
    leaf, tensors = on_meta(), disk(two__bias=None)
    report = load_into(leaf, tensors, LEAF)
    assert leaf.begun == [leaf.second]
    assert torch.equal(leaf.second.weight, tensors["two.weight"]) and torch.equal(leaf.second.bias, torch.ones(2))
    assert report.made == {"second.bias": "checkpoints lack it"} and report.missing == ()
    assert "newly made (1): checkpoints lack it" in str(report)


def test_all_wrong_shapes_are_reported_together_with_both_shapes() -> None:
    with pytest.raises(CheckpointError) as caught:
        load_into(on_meta(), disk(one__weight=torch.zeros(3, 5), scale=torch.zeros(7)), LEAF)
    assert "one.weight (our first.weight): the config asks for (3, 4), the checkpoint has (3, 5)" in str(caught.value)
    assert "scale (our scale): the config asks for (2,), the checkpoint has (7,)" in str(caught.value)


def test_quantised_tensors_are_not_taken_for_weights() -> None:
    with pytest.raises(CheckpointError, match=r"scale .*: expected floating point, the checkpoint has torch.int8"):
        load_into(on_meta(), disk(scale=torch.zeros(2, dtype=torch.int8)), LEAF)


def test_missing_and_surplus_tensors_are_reported_together_by_their_names_on_disk(tmp_path: Path) -> None:
    write_tensors(tmp_path, disk(scale=None, one__bias=None, other=torch.zeros(1)))
    with pytest.raises(CheckpointError) as caught:
        load_into(on_meta(), tmp_path, LEAF)
    assert str(caught.value) == (
        f"{tmp_path}: the checkpoint does not fit the model; missing (2): scale, one.bias; unexpected (1): other"
    )


def test_names_in_memory_are_told() -> None:
    with pytest.raises(
        CheckpointError, match=r"missing \(2\): one.* names of parameters in memory.*processing_class=model"
    ):
        load_into(on_meta(), dict(Leaf().state_dict()), LEAF)


def test_without_strict_missing_parameters_are_made() -> None:
    leaf = on_meta()
    report = load_into(leaf, disk(scale=None, other=torch.zeros(1)), LEAF, strict=False)
    assert torch.equal(leaf.scale, torch.ones(2))
    assert report.missing == ("scale",) and report.unexpected == ("other",)


def test_a_tensor_that_the_map_knows_but_the_module_lacks_is_surplus() -> None:
    table = WeightMap.join(LEAF, WeightMap([rename("three.{p}", "third.{p}")]))
    with pytest.raises(CheckpointError, match=r"unexpected \(1\): three\.weight"):
        load_into(on_meta(), disk(three__weight=torch.zeros(1)), table)


def test_the_nearest_component_begins_each_sub_module() -> None:
    tree = materialise(on_meta(Tree))
    assert all(parameter.eq(1).all() for parameter in tree.leaf.parameters())
    assert all(parameter.eq(0).all() for parameter in tree.projection.parameters())
    before = [parameter.data_ptr() for parameter in tree.parameters()]
    assert [parameter.data_ptr() for parameter in materialise(tree).parameters()] == before


def test_a_frozen_parameter_stays_frozen() -> None:
    leaf = on_meta()
    leaf.first.requires_grad_(False)
    leaf.second.requires_grad_(False)
    load_into(leaf, disk(two__bias=None), LEAF)
    assert [parameter.requires_grad for parameter in leaf.parameters()] == [True, False, False, False, False]


def test_parameters_that_nobody_begins_are_an_error() -> None:
    with pytest.raises(PluginError, match="init_weights of Forgetful leaves weight unset"):
        materialise(on_meta(Forgetful))
    with torch.device("meta"):
        bare = nn.Sequential(nn.Linear(2, 2))
    with pytest.raises(PluginError, match="0: no Component"):
        materialise(bare)


def test_tensors_of_other_shapes_are_left_out_where_that_is_asked_for_and_said() -> None:
    leaf, tensors = on_meta(), disk(one__weight=torch.zeros(3, 5))
    report = load_into(leaf, tensors, LEAF, ignore_mismatched_sizes=True)
    assert torch.equal(leaf.first.weight, torch.ones(3, 4)), "made anew"
    assert torch.equal(leaf.first.bias, tensors["one.bias"])
    reason = "the checkpoint's is (3, 5), the config asks for (3, 4)"
    assert report.made == {"first.weight": reason} and report.ignored == {"one.weight": reason}
    with pytest.raises(CheckpointError, match=r"scale .*: expected floating point"):
        load_into(on_meta(), disk(scale=torch.zeros(2, dtype=torch.int8)), LEAF, ignore_mismatched_sizes=True)


def test_a_config_that_asks_for_far_more_than_the_checkpoint_has_is_refused_before_it_is_made() -> None:
    with weightless():
        module = Leaf(10**9)
    with pytest.raises(CheckpointError, match=r"12000000\d+ bytes of parameters .* most of them for first\.weight"):
        load_into(module, {"scale": torch.ones(2)}, LEAF, strict=False)
