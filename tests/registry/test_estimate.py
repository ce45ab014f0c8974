"""Sizes and memory without weights are those that a pair with weights takes."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any
from unittest import mock

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from speechgraft.errors import InputError
from speechgraft.registry import DecoderEntry, EncoderEntry, check, default_catalog, pair
from speechgraft.registry.estimate import Live, _inputs, estimate
from speechgraft.registry.sizes import Estimate

torch.set_num_threads(1)

ENCODERS = st.sampled_from(list(default_catalog().encoders.values()))
DECODERS = st.sampled_from(list(default_catalog().decoders.values()))


def tiny(encoder: EncoderEntry, decoder: DecoderEntry, connector: str | None = None) -> dict[str, Any]:
    return {"encoder": dict(encoder.tiny), "decoder": dict(decoder.tiny), "connector": connector}


def estimated(encoder: EncoderEntry, decoder: DecoderEntry, seconds: float, connector: str | None = None) -> Estimate:
    report = check(encoder.name, decoder.name, seconds=seconds, **tiny(encoder, decoder, connector))
    assert report.ok and not report.notes, report
    assert report.estimate is not None
    return report.estimate


@settings(max_examples=8, deadline=None)
@given(ENCODERS, DECODERS, st.sampled_from([None, *default_catalog().connectors]), st.sampled_from([0.02, 0.05]))
def test_the_steps_are_those_of_a_pair_with_weights(
    encoder: EncoderEntry, decoder: DecoderEntry, connector: str | None, seconds: float
) -> None:
    found = {step.name: step.sizes for step in estimated(encoder, decoder, seconds, connector).steps}
    model = pair(encoder.name, decoder.name, **tiny(encoder, decoder, connector)).eval()
    kind = torch.int64 if encoder.input_kind == "tokens" else torch.float32
    if encoder.input_kind == "waveform":
        assert found["input"] == (1, round(16_000 * seconds))
    encoded = model.encode(torch.zeros(found["input"], dtype=kind))
    memory, _ = model.connect(encoded.last_hidden_state, None)
    ids = torch.zeros(found["tokens"][:2], dtype=torch.int64)
    assert found["frames"] == encoded.last_hidden_state.shape
    assert found["memory"] == memory.shape
    assert found["logits"] == model.decoder(ids, memory=memory).logits.shape
    assert found["tokens"] == model.decoder.embed(ids).shape


def kept_for_the_backward_pass(model: Any, inputs: Tensor, ids: Tensor) -> int:
    """Bytes that autograd itself says it keeps, without parameters."""
    own = {parameter.data_ptr() for parameter in model.parameters()}
    kept: dict[int, tuple[int, Tensor]] = {}

    def pack(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own:
            kept[storage.data_ptr()] = storage.nbytes(), tensor  # held: nothing else may get its place
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        memory, _ = model.connect(model.encoder(inputs).last_hidden_state, None)
        model.decoder(ids, memory=memory)
    return sum(count for count, _ in kept.values())


@pytest.mark.parametrize(("encoder", "decoder"), [("wav2vec2", "bert"), ("sew-d", "gpt2"), ("bert", "bart")])
def test_activations_cover_what_autograd_keeps_and_not_much_more(encoder: str, decoder: str) -> None:
    entries = default_catalog().encoder(encoder), default_catalog().decoder(decoder)
    found = estimated(*entries, 0.05)
    model = pair(encoder, decoder, **tiny(*entries)).eval()
    for module in model.modules():
        module.training = isinstance(module, nn.Dropout)
    shapes = {step.name: step.sizes for step in found.steps}
    kind = torch.int64 if encoder == "bert" else torch.float32
    ids = torch.zeros(shapes["tokens"][:2], dtype=torch.int64)
    kept = kept_for_the_backward_pass(model, torch.zeros(shapes["input"], dtype=kind), ids)
    assert kept <= found.activations <= 2 * kept, (kept, found.activations)


def test_memory_of_parameters_and_of_the_cache() -> None:
    catalog = default_catalog()
    entry = catalog.encoder("wav2vec2")
    report = check("wav2vec2", "bert", seconds=0.5, **tiny(entry, catalog.decoder("bert")))
    found = report.estimate
    assert found is not None
    assert (found.weights, found.gradients, found.moments) == tuple(4 * report.total * times for times in (1, 1, 2))
    assert found.training == 16 * report.total + found.activations
    assert found.generation == found.weights + found.working
    decoder = catalog.decoder("bert").tiny_config()
    frames = found.steps[2].sizes[1]
    places = 16  # what a new cache makes room for
    assert found.tokens == 2
    assert found.cache >= decoder.num_hidden_layers * 2 * (frames + places) * decoder.hidden_size * 4
    assert found.working > found.cache


def test_parameters_that_are_not_trained_have_no_gradients() -> None:
    catalog = default_catalog()
    entry = catalog.encoder("wav2vec2")
    with torch.device("meta"):
        model = pair("wav2vec2", "bert", **tiny(entry, catalog.decoder("bert")))
    before = estimate(model, entry, 0.05)
    model.freeze_feature_encoder()
    after = estimate(model, entry, 0.05)
    frozen = sum(parameter.numel() for parameter in model.encoder.feature_encoder.parameters())
    assert before.weights == after.weights
    assert before.gradients - after.gradients == 4 * frozen > 0
    assert after.moments == 2 * after.gradients
    assert after.activations < before.activations


def test_frames_of_a_second_of_audio() -> None:
    found = check("sew", "gpt2", connector="conv", encoder_num_hidden_layers=1, decoder_n_layer=1).estimate
    assert found is not None
    assert found.frames_per_second == pytest.approx(50, rel=0.01)
    assert found.memory_frames_per_second == pytest.approx(12.5, rel=0.01)
    text = check("bert", "gpt2", encoder_num_hidden_layers=1, decoder_n_layer=1).estimate
    assert text is not None
    assert (text.seconds, text.frames_per_second) == (None, None)


def test_no_more_tokens_than_there_are_positions() -> None:
    catalog = default_catalog()
    options = tiny(catalog.encoder("bert"), catalog.decoder("gpt2"))
    report = check("bert", "gpt2", seconds=1e6, **options)
    assert report.estimate is not None
    assert report.estimate.tokens == report.max_positions


@pytest.mark.parametrize("seconds", [0, -1.0, float("nan"), float("inf")])
def test_a_length_that_is_none_is_refused(seconds: float) -> None:
    with pytest.raises(InputError, match="expected more than 0"):
        check("wav2vec2", "bert", seconds=seconds)


def test_what_lives_is_counted_once_and_no_longer_than_it_lives() -> None:
    own = torch.zeros(100)
    with Live([own]) as live:
        first = own + 1
        view = first[:10]
        own.mul_(2)
        assert (live.now, live.peak) == (400, 400)
        second = first * 2
        assert live.peak == 800
        del first
        assert live.now == 800  # a view holds it
        del view
        assert live.now == 400
        del second
    assert (live.now, live.peak) == (0, 800)


@pytest.mark.parametrize("seconds", [1e-9, 0.001, 0.02])
def test_an_utterance_too_short_for_the_encoder_stands_for_the_shortest_that_it_takes(seconds: float) -> None:
    report = check("wav2vec2", "bert", seconds=seconds)
    found = report.estimate
    assert found is not None and report.minimum_length == 400
    assert found.steps[0].sizes == (1, 400) and found.steps[1].sizes[:2] == (1, 1)
    assert (found.seconds, found.frames_per_second) == (0.025, 40.0)
    assert "one utterance: 0.025 s of audio, 1 token" in str(report)


def test_an_utterance_too_long_for_the_encoder_stands_for_the_longest_that_it_takes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    entry = default_catalog().encoder("wav2vec2")
    monkeypatch.setattr(type(entry.build(entry.tiny_config())), "max_positions", 32_000)
    found = check("wav2vec2", "bert", seconds=60.0).estimate
    assert found is not None and found.steps[0].sizes == (1, 32_000)
    assert (found.seconds, found.tokens) == (2.0, 8)
    assert found.frames_per_second == found.steps[1].sizes[1] / 2


def test_seconds_that_an_encoder_takes_are_those_that_were_asked_for() -> None:
    assert (
        estimated(default_catalog().encoder("sew"), default_catalog().decoder("gpt2"), 0.1234567).seconds == 0.1234567
    )


class Extractor:
    """Ten frames a second and one more, thirty at least."""

    sampling_rate = 1000

    def __call__(self, samples: Any, **options: Any) -> dict[str, Tensor]:
        return {"input_features": torch.zeros(1, max(30, len(samples) // 100 + 1), 4)}


EARS = {"input_kind": "features", "feature_size": 4, "minimum_length": 3, "max_positions": 90, "parameters": list}
"""What is read of an encoder that takes three to ninety frames."""


@pytest.mark.parametrize(("seconds", "frames", "heard"), [(0.1, 30, 2.97), (5.0, 51, 5.0), (100.0, 90, 8.91)])
def test_features_that_an_extractor_fills_up_or_an_encoder_cuts_are_told_as_what_runs(
    seconds: float, frames: int, heard: float
) -> None:
    entry = default_catalog().encoder("sew")
    with mock.patch.object(EncoderEntry, "load_extractor", return_value=Extractor):
        inputs, told = _inputs(SimpleNamespace(**EARS), entry, seconds)  # type: ignore[arg-type]
    assert inputs.shape == (1, frames, 4) and told == pytest.approx(heard, rel=1e-3)
