"""Language models alone: the numbers and tokens of the yardstick's models of the same name, and its folders."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

import pytest
import torch
from draws import Options, decoder_inputs, normal, seeds, token_rows
from families import DECODERS, DecoderFamily
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from yardstick import examples, randomised, same, same_bits, same_gradients, tensors_in

import speechgraft

every_decoder = pytest.mark.parametrize("family", DECODERS.values(), ids=DECODERS)
PARTS = ("logits", "hidden_states", "attentions")


@contextmanager
def double_loss() -> Iterator[None]:
    """The yardstick takes its loss in float32; for a while, in the logits' type."""
    with patch.object(Tensor, "float", lambda self: self):
        yield


@st.composite
def options_of(draw: st.DrawFn, family: DecoderFamily) -> Options:
    """What a config of a language model is made of, with cross-attention or without."""
    options = draw(family.draw())
    if family.name == "bert":
        options["is_decoder"] = True
    return {**options, "add_cross_attention": family.name == "bart" or draw(st.booleans())}


def reference_of(family: DecoderFamily, options: Options, seed: int) -> Any:
    return randomised(family.model(family.config(**options, attn_implementation="eager")), seed)


@contextmanager
def exchanged(reference: Any) -> Iterator[tuple[Any, Path]]:
    """Ours, of the folder that the yardstick wrote."""
    with TemporaryDirectory() as name:
        reference.save_pretrained(name)
        yield getattr(speechgraft, type(reference).__name__).from_pretrained(name), Path(name)


@st.composite
def memories(draw: st.DrawFn, options: Options, width: int, rows: int) -> dict[str, Tensor]:
    """What is attended to, now and then; a mask with gaps in which something counts."""
    if not options["add_cross_attention"] or draw(st.booleans()):
        return {}
    frames = draw(st.integers(1, 6))
    memory = {"encoder_hidden_states": normal(draw(seeds), rows, frames, width)}
    if draw(st.booleans()):
        memory["encoder_attention_mask"] = draw(token_rows(2, rows, frames))
        memory["encoder_attention_mask"][:, 0] = 1
    return memory


def check_numbers(data: st.DataObject, family: DecoderFamily) -> None:
    options = data.draw(options_of(family))
    reference = reference_of(family, options, data.draw(seeds))
    rows = data.draw(st.integers(1, 3))
    inputs = data.draw(decoder_inputs(options, rows, name=family.name))
    if "position_ids" in inputs:  # over there, positions without a mask tell of texts side by side in one row
        inputs.setdefault("attention_mask", torch.ones_like(inputs["input_ids"]))
    inputs |= data.draw(memories(options, reference.config.hidden_size, rows))
    shown = {"output_hidden_states": True, "output_attentions": True, "use_cache": False}
    with exchanged(reference) as (ours, _):
        expected, found = reference(**inputs, **shown), ours(**inputs, **shown)
        for name in (*PARTS, *(["cross_attentions"] if "encoder_hidden_states" in inputs else [])):
            same(found[name], expected[name], name)
        labels = data.draw(token_rows(options["vocab_size"], rows, inputs["input_ids"].shape[1]))
        if data.draw(st.booleans()) and labels.shape[1] > 2:
            labels[0, 2:] = -100
        if labels.shape[1] == 1 and ours.shifts_labels:
            return  # nothing follows on a single token
        with double_loss():
            expected, found = reference(**inputs, labels=labels), ours(**inputs, labels=labels)
        same(found.loss, expected.loss, "loss")
        expected.loss.backward()
        found.loss.backward()
        same_gradients(ours, ours.weight_map(), reference)


@every_decoder
@examples(12)
@given(data=st.data())
def test_logits_states_losses_and_gradients_are_the_yardsticks(family: DecoderFamily, data: st.DataObject) -> None:
    check_numbers(data, family)


@every_decoder
@examples(8)
@given(data=st.data())
def test_the_yardstick_reads_what_is_saved_here(family: DecoderFamily, data: st.DataObject) -> None:
    options = data.draw(options_of(family))
    reference = reference_of(family, options, data.draw(seeds))
    with exchanged(reference) as (ours, folder):
        before = tensors_in(folder)
        if not options["tie_word_embeddings"]:
            before.pop("cls.predictions.bias", None)  # BERT's output layer has one of its own then
        ours.save_pretrained(folder)
        same_bits(tensors_in(folder), before)
        again, told = type(reference).from_pretrained(folder, output_loading_info=True, dtype=torch.float64)
        assert not told["missing_keys"] and not told["unexpected_keys"]
        same_bits(dict(again.state_dict()), before)
        assert again.config.architectures == [type(reference).__name__]


@every_decoder
@examples(8)
@given(data=st.data())
def test_the_cache_changes_nothing(family: DecoderFamily, data: st.DataObject) -> None:
    options = data.draw(options_of(family))
    reference = reference_of(family, options, data.draw(seeds))
    ids = data.draw(token_rows(options["vocab_size"], 2, 6))
    memory = data.draw(memories(options, reference.config.hidden_size, 2))
    with exchanged(reference) as (ours, _), torch.no_grad():
        whole = ours(ids, **memory, use_cache=False).logits
        first = ours(ids[:, :4], **memory, use_cache=True)
        # As the yardstick's loops do it, the memory comes along in each call.
        rest = ours(ids[:, 4:], **memory, past_key_values=first.past_key_values)
    same(torch.cat([first.logits, rest.logits], dim=1), whole, "logits")


def check_tokens(data: st.DataObject, family: DecoderFamily) -> None:
    options = data.draw(options_of(family))
    # Token 0 is no padding to beam search over there, which then fills rows with the end token.
    end, pad = data.draw(st.lists(st.integers(1, options["vocab_size"] - 1), min_size=2, max_size=2, unique=True))
    options |= {"pad_token_id": pad, "eos_token_id": end, "bos_token_id": 0, "forced_eos_token_id": None}
    if family.name != "bart":
        del options["forced_eos_token_id"]
    reference = reference_of(family, options, data.draw(seeds))
    rows, width = data.draw(st.integers(1, 3)), data.draw(st.integers(1, 4))
    ids = data.draw(token_rows(options["vocab_size"], rows, width))
    padding = [data.draw(st.integers(0, width - 1)) for _ in range(rows)]
    mask = torch.stack([(torch.arange(width) >= count).long() for count in padding])
    ids = torch.where(mask.bool(), ids, pad)
    memory = data.draw(memories(options, reference.config.hidden_size, rows))
    beams = data.draw(st.sampled_from([1, 1, 3]))
    asked = {"max_length": 14, "num_beams": beams, "attention_mask": mask, **memory}
    with exchanged(reference) as (ours, _):
        # Over there, the cache of a decoder alone keeps the memory's keys among those of the tokens.
        expected = reference.generate(ids, **asked, use_cache=not memory)
        found = ours.generate(ids, **asked)
        assert found.tolist() == expected.tolist()
        uncached = ours.generate(ids, **asked, use_cache=False)
        assert uncached.tolist() == expected.tolist()


@every_decoder
@examples(8)
@given(data=st.data())
def test_prompts_are_continued_as_by_the_yardstick(family: DecoderFamily, data: st.DataObject) -> None:
    check_tokens(data, family)


@pytest.mark.long
@every_decoder
@examples(500)
@given(data=st.data())
def test_numbers_and_tokens_over_many_configs(family: DecoderFamily, data: st.DataObject) -> None:
    (check_numbers if data.draw(st.booleans()) else check_tokens)(data, family)
