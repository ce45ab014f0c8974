"""Batches are those of the published extractor, and an utterance's numbers do not depend on its batch."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from transformers import Wav2Vec2FeatureExtractor as Reference

from speechgraft.audio import Wav2Vec2FeatureExtractor
from speechgraft.errors import CheckpointError, ConfigError, InputError, RoutingError

rows = st.lists(
    st.tuples(st.integers(1, 90), st.integers(0, 2**32 - 1), st.sampled_from([0.0, 1e-3, 0.3, 1.0])),
    min_size=1,
    max_size=4,
)
extractors = st.fixed_dictionaries(
    {
        "padding_value": st.sampled_from([0.0, -1.5]),
        "do_normalize": st.booleans(),
        "return_attention_mask": st.booleans(),
        "padding_side": st.sampled_from(["right", "left"]),
    }
)
calls = st.fixed_dictionaries(
    {
        "padding": st.sampled_from([True, False, "longest", "max_length", "do_not_pad"]),
        "max_length": st.integers(1, 100),
        "truncation": st.booleans(),
        "pad_to_multiple_of": st.sampled_from([None, 1, 8, 13]),
        "return_attention_mask": st.sampled_from([None, True, False]),
    }
)


def waves(drawn: list[tuple[int, int, float]]) -> list[np.ndarray]:
    return [
        (scale * np.random.default_rng(seed).normal(0.1, 1, length)).astype(np.float32) for length, seed, scale in drawn
    ]


def asks_for_mask(options: dict[str, Any], call: dict[str, Any]) -> bool:
    asked = call["return_attention_mask"]
    return options["return_attention_mask"] if asked is None else asked


@settings(max_examples=150, deadline=None)
@given(drawn=rows, options=extractors, call=calls)
def test_parity_with_transformers(
    drawn: list[tuple[int, int, float]], options: dict[str, Any], call: dict[str, Any]
) -> None:
    batch = waves(drawn)
    if options["padding_side"] == "left" and options["do_normalize"]:
        options["padding_side"] = "right"  # the reference then takes the mean of the wrong samples
    # Rows longer than what is padded to are no rectangle, which the reference's normalisation needs.
    assume(call["padding"] != "max_length" or call["truncation"] or max(map(len, batch)) <= call["max_length"])
    over = {} if asks_for_mask(options, call) else {"normalize_over": "row"}
    found = Wav2Vec2FeatureExtractor(**options, **over)([*batch], **call)
    expected = Reference(**options)([*batch], sampling_rate=16000, **call)
    assert set(found) == set(expected)
    for key in expected:
        assert len(found[key]) == len(expected[key])
        for ours, theirs in zip(found[key], expected[key], strict=True):
            assert ours.dtype == theirs.dtype
            np.testing.assert_allclose(ours, theirs, rtol=1e-6, atol=1e-6)


@settings(max_examples=60, deadline=None)
@given(drawn=rows, options=extractors)
def test_an_utterance_has_the_same_numbers_alone_and_padded(
    drawn: list[tuple[int, int, float]], options: dict[str, Any]
) -> None:
    extractor = Wav2Vec2FeatureExtractor(**options)
    batch = waves(drawn)
    padded = extractor(batch, padding=True, return_attention_mask=True, return_tensors="np")
    for wave, values, mask in zip(batch, padded.input_values, padded.attention_mask, strict=True):
        np.testing.assert_array_equal(values[mask == 1], extractor(wave).input_values[0])
        assert (values[mask == 0] == np.float32(options["padding_value"])).all()


def test_one_utterance_may_be_an_array_a_list_or_a_tensor() -> None:
    wave = waves([(20, 1, 1.0)])[0]
    extractor = Wav2Vec2FeatureExtractor()
    forms = [
        wave,
        wave.astype(np.float64),
        wave.tolist(),
        torch.from_numpy(wave),
        [wave],
        wave[None],
        [torch.from_numpy(wave)],
    ]
    for form in forms:
        found = extractor(form, return_tensors="pt")
        assert found.input_values.shape == (1, 20) and found.input_values.dtype == torch.float32
        np.testing.assert_allclose(found["input_values"][0], extractor(wave).input_values[0], atol=1e-6)
    assert extractor(wave, return_tensors="pt").to("meta").input_values.is_meta


def test_what_is_put_in_is_not_changed() -> None:
    wave = waves([(20, 1, 1.0)])[0]
    before = wave.copy()
    Wav2Vec2FeatureExtractor()([wave, wave[:5]], padding=True)
    Wav2Vec2FeatureExtractor(do_normalize=False)([wave], padding=True).input_values[0][:] = 0
    np.testing.assert_array_equal(wave, before)


@pytest.mark.parametrize(
    ("speech", "call", "message"),
    [
        (np.zeros(9), {"sampling_rate": 8000}, "samples at 8000 Hz, expected 16000 Hz"),
        ([], {}, "a batch of no utterances"),
        ([np.zeros(3), np.zeros(0)], {}, "row 1: no samples"),
        ([np.zeros(3), np.array([0, np.nan])], {}, "row 1: sample 1 is not a finite number"),
        (np.zeros((2, 3, 4)), {}, r"row 0: shape \(3, 4\)"),
        ([["a"]], {}, "row 0: not a row of numbers"),
        ([np.zeros(3), np.zeros(4)], {"return_tensors": "pt"}, "rows of 3 to 4 samples make no single tensor"),
        (np.zeros(3), {"padding": "max_length"}, "needs max_length"),
        (np.zeros(3), {"truncation": True}, "needs max_length"),
        (np.zeros(3), {"padding": "most"}, "padding='most'"),
        (np.zeros(3), {"padding": True, "pad_to_multiple_of": 0}, "pad_to_multiple_of=0"),
        (np.zeros(3), {"return_tensors": "tf"}, "return_tensors='tf'"),
    ],
)
def test_unusable_input_is_refused(speech: Any, call: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        Wav2Vec2FeatureExtractor()(speech, **call)


def test_all_wrong_settings_are_listed_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        Wav2Vec2FeatureExtractor(feature_size=2, sampling_rate="16000", do_normalize=1, padding_side="up")  # type: ignore[arg-type]
    assert [problem.split(":")[0] for problem in caught.value.problems] == [
        "$.feature_size",
        "$.sampling_rate",
        "$.padding_side",
        "$.do_normalize",
    ]
    extractor = Wav2Vec2FeatureExtractor()
    with pytest.raises(ConfigError):
        extractor.sampling_rate = -1
    assert extractor.sampling_rate == 16000


@settings(max_examples=30, deadline=None)
@given(options=extractors, over=st.sampled_from(["utterance", "row"]))
def test_settings_survive_a_file(options: dict[str, Any], over: Any, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("extractor")
    extractor = Wav2Vec2FeatureExtractor(**options, normalize_over=over, extras={"processor_class": "X"})
    extractor.save_pretrained(folder)
    assert Wav2Vec2FeatureExtractor.from_pretrained(folder).to_dict() == extractor.to_dict()
    reference = Reference.from_pretrained(folder)
    assert {name: getattr(reference, name) for name in options} == options
    assert pickle.loads(pickle.dumps(extractor)) == extractor


def test_folders_of_transformers_are_read(tmp_path: Path) -> None:
    Reference(do_normalize=False, return_attention_mask=True).save_pretrained(tmp_path)
    found = Wav2Vec2FeatureExtractor.from_pretrained(tmp_path, padding_value=2.0)
    assert not found.do_normalize and found.return_attention_mask and found.padding_value == 2.0
    nested = tmp_path / "nested"
    nested.mkdir()
    (nested / "processor_config.json").write_text(json.dumps({"feature_extractor": found.to_dict()}))
    assert Wav2Vec2FeatureExtractor.from_pretrained(nested) == found


@pytest.mark.parametrize(
    ("contents", "message"),
    [(None, "no such file"), ("{", "not JSON"), ("[1]", "expected an object"), ("\xff", "not JSON")],
)
def test_a_bad_file_is_refused(contents: str | None, message: str, tmp_path: Path) -> None:
    if contents is not None:
        (tmp_path / "preprocessor_config.json").write_bytes(contents.encode("latin-1"))
    with pytest.raises(CheckpointError, match=message):
        Wav2Vec2FeatureExtractor.from_pretrained(tmp_path)
    with pytest.raises(ConfigError, match="did you mean 'do_normalize'"):
        Wav2Vec2FeatureExtractor.from_pretrained(tmp_path, do_normalise=True)


def test_misspelt_and_missing_arguments_are_refused_with_the_nearest_name() -> None:
    with pytest.raises(RoutingError, match="unknown option 'return_tensor'; did you mean 'return_tensors'"):
        Wav2Vec2FeatureExtractor()(np.zeros(4), return_tensor="pt")
    with pytest.raises(RoutingError, match="missing a required argument: 'raw_speech'"):
        Wav2Vec2FeatureExtractor()()


def test_a_wrong_value_in_a_file_is_told_with_its_place(tmp_path: Path) -> None:
    (tmp_path / "preprocessor_config.json").write_text('{"sampling_rate": "16000"}')
    with pytest.raises(
        ConfigError, match=r"Wav2Vec2FeatureExtractor: 1 wrong\n  \$.sampling_rate: '16000' is a str"
    ) as caught:
        Wav2Vec2FeatureExtractor.from_pretrained(tmp_path)
    assert str(tmp_path) in str(caught.value)


@pytest.mark.parametrize(
    ("field", "value"),
    [("sampling_rate", 10**9), ("padding_value", 10**400), ("padding_value", float("nan")), ("padding_value", 1e39)],
)
def test_numbers_that_no_recording_has_are_refused(field: str, value: float) -> None:
    with pytest.raises(ConfigError, match=rf"\$\.{field}"):
        Wav2Vec2FeatureExtractor(**{field: value})
