"""Encoders with heads, of every family: the numbers of the yardstick's models of the same name, and its folders."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import torch.nn.functional as F
import transformers
from draws import Audio, Options, audio, frames_of, label_rows, normal, seeds, token_rows
from families import FAMILIES, Family
from heads import double_loss, name_of, reference_model, twin
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import save_file
from yardstick import examples, randomised, same, same_bits, same_gradients, tensors_in

import speechgraft
from speechgraft.errors import InputError

every_family = pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES)
KINDS = ("Model", "ForCTC", "ForSequenceClassification")
HEADS = {"Model": set(), "ForCTC": {"lm_head"}, "ForSequenceClassification": {"projector", "classifier"}}
MASK_EMBEDDING = "masked_spec_embed"


@contextmanager
def folder() -> Iterator[Path]:
    with TemporaryDirectory() as name:
        yield Path(name) / "checkpoint"


@st.composite
def ctc_options(draw: st.DrawFn, family: Family) -> Options:
    vocab_size = draw(st.integers(3, 9))
    return {
        **draw(family.draw()),
        "vocab_size": vocab_size,
        "pad_token_id": draw(st.integers(0, vocab_size - 1)),
        "final_dropout": draw(st.sampled_from([0.0, 0.5])),
        "ctc_loss_reduction": draw(st.sampled_from(["sum", "mean"])),
        "ctc_zero_infinity": draw(st.booleans()),
    }


@st.composite
def classifier_options(draw: st.DrawFn, family: Family) -> Options:
    return {
        **{name: value for name, value in draw(family.draw()).items() if name != "output_hidden_size"},
        **({"add_adapter": False} if family.config is transformers.Wav2Vec2Config else {}),
        "use_weighted_layer_sum": draw(st.booleans()),
        "classifier_proj_size": draw(st.integers(2, 9)),
        "num_labels": draw(st.integers(1, 4)),
    }


@st.composite
def calls(draw: st.DrawFn, options: Options, batch: Audio) -> dict[str, Any]:
    """What a model is given beside its inputs and labels."""
    given: dict[str, Any] = {"output_hidden_states": True, "output_attentions": True}
    if options["mask_time_prob"] and draw(st.booleans()):
        rows, samples = batch.values.shape
        given["mask_time_indices"] = draw(token_rows(2, rows, frames_of(options, samples))).bool()
    return given


def check_ctc(data: st.DataObject, family: Family) -> None:
    options = data.draw(ctc_options(family))
    batch = data.draw(audio(options))
    reference = reference_model(family, "ForCTC", options, data.draw(seeds))
    ours = twin(reference, batch.padding)
    given = data.draw(calls(options, batch))
    labels = data.draw(label_rows(options, len(batch.values)))
    labels[0, 0] = (options["pad_token_id"] + 1) % options["vocab_size"]  # that there is something to learn from
    with double_loss():
        expected = reference(**batch.inputs, labels=labels, **given)
    if not expected.loss.isfinite():
        with pytest.raises(InputError, match=r"labels of row \d+ need"):
            ours(**batch.inputs, labels=labels, **given)
        return
    found = ours(**batch.inputs, labels=labels, **given)
    for name in expected:
        same(found[name], expected[name], name)
    weight = normal(0, *expected.logits.shape)
    for output in (expected, found):
        (output.loss + (output.logits * weight).mean()).backward()
    same_gradients(ours, ours.weight_map(), reference)


@every_family
@examples(100)
@given(data=st.data())
def test_ctc_is_the_yardsticks(family: Family, data: st.DataObject) -> None:
    check_ctc(data, family)


def check_classification(data: st.DataObject, family: Family) -> None:
    """Over one label the yardstick takes a cross-entropy, which is zero; here it is a regression, as its page says."""
    options = data.draw(classifier_options(family))
    # Over there the frames of squeezed hidden states are masked as if they were not squeezed.
    masked = not options["use_weighted_layer_sum"] or options.get("squeeze_factor", 1) == 1
    batch = data.draw(audio(options, masked=masked))
    reference = reference_model(family, "ForSequenceClassification", options, data.draw(seeds))
    ours = twin(reference, batch.padding)
    given = data.draw(calls(options, batch))
    rows, classes = len(batch.values), options["num_labels"]
    labels = data.draw(token_rows(classes, rows, 1))[:, 0]
    expected, found = reference(**batch.inputs, labels=labels, **given), ours(**batch.inputs, labels=labels, **given)
    loss = expected.loss if classes > 1 else F.mse_loss(expected.logits[:, 0], labels.double())
    same(found.loss, loss, "loss")
    for name in ("logits", "hidden_states", "attentions"):
        same(found[name], expected[name], name)
    for each in (loss, found.loss):
        each.backward()
    same_gradients(ours, ours.weight_map(), reference)


@every_family
@examples(100)
@given(data=st.data())
def test_classification_is_the_yardsticks(family: Family, data: st.DataObject) -> None:
    check_classification(data, family)


@pytest.mark.long
@every_family
@examples(500)
@given(data=st.data())
def test_heads_are_the_yardsticks_in_many_draws(family: Family, data: st.DataObject) -> None:
    check_ctc(data, family)
    check_classification(data, family)


def is_unused(name: str) -> bool:
    """Whether the yardstick has a tensor and, where SEW-D does not attend to distances, no use for it."""
    return name.endswith(
        ("encoder.rel_embeddings.weight", "encoder.encoder.LayerNorm.weight", "encoder.LayerNorm.bias")
    )


@st.composite
def options_of(draw: st.DrawFn, family: Family, kind: str) -> Options:
    if kind == "Model":
        return draw(family.draw())
    return draw(ctc_options(family) if kind == "ForCTC" else classifier_options(family))


@every_family
@examples(30)
@given(kind=st.sampled_from(KINDS), data=st.data())
def test_what_transformers_writes_loads_here(family: Family, kind: str, data: st.DataObject) -> None:
    options = data.draw(options_of(family, kind))
    reference = reference_model(family, kind, options, data.draw(seeds))
    with folder() as place:
        reference.save_pretrained(place)
        ours = getattr(speechgraft, name_of(family, kind)).from_pretrained(place)
        on_disk = tensors_in(place)
    report = ours.load_report
    assert not report.missing and not report.unexpected and not report.unknown_config_keys
    assert all(is_unused(name) for name in report.ignored)
    assert set(report.made) <= {"encoder.features.spec_augment.embedding"}
    used = [name for name in on_disk if name not in report.ignored]
    same_bits(ours.weight_map().to_disk(ours.state_dict()), on_disk, used)
    x = data.draw(audio(options, masked=False)).values
    same(ours(x)[0], reference(x)[0], "the first output")


@every_family
@examples(30)
@given(kind=st.sampled_from(KINDS), data=st.data())
def test_what_we_write_loads_in_transformers(family: Family, kind: str, data: st.DataObject) -> None:
    options = data.draw(options_of(family, kind))
    ours = twin(reference_model(family, kind, options, data.draw(seeds)), "exact")
    with folder() as place:
        ours.save_pretrained(place)
        reference, info = getattr(transformers, name_of(family, kind)).from_pretrained(
            place, attn_implementation="eager", output_loading_info=True
        )
    # Over there the vector that masked frames become is missing where the config masks none.
    surplus = {name for name in info["unexpected_keys"] if name.endswith(MASK_EMBEDDING)}
    assert set(info["unexpected_keys"]) == surplus and bool(surplus) == (not options["mask_time_prob"])
    assert all(is_unused(name) for name in info["missing_keys"])
    assert not info["mismatched_keys"] and not info["error_msgs"]
    x = data.draw(audio(options, masked=False)).values
    same(ours(x)[0], reference(x)[0], "the first output")


@every_family
@examples(15)
@given(kind=st.sampled_from(KINDS), written=st.sampled_from(KINDS), data=st.data())
def test_a_checkpoint_of_one_model_serves_the_others(
    family: Family, kind: str, written: str, data: st.DataObject
) -> None:
    """The encoder is taken, a head that is not there is made, one that has no place is left out."""
    options = {**data.draw(ctc_options(family)), "num_labels": 3}
    options = {name: value for name, value in options.items() if name not in {"add_adapter", "output_hidden_size"}}
    reference = reference_model(family, written, options, data.draw(seeds))
    with folder() as place:
        reference.save_pretrained(place)
        ours = getattr(speechgraft, name_of(family, kind)).from_pretrained(place)
    report = ours.load_report
    assert not report.missing and not report.unexpected
    new = {name.split(".")[0] for name in report.made if not name.startswith("encoder.")}
    left = {name.split(".")[0] for name in report.ignored if not is_unused(name)}
    other = written != kind
    assert (new, left) == ((HEADS[kind], HEADS[written]) if other else (set(), set()))
    x = data.draw(audio(options, masked=False)).values
    base = reference if written == "Model" else reference.base_model
    same(ours.encoder(x).last_hidden_state, base(x).last_hidden_state, "last hidden state")


def adapted(data: st.DataObject) -> tuple[Options, Any]:
    """A wav2vec2 with adapters in its layers, the one family over there that can load them."""
    options = {**data.draw(FAMILIES["wav2vec2"].draw()), "do_stable_layer_norm": True, "adapter_attn_dim": 3}
    # A head that is exchanged for one of another size is as wide as `output_hidden_size` says, adapter or none.
    options = {name: value for name, value in options.items() if name not in {"add_adapter", "output_hidden_size"}}
    options["vocab_size"] = 7
    return options, reference_model(FAMILIES["wav2vec2"], "ForCTC", options, data.draw(seeds))


@examples(20)
@given(data=st.data())
def test_adapters_that_transformers_saves_load_here(data: st.DataObject) -> None:
    options, reference = adapted(data)
    x = data.draw(audio(options, masked=False)).values
    with folder() as place:
        reference.save_pretrained(place)
        plain = reference(x).logits
        randomised(reference, 3)
        tensors = {key: value.contiguous() for key, value in reference._get_adapters().items()}
        save_file(tensors, place / "adapter.fra.safetensors", metadata={"format": "pt"})
        there = type(reference).from_pretrained(place, target_lang="fra", attn_implementation="eager")
        ours = speechgraft.Wav2Vec2ForCTC.from_pretrained(place, target_lang="fra")
        later = speechgraft.Wav2Vec2ForCTC.from_pretrained(place)
        same(later(x).logits, plain, "without the language")
        later.load_adapter("fra")
    for model in (ours, later):
        same(model(x).logits, there(x).logits, "with the language")


@examples(20)
@given(data=st.data(), tokens=st.sampled_from([7, 11]))
def test_adapters_that_we_save_load_in_transformers(data: st.DataObject, tokens: int) -> None:
    options, reference = adapted(data)
    other = reference_model(FAMILIES["wav2vec2"], "ForCTC", {**options, "vocab_size": tokens}, 3)
    x = data.draw(audio(options, masked=False)).values
    with folder() as place:
        twin(reference).save_pretrained(place)
        twin(other).save_adapter(place, "fra")
        there = type(reference).from_pretrained(place, target_lang="fra", attn_implementation="eager")
        ours = speechgraft.Wav2Vec2ForCTC.from_pretrained(place, target_lang="fra")
    assert ours.config.vocab_size == there.config.vocab_size == tokens
    same(ours(x).logits, there(x).logits, "logits")
