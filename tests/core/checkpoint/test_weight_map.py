"""A weight map's table runs in both directions and says what it does not know."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from speechgraft.checkpoint import WeightMap, duplicate, fallback, old_spelling, rename, split, transpose
from speechgraft.errors import CheckpointError, PluginError

TABLE = WeightMap(
    [
        rename("toy.embed.weight", "embedding.weight"),
        rename("toy.layers.{i}.norm.{p}", "layers.{i}.norm.{p}"),
        transpose("toy.layers.{i}.mlp.weight", "layers.{i}.inner.weight"),
        split(
            "toy.layers.{i}.qkv.weight",
            [f"layers.{{i}}.{part}.weight" for part in ("query", "key", "value")],
            dim=1,
            transposed=True,
        ),
        split("toy.layers.{i}.qkv.bias", [f"layers.{{i}}.{part}.bias" for part in ("query", "key", "value")]),
        old_spelling("{rest}.norm.gamma", "{rest}.norm.weight"),
    ],
    ignored=[("toy.pooler.{rest}", "no pooler here")],
    fresh=[("layers.{i}.cross.{rest}", "injected")],
    prefix="toy.",
)


def tensors(layers: int, width: int) -> dict[str, Tensor]:
    """Random tensors under our names."""
    ours = {"embedding.weight": torch.randn(7, width)}
    for index in range(layers):
        ours[f"layers.{index}.norm.weight"] = torch.randn(width)
        ours[f"layers.{index}.inner.weight"] = torch.randn(3, width)
        for part in ("query", "key", "value"):
            ours[f"layers.{index}.{part}.weight"] = torch.randn(width, width)
            ours[f"layers.{index}.{part}.bias"] = torch.randn(width)
    return ours


def same(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


@given(st.integers(0, 12), st.integers(1, 4), st.sampled_from(["", "encoder.", "a.b."]))
def test_to_disk_and_back_is_the_identity(layers: int, width: int, prefix: str) -> None:
    table = TABLE.nested(prefix)
    ours = {prefix + name: tensor for name, tensor in tensors(layers, width).items()}
    disk = table.to_disk(ours)
    assert all(name.startswith(f"{prefix}toy.") for name in disk)
    mapped = table.to_ours(disk)
    assert same(mapped.tensors, ours) and mapped.ignored == {} and mapped.unexpected == ()


@given(st.integers(1, 3), st.booleans())
def test_names_may_carry_the_prefix_or_not_and_have_old_spellings(layers: int, old: bool) -> None:
    ours = tensors(layers, 2)
    disk = {name.removeprefix("toy."): tensor for name, tensor in TABLE.to_disk(ours).items()}
    if old:
        disk = {name.replace("norm.weight", "norm.gamma"): tensor for name, tensor in disk.items()}
    assert same(TABLE.to_ours(disk).tensors, ours)


def test_a_prefix_that_the_rows_lack_is_read_and_written_on_request() -> None:
    rows = [rename("a.{p}", "b.{p}")]
    tensor = torch.zeros(1)
    for writes, name in ((None, "a.w"), (True, "toy.a.w"), (False, "a.w")):
        table = WeightMap(rows, prefix="toy.", writes_prefix=writes)
        assert list(table.to_disk({"b.w": tensor})) == [name] and table.name_on_disk("b.w") == name
        assert list(table.to_ours({"toy.a.w": tensor}).tensors) == ["b.w"]
    assert list(WeightMap([rename("toy.a", "b")], prefix="toy.", writes_prefix=False).to_disk({"b": tensor})) == ["a"]


def test_what_is_known_is_left_out_with_a_reason_and_what_is_not_is_named() -> None:
    mapped = TABLE.to_ours(
        {"toy.pooler.dense.weight": torch.zeros(1), "pooler.x": torch.zeros(1), "else": torch.zeros(1)}
    )
    assert mapped.tensors == {}
    assert mapped.ignored == {"toy.pooler.dense.weight": "no pooler here", "pooler.x": "no pooler here"}
    assert mapped.unexpected == ("else",)


def test_a_joined_map_gives_each_part_its_own() -> None:
    joined = WeightMap.join(
        TABLE.nested("encoder."), TABLE.nested("decoder."), WeightMap([rename("proj.{p}", "projection.{p}")])
    )
    ours = {f"{part}.{name}": tensor for part in ("encoder", "decoder") for name, tensor in tensors(1, 2).items()}
    ours["projection.bias"] = torch.randn(2)
    assert same(joined.to_ours(joined.to_disk(ours)).tensors, ours)
    assert joined.name_on_disk("decoder.embedding.weight") == "decoder.toy.embed.weight"
    assert joined.fresh_reason("decoder.layers.3.cross.key.bias") == "injected"
    assert joined.fresh_reason("decoder.layers.3.key.bias") is joined.fresh_reason("layers.3.cross.key.bias") is None


def test_two_names_of_one_tensor_are_refused() -> None:
    with pytest.raises(CheckpointError, match=r"toy.layers.0.norm.gamma and toy.layers.0.norm.weight are two names"):
        TABLE.to_ours({"toy.layers.0.norm.weight": torch.zeros(1), "toy.layers.0.norm.gamma": torch.zeros(1)})


def test_a_tensor_that_cannot_be_split_is_refused() -> None:
    with pytest.raises(CheckpointError, match=r"toy.layers.0.qkv.bias: shape \(4,\) cannot be split into 3"):
        TABLE.to_ours({"toy.layers.0.qkv.bias": torch.zeros(4)})


def test_mistakes_in_a_table_or_in_what_is_written_are_named() -> None:
    with pytest.raises(PluginError, match="different placeholders"):
        rename("a.{i}", "b.{p}")
    with pytest.raises(PluginError, match="placeholder 'layer'"):
        rename("a.{layer}", "b.{layer}")
    with pytest.raises(PluginError, match="no row knows our c"):
        TABLE.to_disk({"c": torch.zeros(1)})
    with pytest.raises(PluginError, match=r"needs layers.0.key.bias, layers.0.value.bias beside layers.0.query.bias"):
        TABLE.to_disk({"layers.0.query.bias": torch.zeros(1)})
    assert TABLE.name_on_disk("c") is None


def test_a_duplicate_is_written_beside_and_read_where_the_first_is_not_there() -> None:
    table = WeightMap([rename("head.decoder.bias", "head.bias"), duplicate("head.bias", "head.bias")], prefix="toy.")
    nested = table.nested("decoder.")
    bias, other = torch.ones(3), torch.zeros(3)
    disk = nested.to_disk({"decoder.head.bias": bias})
    assert sorted(disk) == ["decoder.head.bias", "decoder.head.decoder.bias"]
    assert all(torch.equal(tensor, bias) for tensor in disk.values())
    assert len({tensor.data_ptr() for tensor in disk.values()}) == 2, "files hold no tensor twice"
    for first, second in (("head.decoder.bias", "head.bias"), ("head.bias", "head.decoder.bias")):
        both = {f"decoder.{first}": other, f"decoder.{second}": other, "decoder.head.decoder.bias": bias}
        mapped = nested.to_ours(both)
        assert mapped.tensors["decoder.head.bias"] is bias, "whichever comes first in the file"
        assert list(mapped.ignored) == ["decoder.head.bias"]
    assert nested.to_ours({"decoder.head.bias": other}).tensors["decoder.head.bias"] is other
    assert nested.name_on_disk("decoder.head.bias") == "decoder.head.decoder.bias"


def test_fallbacks_are_read_in_the_order_of_their_rows_and_never_written() -> None:
    rows = [rename("words", "embed"), fallback("shared", "embed"), fallback("head", "embed")]
    nested = WeightMap(rows, prefix="toy.").nested("decoder.")
    tensors = {name: torch.randn(1) for name in ("head", "shared", "words")}
    while tensors:
        first = next(name for name in ("words", "shared", "head") if name in tensors)
        for order in (sorted(tensors), sorted(tensors, reverse=True)):
            mapped = nested.to_ours({f"decoder.toy.{name}": tensors[name] for name in order})
            assert mapped.tensors == {"decoder.embed": tensors[first]}
            others = tensors.keys() - {first}
            assert mapped.ignored == {f"decoder.toy.{name}": f"decoder.toy.{first} stands for it" for name in others}
        del tensors[first]
    assert list(nested.to_disk({"decoder.embed": torch.zeros(1)})) == ["decoder.words"]
    assert nested.name_on_disk("decoder.embed") == "decoder.words"


def test_a_part_may_be_called_otherwise_on_disk_and_write_its_prefix() -> None:
    table = WeightMap([rename("norm.{p}", "norm.{p}")], prefix="toy.", fresh=[("norm.bias", "may lack")])
    part = table.nested("encoder.", on_disk="").with_prefix()
    weight = torch.zeros(1)
    assert list(part.to_disk({"encoder.norm.weight": weight})) == ["toy.norm.weight"]
    for name in ("toy.norm.weight", "norm.weight"):
        assert list(part.to_ours({name: weight}).tensors) == ["encoder.norm.weight"]
    assert part.to_ours({"encoder.norm.weight": weight}).unexpected == ("encoder.norm.weight",)
    assert part.fresh_reason("encoder.norm.bias") == "may lack"
    deeper = part.nested("pair.")
    assert list(deeper.to_disk({"pair.encoder.norm.weight": weight})) == ["pair.toy.norm.weight"]
    assert list(table.to_disk({"norm.weight": weight})) == ["norm.weight"], "the map itself is as it was"
