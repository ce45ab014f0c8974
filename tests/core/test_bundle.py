"""The bundle says the same words alone and in a batch, survives its folder, and refuses bad audio one by one."""

from __future__ import annotations

import io
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import AutoTokenizer
from transformers import SpeechEncoderDecoderModel as Reference

import speechgraft
from speechgraft.audio import Audio, Wav2Vec2FeatureExtractor
from speechgraft.bundle import Failure, Transcriber
from speechgraft.errors import (
    CheckpointError,
    ConfigError,
    InputError,
    RoutingError,
)
from speechgraft.generation import GenerationConfig, LanguageModelFusion
from speechgraft.registry import default_catalog
from speechgraft.text import build_tokenizer

WORDS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]


def make_transcriber(**extractor: Any) -> Transcriber:
    """A tiny pair with random weights, whose answers depend on what it hears."""
    torch.manual_seed(3)
    tokenizer = build_tokenizer([" ".join(WORDS)])
    model = speechgraft.pair(
        "wav2vec2",
        "bert",
        encoder={
            "hidden_size": 16,
            "num_hidden_layers": 1,
            "num_attention_heads": 2,
            "intermediate_size": 32,
            "conv_dim": (8, 8),
            "conv_kernel": (10, 8),
            "conv_stride": (5, 4),
            "num_conv_pos_embeddings": 8,
            "num_conv_pos_embedding_groups": 2,
            "initializer_range": 0.5,
        },
        decoder={
            "vocab_size": tokenizer.vocab_size,
            "hidden_size": 16,
            "num_hidden_layers": 1,
            "num_attention_heads": 2,
            "intermediate_size": 32,
            "max_position_embeddings": 12,
            "initializer_range": 0.5,
        },
        pad_token_id=tokenizer.pad_token_id,
        eos_token_id=tokenizer.eos_token_id,
        decoder_start_token_id=tokenizer.bos_token_id,
    )
    return Transcriber(model, Wav2Vec2FeatureExtractor(**extractor), tokenizer)


@pytest.fixture(scope="module")
def transcriber() -> Iterator[Transcriber]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield make_transcriber()
    torch.set_num_threads(threads)


def noise(samples: int, seed: int = 0) -> np.ndarray:
    """Noise of changing pitch and loudness: (samples,)."""
    generator = np.random.default_rng(seed)
    wave = np.convolve(generator.normal(0, 0.2, samples + 40), np.hanning(3 + seed % 30), "same")[:samples]
    return np.clip(wave, -0.9, 0.9).astype(np.float32)


def wav(samples: np.ndarray, rate: int = 16000) -> bytes:
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, rate, format="WAV", subtype="FLOAT")
    return buffer.getvalue()


@settings(max_examples=25, deadline=None)
@given(lengths=st.lists(st.integers(200, 6000), min_size=1, max_size=7), batch_size=st.integers(1, 5))
def test_batched_recordings_have_the_words_that_each_has_alone(
    lengths: list[int], batch_size: int, transcriber: Transcriber
) -> None:
    sources = [noise(length, seed) for seed, length in enumerate(lengths)]
    together = list(transcriber.batch(sources, batch_size=batch_size))
    assert together == [transcriber(source) for source in sources]
    assert [transcript.seconds for transcript in together] == [length / 16000 for length in lengths]


def test_the_words_depend_on_the_audio(transcriber: Transcriber) -> None:
    assert len({transcriber(noise(4000, seed)).tokens for seed in range(12)}) > 1


def test_lengths_are_passed_whatever_the_extractor_is_set_to() -> None:
    with_mask, without = (make_transcriber(return_attention_mask=value) for value in (True, False))
    sources = [noise(6000, 1), noise(900, 2)]
    assert list(with_mask.batch(sources)) == list(without.batch(sources))


def test_every_kind_of_source_is_the_same(transcriber: Transcriber, tmp_path: Path) -> None:
    samples = noise(3000)
    path = tmp_path / "a.wav"
    path.write_bytes(wav(samples))
    sources = [path, str(path), path.read_bytes(), io.BytesIO(path.read_bytes()), samples, Audio(samples, 16000, "x")]
    found = list(transcriber.batch(sources))
    assert {transcript.text for transcript in found} == {transcriber(path).text}
    assert [transcript.source for transcript in found] == [str(path), str(path), "<bytes>", "<BytesIO>", "<array>", "x"]


