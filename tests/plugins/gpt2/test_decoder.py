"""What GPT-2 does of its own: first values, scales, upcasting, and checkpoints in every spelling."""

from __future__ import annotations

import math

import pytest
import torch

from speechgraft import GPT2Config
from speechgraft.checkpoint import load_into, materialise
from speechgraft.errors import CheckpointError, ConfigError, InputError
from speechgraft.nn.attention import CrossAttention
from speechgraft.plugins.bert.config import BertConfig
from speechgraft.plugins.gpt2.decoder import GPT2Decoder
from speechgraft.plugins.gpt2.weights import weight_map

TINY = {"vocab_size": 23, "n_positions": 16, "n_embd": 12, "n_layer": 2, "n_head": 3}
IDS = torch.tensor([[3, 1, 4, 1], [5, 9, 2, 6]])


def empty(**options):
    with torch.device("meta"):
        return GPT2Decoder(GPT2Config(**{**TINY, **options}))


def make(**options):
    torch.manual_seed(0)
    return materialise(empty(**options)).eval()


def memory(seed=0, size=12):
    return torch.randn(2, 5, size, generator=torch.Generator().manual_seed(seed))


def on_disk(decoder, *, without=()):
    tensors = weight_map(decoder.config).to_disk(decoder.state_dict())
    return {name: tensor for name, tensor in tensors.items() if not any(part in name for part in without)}


def test_new_weights_are_smaller_where_results_are_added_up():
    decoder = make(n_embd=120, n_layer=3, n_inner=160, initializer_range=0.3)
    adding = 0.3 / math.sqrt(6)
    for layer in decoder.stack.layers:
        for linear, std in (
            (layer.self_attention.query, 0.3),
            (layer.self_attention.output, adding),
            (layer.cross_attention.key, 0.3),
            (layer.cross_attention.output, adding),
            (layer.feed_forward.inner, 0.3),
            (layer.feed_forward.outer, adding),
        ):
            assert float(linear.weight.detach().std()) == pytest.approx(std, rel=0.05)
            assert not linear.bias.any()
    assert float(decoder.embeddings.position.weight.detach().std()) == pytest.approx(0.3, rel=0.1)


def test_cross_attention_that_begins_as_zero_says_nothing_and_the_rest_begins_as_ever():
    zero, normal = make(cross_attention_init="zero"), make()
    assert torch.equal(zero(IDS, memory=memory()).logits, zero(IDS).logits)
    assert not torch.equal(normal(IDS, memory=memory()).logits, normal(IDS).logits)
    for layer in zero.stack.layers:
        assert not layer.cross_attention.output.weight.any()
        assert layer.cross_attention.value.weight.any() and layer.self_attention.output.weight.any()
    zero.load_state_dict(normal.state_dict())
    assert torch.equal(zero(IDS, memory=memory()).logits, normal(IDS, memory=memory()).logits)


def test_bert_does_not_offer_it():
    with pytest.raises(ConfigError, match=r"\$.cross_attention_init: .*gpt2 has this option"):
        BertConfig(cross_attention_init="zero")


@pytest.mark.parametrize(
    ("options", "scales"),
    [
        ({}, [0.5, 0.5, 0.5]),
        ({"scale_attn_weights": False}, [1.0, 1.0, 1.0]),
        ({"scale_attn_by_inverse_layer_idx": True}, [0.5, 0.25, 0.5 / 3]),
        ({"scale_attn_by_inverse_layer_idx": True, "scale_attn_weights": False}, [1.0, 0.5, 1 / 3]),
    ],
)
def test_scores_are_scaled_as_the_config_says(options, scales):
    decoder = empty(n_layer=3, **options)
    for name in ("self_attention", "cross_attention"):
        assert [getattr(layer, name).scale for layer in decoder.stack.layers] == pytest.approx(scales)


def test_upcast_attention_is_that_of_the_wider_type():
    """In bfloat16 its weights are those of float32 scores; in float32 it changes nothing."""
    torch.manual_seed(0)
    plain = CrossAttention(12, 3, memory_size=12)
    wide = CrossAttention(12, 3, memory_size=12, upcast=True)
    wide.load_state_dict(plain.state_dict())
    hidden = torch.randn(2, 4, 12)
    torch.testing.assert_close(wide(hidden, memory())[0], plain(hidden, memory())[0])
    half, hidden = wide.bfloat16(), hidden.bfloat16()
    _, weights = half(hidden, memory().bfloat16(), need_weights=True)
    assert weights.dtype == torch.bfloat16
    query, key = (
        each.float().unflatten(-1, (3, 4)).mT.mT for each in (half.query(hidden), half.key(memory().bfloat16()))
    )
    expected = (torch.einsum("bqhd,bkhd->bhqk", query, key) / 2).softmax(dim=-1).bfloat16()
    assert torch.equal(weights, expected)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        _, under = wide.float()(hidden.float(), memory(), need_weights=True)
    torch.testing.assert_close(under.bfloat16(), expected, atol=2e-2, rtol=0)


