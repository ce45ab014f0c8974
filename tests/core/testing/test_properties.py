"""Each property fails where it is broken, and says so: the name, the entries, what was found, where to look."""

from __future__ import annotations

from inspect import signature
from typing import Any

import pytest
import torch
from attrs import evolve
from hypothesis import strategies as st

from speechgraft import bridge, losses
from speechgraft.checkpoint import write_tensors
from speechgraft.errors import PluginError
from speechgraft.nn.cache import DecoderCache, SelfStore
from speechgraft.nn.init import init_common
from speechgraft.nn.masks import both
from speechgraft.nn.speech import context
from speechgraft.nn.speech.front_end import ConvFrontEnd, TimeNorm
from speechgraft.nn.speech.positions import ConvPositions
from speechgraft.plugins.bert import decoder as bert
from speechgraft.plugins.gpt2 import decoder as gpt2
from speechgraft.registry import Catalog, default_catalog
from speechgraft.testing import PROPERTIES, Property, Trial, cases
from speechgraft.testing.case import Case
from speechgraft.testing.strategies import make_batch
from speechgraft.testing.table import Drawn

CATALOG = default_catalog()
ENTRIES = {
    "encoder": (CATALOG.encoder("wav2vec2"),),
    "decoder": (CATALOG.decoder("bert"),),
    "pair": (CATALOG.encoder("wav2vec2"), CATALOG.decoder("bert")),
}


plain_shift = losses.shift_right
plain_fold = TimeNorm.fold


def longer(front_end: ConvFrontEnd, lengths: Any) -> Any:
    """One frame too many."""
    for shape in front_end.shapes:
        lengths = shape.output_length(lengths)
    return lengths + 1


def leaky_norm(norm: TimeNorm, conv: torch.nn.Conv1d, x: torch.Tensor, lengths: torch.Tensor | None = None) -> Any:
    """Statistics that count the padding."""
    return plain_fold(norm, conv, x)


def noisy(x: torch.Tensor) -> torch.Tensor:
    """An activation that is random in eval mode too."""
    return x + torch.rand_like(x)


def without_mean(logits: torch.Tensor, labels: torch.Tensor, count: Any) -> torch.Tensor:
    """A mean over the labels of the call, whatever the count."""
    return torch.nn.functional.cross_entropy(logits.flatten(0, 1), labels.flatten(), ignore_index=-100)


def shifted_twice(labels: torch.Tensor, *, start: int, pad: int) -> torch.Tensor:
    """Labels shifted two places."""
    return plain_shift(plain_shift(labels, start=start, pad=pad), start=start, pad=pad)


def lost(options: Any, destinations: Any, *, unprefixed: str) -> Any:
    """Options that are taken and dropped."""
    return {part: {} for part in destinations}


def forgetful(self: DecoderCache, rows: torch.Tensor) -> None:
    """A cache that stays as it was."""


def uncropped(self: SelfStore, length: int) -> None:
    """A store that remembers too much."""


# What is broken, how, and in which property of what it must show.
SABOTAGE = {
    "frames are promised that do not come": (ConvFrontEnd, "output_lengths", longer, "P02_lengths", "encoder"),
    "the norm over time counts padding": (TimeNorm, "fold", leaky_norm, "P03_batch_invariance", "encoder"),
    "padding reaches the norm": (TimeNorm, "fold", leaky_norm, "P04_mask", "encoder"),
    "padding reaches the memory": (TimeNorm, "fold", leaky_norm, "P03_batch_invariance", "pair"),
    "the encoder attends to padding": (context, "key_mask", lambda mask: None, "P03_batch_invariance", "encoder"),
    "masked tokens are attended to": (bert, "both", lambda one, other: one, "P04_mask", "decoder"),
    "later tokens are seen": (bert, "both", lambda one, other: both(None, other), "P05_causality", "decoder"),
    "the cache is not reordered": (DecoderCache, "reorder", forgetful, "P06_cache", "decoder"),
    "the cache is not cropped": (SelfStore, "crop", uncropped, "P06_cache", "decoder"),
    "the loss is a mean of its own": (losses, "cross_entropy", without_mean, "P08_loss", "pair"),
    "labels are shifted twice": (losses, "shift_right", shifted_twice, "P08_loss", "pair"),
    "options go nowhere": (bridge, "route", lost, "P09_routing", "pair"),
    "finished rows mix": (DecoderCache, "keep_rows", forgetful, "P11_search", "pair"),
    "beams keep another's history": (DecoderCache, "reorder", forgetful, "P11_search", "pair"),
    "eval mode is random": (torch.nn.LayerNorm, "forward", lambda self, x: noisy(x), "P12_determinism", "decoder"),
}