def test_silence_is_empty_with_a_warning(transcriber: Transcriber) -> None:
    for quiet in (np.zeros(4000, np.float32), np.full(4000, -5e-5, np.float32)):
        transcript = transcriber(quiet)
        assert (transcript.text, transcript.tokens) == ("", ())
        assert "silence" in transcript.warnings[0]


def test_tokens_leave_out_start_and_end(transcriber: Transcriber) -> None:
    for seed in range(8):
        transcript = transcriber(noise(4000, seed))
        assert not {transcriber.tokenizer.bos_token_id, transcriber.tokenizer.eos_token_id} & {*transcript.tokens[-1:]}
        assert bool(transcript.warnings) == (len(transcript.tokens) == 11)
    assert len(transcriber(noise(4000), max_new_tokens=2).tokens) <= 2


BAD = {
    "absent": "there is no such file",
    "empty": "the file is empty",
    "short": "9 samples at 16000 Hz, too short",
    "nan": "not finite numbers",
    "long": "more than the 1 s allowed",
    "cut": "cut short",
    "words": "not audio that can be decoded",
}


def bad_sources(folder: Path) -> dict[str, Any]:
    holed = noise(2000)
    holed[7] = np.nan
    return {
        "absent": folder / "absent.wav",
        "empty": b"",
        "short": wav(noise(9)),
        "nan": wav(holed),
        "long": wav(noise(16001)),
        "cut": wav(noise(2000))[:-50],
        "words": b"seven three nine" * 20,
    }


def test_bad_audio_is_refused_and_the_others_are_transcribed(transcriber: Transcriber, tmp_path: Path) -> None:
    bad = bad_sources(tmp_path)
    for name, source in bad.items():
        with pytest.raises(InputError, match=BAD[name]):
            transcriber(source, max_seconds=1)
    mixed = [item for source in bad.values() for item in (noise(1000), source)]
    failures: list[Failure] = []
    good = list(transcriber.batch(mixed, max_seconds=1, on_error=failures.append))
    assert [transcript.text for transcript in good] == [transcriber(noise(1000)).text] * len(bad)
    assert [failure.index for failure in failures] == [2 * place + 1 for place in range(len(bad))]
    for failure, message in zip(failures, BAD.values(), strict=True):
        assert message in str(failure.error)


def test_results_before_a_failure_are_given(transcriber: Transcriber) -> None:
    results = transcriber.batch([noise(1000), b"", noise(1000)])
    assert next(results).source == "<array>"
    with pytest.raises(InputError, match="empty"):
        next(results)


def test_unusable_options_are_refused(transcriber: Transcriber) -> None:
    with pytest.raises(InputError, match="batch_size=0"):
        transcriber.batch([], batch_size=0)
    with pytest.raises(RoutingError, match="unknown option 'max_new_token'; did you mean 'max_new_tokens'"):
        transcriber(noise(1000), max_new_token=3)
    with pytest.raises(RoutingError, match=r"'watch': Transcriber.stream gives text as it appears"):
        transcriber(noise(1000), watch=print)
    with pytest.raises(ConfigError, match="options of generation cannot be used"):
        transcriber(noise(1000), max_new_tokens="3")
    with pytest.raises(InputError, match="nothing is drawn: pass do_sample=True"):
        transcriber.batch([], generator=torch.Generator())
    with pytest.raises(InputError, match="generation_config is a dict"):
        transcriber.batch([], generation_config={})
    assert list(transcriber.batch([])) == []