@pytest.mark.parametrize("tied", [True, False])
def test_files_load_with_the_prefix_or_without_and_with_the_constants_of_older_ones(tied):
    decoder = make(tie_word_embeddings=tied)
    disk = on_disk(decoder)
    assert ("lm_head.weight" in disk) != tied
    bare = {name.removeprefix("transformer."): tensor for name, tensor in disk.items()}
    bare |= {f"h.{i}.attn.{name}": torch.ones(1) for i in range(2) for name in ("bias", "masked_bias")}
    again = empty(tie_word_embeddings=tied)
    report = load_into(again, bare, weight_map(again.config))
    assert set(report.ignored) == {name for name in bare if name.endswith((".attn.bias", ".masked_bias"))}
    assert not report.made
    assert torch.equal(again.eval()(IDS, memory=memory()).logits, decoder(IDS, memory=memory()).logits)


def test_a_tied_output_layer_in_the_file_stands_for_the_embedding_or_is_left_out():
    decoder = make()
    disk = on_disk(decoder)
    words = disk["transformer.wte.weight"]
    report = load_into(empty(), {**disk, "lm_head.weight": words}, weight_map(decoder.config))
    assert set(report.ignored) == {"lm_head.weight"}
    del disk["transformer.wte.weight"]
    again = empty()
    load_into(again, {**disk, "lm_head.weight": words}, weight_map(decoder.config))
    assert torch.equal(again.embeddings.word.weight, words)


def test_a_language_model_without_cross_attention_gets_it_and_the_report_says_so():
    decoder = make()
    again = empty()
    report = load_into(again, on_disk(decoder, without=("cross",)), weight_map(again.config))
    assert set(report.made) == {name for name in again.state_dict() if "cross_attention" in name}
    assert set(report.made.values()) == {"injected: GPT-2 was pretrained without cross-attention"}
    assert torch.equal(again.eval()(IDS).logits, decoder(IDS).logits)


def test_matrices_lie_transposed_and_side_by_side():
    decoder = make(n_inner=7, cross_attention_hidden_size=5)
    disk = on_disk(decoder)
    layer = decoder.stack.layers[1]
    assert disk["transformer.h.1.attn.c_attn.weight"].shape == (12, 36)
    assert disk["transformer.h.1.crossattention.c_attn.weight"].shape == (5, 24)
    assert disk["transformer.h.1.mlp.c_fc.weight"].shape == (12, 7)
    assert torch.equal(disk["transformer.h.1.attn.c_attn.weight"][:, 12:24], layer.self_attention.key.weight.T)
    assert torch.equal(disk["transformer.h.1.attn.c_attn.bias"][24:], layer.self_attention.value.bias)
    assert decoder.memory_size == 5
    assert decoder(IDS, memory=memory(size=5)).logits.shape == (2, 4, 23)


def test_a_missing_tensor_is_named_as_it_is_on_disk():
    disk = on_disk(make())
    del disk["transformer.h.1.mlp.c_fc.weight"]
    decoder = empty()
    with pytest.raises(CheckpointError, match=r"missing \(1\): transformer\.h\.1\.mlp\.c_fc\.weight"):
        load_into(decoder, disk, weight_map(decoder.config))


def test_types_of_tokens_are_tokens_that_are_added():
    decoder = make()
    types = torch.tensor([[2, 2, 7, 7], [0, 0, 0, 0]])
    expected = decoder(inputs_embeds=decoder.embed(IDS) + decoder.embed(types), memory=memory()).logits
    torch.testing.assert_close(decoder(IDS, memory=memory(), token_type_ids=types).logits, expected)


def test_positions_count_masked_tokens_too_and_go_on_behind_the_cache():
    decoder = make()
    mask = torch.tensor([[0, 0, 1, 1], [1, 1, 1, 1]])
    places = torch.arange(4).expand(2, 4)
    found = decoder(IDS, mask, memory=memory()).logits
    assert torch.equal(found, decoder(IDS, mask, memory=memory(), position_ids=places).logits)
    cache = decoder.new_cache()
    decoder(IDS[:, :3], mask[:, :3], memory=memory(), cache=cache)
    torch.testing.assert_close(decoder(IDS[:, 3:], mask, cache=cache).logits[:, 0], found[:, 3])


def test_nothing_to_decode_is_an_error():
    with pytest.raises(InputError, match="pass input_ids or inputs_embeds"):
        make()(memory=memory())
