"""BERT alone with its pooler: the numbers of the yardstick's model, and its folders."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
import transformers
from draws import seeds
from hypothesis import given
from hypothesis import strategies as st
from text import encoders, texts
from yardstick import examples, randomised, same, same_bits, same_gradients, tensors_in

from speechgraft import BertModel


def reference_of(options: dict[str, Any], seed: int, *, pooled: bool = True) -> Any:
    config = transformers.BertConfig(**options, attn_implementation="eager")
    return randomised(transformers.BertModel(config, add_pooling_layer=pooled), seed)


@examples(20)
@given(data=st.data(), pooled=st.booleans(), seed=seeds)
def test_states_and_gradients_are_the_yardsticks(data: st.DataObject, pooled: bool, seed: int) -> None:
    options = data.draw(encoders(least=1))  # over there, one without layers shows no states
    inputs = data.draw(texts(options))
    reference = reference_of(options, seed, pooled=pooled)
    with TemporaryDirectory() as folder:
        reference.save_pretrained(folder)
        ours = BertModel.from_pretrained(folder, add_pooling_layer=pooled)
        ours.save_pretrained(Path(folder) / "ours")
        same_bits(tensors_in(Path(folder) / "ours"), tensors_in(Path(folder)))
    shown = {"output_hidden_states": True, "output_attentions": True}
    expected, found = reference(**inputs, **shown), ours(**inputs, **shown)
    for name in ("last_hidden_state", "hidden_states", "attentions"):
        same(found[name], expected[name], name)
    if pooled:
        same(found[1], expected.pooler_output, "pooler_output")
    assert ("pooler_output" in found) == pooled
    for output in (expected, found):
        (output.pooler_output if pooled else output.last_hidden_state).square().mean().backward()
    same_gradients(ours, ours.weight_map(), reference)


def test_a_checkpoint_without_pooler_gets_one_and_says_so(tmp_path: Path) -> None:
    reference_of({"vocab_size": 9, "hidden_size": 8, "num_attention_heads": 2}, 1, pooled=False).save_pretrained(
        tmp_path
    )
    ours = BertModel.from_pretrained(tmp_path)
    assert ours.load_report is not None
    assert ours.load_report.made == dict.fromkeys(["pooler.weight", "pooler.bias"], "the checkpoint has no pooler")
    assert ours(torch.tensor([[1, 2]])).pooler_output.shape == (1, 8)