def test_arguments_of_generate_reach_it(transcriber: Transcriber) -> None:
    audio = noise(1000)

    def drawn(seed: int) -> tuple[int, ...]:
        generator = torch.Generator().manual_seed(seed)
        return transcriber(audio, do_sample=True, temperature=5.0, generator=generator).tokens

    assert drawn(1) == drawn(1)
    assert len({drawn(seed) for seed in range(8)}) > 1
    ends = transcriber.tokenizer.eos_token_id
    three = transcriber(audio, prefix_allowed_tokens_fn=lambda row, ids: [ends] if len(ids) > 3 else [7]).tokens
    assert three == (7, 7, 7)
    calls: list[int] = []

    def counts(ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        calls.append(ids.shape[1])
        return scores

    def stops(ids: torch.Tensor, scores: torch.Tensor | None) -> bool:
        return ids.shape[1] == 3

    config = GenerationConfig(max_new_tokens=5)
    options = {"generation_config": config, "logits_processor": [counts], "stopping_criteria": [stops]}
    told = "".join(text for _, text in transcriber.stream(audio, **options))
    assert calls == [1, 2]
    assert told == transcriber(audio, **options).text
    weighed = LanguageModelFusion(lambda ids: torch.eye(transcriber.tokenizer.vocab_size)[[7] * len(ids)].log(), 1.0)
    assert set(transcriber(audio, max_new_tokens=4, fusion=[weighed]).tokens) == {7}


def test_a_model_in_training_stays_in_training(transcriber: Transcriber) -> None:
    expected = transcriber(noise(3000))
    transcriber.model.train()
    transcriber.model.encoder.eval()
    try:
        assert transcriber(noise(3000)) == expected
        assert transcriber.model.training and not transcriber.model.encoder.training
    finally:
        transcriber.model.eval()


def test_a_folder_holds_all_three_and_loads_elsewhere(transcriber: Transcriber, tmp_path: Path) -> None:
    folder = tmp_path / "bundle"
    folder.mkdir()
    (folder / "vocab.txt").write_text("of another tokenizer\n")
    (folder / "README.md").write_text("kept")
    transcriber.save_pretrained(folder)
    assert (folder / "README.md").read_text() == "kept" and not (folder / "vocab.txt").exists()
    again = Transcriber.from_pretrained(folder)
    sources = [noise(3000, seed) for seed in range(4)]
    assert list(again.batch(sources)) == list(transcriber.batch(sources))
    theirs = Reference.from_pretrained(folder)
    assert theirs.config.decoder.vocab_size == len(AutoTokenizer.from_pretrained(folder))


def test_what_is_no_bundle_is_refused(transcriber: Transcriber, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError):
        Transcriber.from_pretrained(tmp_path / "absent")
    for name in ("preprocessor_config.json", "tokenizer.json", "config.json", "model.safetensors"):
        folder = tmp_path / name
        transcriber.save_pretrained(folder)
        (folder / name).unlink()
        (folder / "processor_config.json").unlink()  # it holds what preprocessor_config.json does
        with pytest.raises(CheckpointError, match=str(folder)):
            Transcriber.from_pretrained(folder)


def test_a_pair_of_text_is_refused_for_it_does_not_hear() -> None:
    tiny = dict(default_catalog().encoder("bert").tiny)
    model = speechgraft.pair("bert", "bert", encoder=tiny, decoder=tiny)
    with pytest.raises(InputError, match="encoder 'bert' takes tokens, but there is audio to encode"):
        Transcriber(model, Wav2Vec2FeatureExtractor(), build_tokenizer(["zero one"]))


def test_tensors_and_integers_are_heard_as_the_array_of_floats(transcriber: Transcriber) -> None:
    whole = (np.random.default_rng(4).normal(0, 0.1, 4000) * 32768).astype(np.int16)
    wave = whole.astype(np.float32) / 32768
    expected = transcriber(wave)
    assert expected.tokens
    for same in (torch.from_numpy(wave), whole, torch.from_numpy(whole)):
        found = transcriber(same)
        assert (found.text, found.tokens, found.seconds) == (expected.text, expected.tokens, expected.seconds)
    assert "".join(text for _, text in transcriber.stream(torch.from_numpy(wave))) == expected.text


def test_what_is_no_source_is_refused_by_a_list_of_what_is(transcriber: Transcriber) -> None:
    with pytest.raises(InputError, match="an array or tensor of samples, not a list"):
        transcriber([0.0] * 4000)
    with pytest.raises(InputError, match=r"shape \(1, 4000\), expected \(samples,\) of one channel"):
        transcriber(torch.zeros(1, 4000))


def test_an_error_leaves_no_thread_that_reads(transcriber: Transcriber) -> None:
    with pytest.raises(InputError) as caught:
        list(transcriber.batch([np.zeros(1), *[np.ones(4000)] * 20], batch_size=1))
    # While the error, and with it the frames that it passed through, is still held.
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("speechgraft")], caught
