"""Streams give each recording's text as it appears, end when nobody reads on, and report what fails by its file."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import speechgraft
from speechgraft.audio import Wav2Vec2FeatureExtractor
from speechgraft.bundle import Failure, Transcriber, Transcript
from speechgraft.errors import InputError
from speechgraft.registry import default_catalog
from speechgraft.text import CTCTokenizer, build_tokenizer

CATALOG = default_catalog()
SEARCHES = [{}, {"num_beams": 3}, {"do_sample": True, "top_k": 3}]


def make(kind: str = "wordpiece") -> Transcriber:
    torch.manual_seed(5)
    tokenizer = build_tokenizer(["playing plays a red ball", "reading reads"], kind, vocab_size=40)  # type: ignore[arg-type]
    model = speechgraft.pair(
        "wav2vec2",
        "bert",
        encoder={**CATALOG.encoder("wav2vec2").tiny, "initializer_range": 0.5},
        decoder={**CATALOG.decoder("bert").tiny, "vocab_size": tokenizer.vocab_size, "initializer_range": 0.5},
        pad_token_id=tokenizer.pad_token_id,
        eos_token_id=tokenizer.eos_token_id,
        decoder_start_token_id=tokenizer.bos_token_id,
    )
    model.generation_config.max_new_tokens = 8
    model.generation_config.suppress_tokens = [0, 1, 2]
    return Transcriber(model.eval(), Wav2Vec2FeatureExtractor(), tokenizer)


@pytest.fixture(scope="module")
def transcriber() -> Iterator[Transcriber]:
    return make()


def noise(samples: int, seed: int = 0) -> np.ndarray:
    generator = np.random.default_rng(seed)
    wave = np.convolve(generator.normal(0, 0.2, samples + 40), np.hanning(3 + seed % 30), "same")[:samples]
    return np.clip(wave, -0.9, 0.9).astype(np.float32)


def joined(told: list[tuple[int, str]]) -> dict[int, str]:
    texts: dict[int, str] = defaultdict(str)
    for row, text in told:
        assert text
        texts[row] += text
    return texts


@pytest.mark.parametrize("search", SEARCHES, ids=["greedy", "beam", "sampled"])
@settings(max_examples=8, deadline=None)
@given(lengths=st.lists(st.integers(800, 6000), min_size=1, max_size=5), batch_size=st.integers(1, 4))
def test_what_appears_adds_up_to_each_transcript(
    lengths: list[int], batch_size: int, search: dict[str, Any], transcriber: Transcriber
) -> None:
    sources = [noise(length, seed) for seed, length in enumerate(lengths)]
    ended: dict[int, Transcript] = {}
    stream = transcriber.stream(sources, batch_size=batch_size, on_end=ended.__setitem__, **search)
    told = joined(list(stream))
    assert list(ended) == list(range(len(sources)))
    assert {place: told.get(place, "") for place in ended} == {place: each.text for place, each in ended.items()}
    if not search.get("do_sample"):
        assert list(ended.values()) == list(transcriber.batch(sources, batch_size=batch_size, **search))


def test_text_appears_token_by_token_and_side_by_side() -> None:
    transcriber = make("word")
    told = list(transcriber.stream([noise(4000, 1), noise(4000, 2)]))
    assert len(told) > 2 and any(one[0] != other[0] for one, other in pairwise(told))


def test_one_source_needs_no_list(transcriber: Transcriber, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", noise(4000), 16_000, subtype="FLOAT")
    data = (tmp_path / "a.wav").read_bytes()
    with (tmp_path / "a.wav").open("rb") as file:
        for source in (tmp_path / "a.wav", str(tmp_path / "a.wav"), data, file, noise(4000)):
            assert joined(list(transcriber.stream(source))) == {0: transcriber(noise(4000)).text}


def test_a_ctc_models_text_appears_when_it_is_complete() -> None:
    torch.manual_seed(0)
    entry = CATALOG.encoder("wav2vec2")
    config = entry.load_config_class()(**{**entry.tiny, "vocab_size": 5})
    model = entry.load_ctc_model()(config).eval()  # type: ignore[misc]
    tokenizer = CTCTokenizer({each: n for n, each in enumerate(["<pad>", "|", *"ABC"])})
    transcriber = Transcriber(model, Wav2Vec2FeatureExtractor(), tokenizer)
    text = transcriber(noise(4000)).text
    assert text and list(transcriber.stream(noise(4000))) == [(0, text)]


def threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith("speechgraft")]


@pytest.mark.parametrize("search", SEARCHES[:2], ids=["greedy", "beam"])
def test_closing_ends_the_search(search: dict[str, Any], transcriber: Transcriber) -> None:
    taken: list[int] = []
    handle = transcriber.model.decoder.register_forward_hook(lambda *_: taken.append(1))
    limit = {"max_new_tokens": transcriber.model.decoder.max_positions}
    try:
        list(transcriber.stream(noise(4000, 3), eos_token_id=[], **limit, **search))
        all_steps = len(taken)
        taken.clear()
        stream = transcriber.stream([noise(4000, 3)] * 8, batch_size=1, eos_token_id=[], **limit, **search)
        next(stream)
        stream.close()
    finally:
        handle.remove()
    assert len(taken) < 8 * all_steps and not threads()


def test_nothing_runs_when_nobody_reads(transcriber: Transcriber) -> None:
    stream = transcriber.stream(noise(4000))
    assert not threads()
    stream.close()


def test_options_are_checked_at_the_call(transcriber: Transcriber) -> None:
    for options in ({"batch_size": 0}, {"times": "word"}, {"num_beams": 2, "num_return_sequences": 2}):
        with pytest.raises(InputError):
            transcriber.stream(noise(4000), **options)


def test_bad_audio_is_told_or_raised(transcriber: Transcriber, tmp_path: Path) -> None:
    failures: list[Failure] = []
    ended: list[int] = []
    sources = [noise(4000), tmp_path / "absent.wav", noise(5000, 2)]
    told = transcriber.stream(sources, on_error=failures.append, on_end=lambda place, _: ended.append(place))
    assert set(joined(list(told))) <= {0, 2} and ended == [0, 2]
    assert [(failure.index, failure.source) for failure in failures] == [(1, str(tmp_path / "absent.wav"))]
    with pytest.raises(InputError, match="there is no such file"):
        list(transcriber.stream(tmp_path / "absent.wav"))


def broken_for(transcriber: Transcriber, length: int) -> Any:
    """A hook under which the encoder gives NaN for recordings of so many frames."""

    def spoil(module: Any, inputs: Any, output: Any) -> Any:
        lengths = output.frame_mask.sum(-1) if output.frame_mask is not None else [output.last_hidden_state.shape[1]]
        for row, frames in enumerate(lengths):
            if frames == length:
                output.last_hidden_state[row] = float("nan")
        return output

    return transcriber.model.encoder.register_forward_hook(spoil)


@pytest.mark.parametrize("search", SEARCHES[:2], ids=["greedy", "beam"])
def test_a_recording_that_the_model_fails_for_is_told_alone(search: dict[str, Any], transcriber: Transcriber) -> None:
    sources = [noise(4000, 1), noise(6000, 2), noise(4400, 3)]
    whole = [transcriber(source, **search) for source in sources]
    frames = int(transcriber.model.encoder.output_lengths(torch.tensor(6000)))
    handle = broken_for(transcriber, frames)
    try:
        for stream in (False, True):
            failures: list[Failure] = []
            if stream:
                told = joined(list(transcriber.stream(sources, on_error=failures.append, **search)))
                assert told == {place: whole[place].text for place in (0, 2) if whole[place].text}
            else:
                assert list(transcriber.batch(sources, on_error=failures.append, **search)) == [whole[0], whole[2]]
            [failure] = failures
            assert failure.index == 1 and "<array>: " in str(failure.error) and "not finite" in str(failure.error)
        with pytest.raises(InputError, match="not finite"):
            list(transcriber.batch(sources, **search))
    finally:
        handle.remove()


def test_what_was_told_before_a_batch_failed_is_not_told_again() -> None:
    transcriber = make("word")
    sources = [noise(4000, 1), noise(6000, 2)]
    whole = [transcriber(source).text for source in sources]
    steps = 0

    def fail_later(module: Any, inputs: Any, output: Any) -> Any:
        nonlocal steps
        steps += 1
        if steps == 3:
            output.logits[:, -1] = float("nan")
        return output

    handle = transcriber.model.decoder.register_forward_hook(fail_later)
    try:
        told = joined(list(transcriber.stream(sources)))
    finally:
        handle.remove()
    assert [told.get(0, ""), told.get(1, "")] == whole and len(whole[0].split()) > 3