@pytest.mark.parametrize(("owner", "name", "broken", "claim", "kind"), SABOTAGE.values(), ids=SABOTAGE)
def test_a_broken_part_is_found(monkeypatch, owner, name, broken, claim, kind):
    monkeypatch.setattr(owner, name, broken)
    with pytest.raises(AssertionError) as caught:
        PROPERTIES[claim].run(*ENTRIES[kind], examples=100, shrink=False)
    message = str(caught.value)
    assert message.startswith(f"{claim} does not hold for {' with '.join(map(str, ENTRIES[kind]))}\n  found: ")
    assert "\n  look at: " in message
    assert "\n  case:" in message


def test_a_deaf_decoder_is_found(monkeypatch):
    plain = bert.BertDecoder.forward

    def forward(self, *args, memory=None, **options):
        return plain(self, *args, memory=None if memory is None else memory * 0, **options)

    # The options of `forward` are read off its signature.
    forward.__signature__ = signature(plain)
    monkeypatch.setattr(bert.BertDecoder, "forward", forward)
    with pytest.raises(
        AssertionError, match=r"P07_audio_sensitivity .*\n  found: another input moves the logits of row 0"
    ):
        PROPERTIES["P07_audio_sensitivity"].run(*ENTRIES["pair"], examples=3, shrink=False)


def test_a_parameter_that_takes_no_part_is_found(monkeypatch):
    plain = ConvPositions.__init__

    def init(self, *args, **options):
        plain(self, *args, **options)
        self.spare = torch.nn.Linear(2, 2)

    monkeypatch.setattr(ConvPositions, "__init__", init)
    with pytest.raises(AssertionError, match=r"gradient of encoder.context.positions.spare.(weight|bias) is 0"):
        PROPERTIES["P07_audio_sensitivity"].run(*ENTRIES["pair"], examples=12, shrink=False)


def test_a_wrong_report_is_found(monkeypatch):
    monkeypatch.setattr("speechgraft.registry.trial._counted", lambda model: {"encoder": 7})
    with pytest.raises(AssertionError, match=r"P01_wiring .*\n  found: check says total 7, the pair has"):
        PROPERTIES["P01_wiring"].run(*ENTRIES["pair"], examples=12, shrink=False)


def test_parameters_that_are_not_saved_as_they_are_are_found(monkeypatch):
    def coarse(folder, tensors, **options):
        return write_tensors(folder, {name: value.float().double() for name, value in tensors.items()}, **options)

    monkeypatch.setattr("speechgraft.registry.pretrained.write_tensors", coarse)
    with pytest.raises(AssertionError, match=r"P10_round_trip .*\n  found: .* values differ"):
        PROPERTIES["P10_round_trip"].run(*ENTRIES["pair"], examples=3, shrink=False)


def test_what_an_entry_declares_wrongly_is_found():
    (encoder,), (decoder,) = ENTRIES["encoder"], ENTRIES["decoder"]
    claim = PROPERTIES["P00_capabilities"]
    with pytest.raises(AssertionError, match="the entry says 'tokens', the module 'waveform'"):
        claim.run(evolve(encoder, input_kind="tokens"), examples=1, shrink=False)
    with pytest.raises(AssertionError, match="10000 strides of 160 inputs give 5000 frames"):
        claim.run(evolve(encoder, stride=160), examples=1, shrink=False)
    with pytest.raises(AssertionError, match="the entry says 'native', the module 'injected'"):
        claim.run(evolve(decoder, cross_attention="native"), examples=1, shrink=False)
    with pytest.raises(AssertionError, match="has a switch: True"):
        claim.run(evolve(encoder, gradient_checkpointing=False), decoder, examples=1, shrink=False)


def test_cross_attention_that_begins_with_something_is_found(monkeypatch):
    entry = CATALOG.decoder("gpt2")
    claim = PROPERTIES["P14_identity"]
    with pytest.raises(AssertionError, match=r"the entry declares identity=False, and its config has .*: True"):
        claim.run(evolve(entry, identity=False), examples=1, shrink=False)
    with pytest.raises(AssertionError, match=r"the entry declares identity=True, and its config has .*: False"):
        claim.run(evolve(CATALOG.decoder("bert"), identity=True), examples=1, shrink=False)
    monkeypatch.setattr(gpt2.GPT2Decoder, "init_weights", lambda self, module: init_common(module, std=0.1))
    with pytest.raises(AssertionError, match=r"P14_identity .*\n  found: logits with a memory, .* values differ"):
        claim.run(entry, examples=3, shrink=False)


def test_fresh_cross_attention_that_cannot_learn_is_found(monkeypatch):
    monkeypatch.setattr(gpt2.GPT2Decoder, "init_weights", lambda self, module: init_common(module, std=0.0))
    with pytest.raises(AssertionError, match=r"P14_identity .*\n  found: no fresh matrix has a gradient"):
        PROPERTIES["P14_identity"].run(CATALOG.decoder("gpt2"), examples=3, shrink=False)


def test_a_failing_plugin_is_told_by_its_case(monkeypatch):
    def crash(self, *args, **options):
        raise RuntimeError("no such kernel")

    monkeypatch.setattr(bert.BertDecoder, "forward", crash)
    with pytest.raises(AssertionError, match="found: RuntimeError: no such kernel") as caught:
        PROPERTIES["P05_causality"].run(*ENTRIES["decoder"], examples=2, shrink=False)
    assert isinstance(caught.value.__cause__, RuntimeError)


def test_a_property_says_what_it_applies_to():
    with pytest.raises(LookupError, match=r"P05_causality applies to decoder, not to encoder"):
        PROPERTIES["P05_causality"].run(*ENTRIES["encoder"])


def test_cases_are_every_property_with_everything_in_the_catalog():
    kinds = [[str(trial) for trial in cases(CATALOG, kind)] for kind in ("encoder", "decoder", "pair")]
    assert all(len(names) == len(set(names)) for names in kinds)
    found = [name for names in kinds for name in names]
    assert {name.split("-")[0] for name in found} == set(PROPERTIES)
    assert "P06_cache-decoder-bert" in found
    assert "P03_batch_invariance-wav2vec2-bert" in found
    assert cases(Catalog(), "pair") == []


def test_a_property_of_ones_own_runs_like_the_others():
    def check(case: Case, entry: Any) -> None:
        number = case.draw(st.integers(0, 100), "number")
        case.holds(number < 10, f"{number} is not below 10", "the number")

    own = Property("X01_small", "numbers are small", {"encoder": (Drawn(check),)})
    with pytest.raises(AssertionError) as caught:
        Trial(own, ENTRIES["encoder"]).run(examples=100)
    assert str(caught.value).startswith(
        "X01_small does not hold for encoder 'wav2vec2'\n  found: 10 is not below 10\n  look at: the number\n"
        "  case:\n    number: 10"
    )


class OfFeatures:
    input_kind = "features"

    def __init__(self, feature_size=None):
        self.feature_size = feature_size


def test_encoders_of_features_that_do_not_tell_their_bins_are_refused_with_the_reason():
    with pytest.raises(PluginError, match="OfFeatures takes features, but its feature_size is None"):
        make_batch(OfFeatures(), (3,), "noise", 0)


@pytest.mark.parametrize("content", ["noise", "tone", "silence", "step"])
def test_batches_of_features_have_their_bins_and_zeros_for_padding(content):
    batch = make_batch(OfFeatures(5), (3, 1), content, 0)
    other = make_batch(OfFeatures(5), (3, 3), "noise", 1)
    assert batch.inputs.shape == (2, 3, 5) and batch.mask.tolist() == [[1, 1, 1], [1, 0, 0]]
    assert not batch.inputs[1, 1:].any() and batch.row(1).shape == (1, 1, 5)
    refilled = batch.refilled(other)
    assert torch.equal(refilled[1, 1:], other.inputs[1, 1:]) and torch.equal(refilled[1, :1], batch.inputs[1, :1])
