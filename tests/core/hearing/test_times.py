"""Words of pairs have seconds: by the CTC head or by attention, alone as in a batch, for every pair that hears."""

from __future__ import annotations

from itertools import product
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import speechgraft
from speechgraft.audio import Audio, Wav2Vec2FeatureExtractor
from speechgraft.bundle import Transcriber
from speechgraft.contracts import EncoderOutput
from speechgraft.ctc import samples_per_frame
from speechgraft.errors import InputError
from speechgraft.hearing import times as pair_times
from speechgraft.registry import default_catalog
from speechgraft.text import TextTokenizer, build_tokenizer

CATALOG = default_catalog()
ENCODERS = [name for name in CATALOG.list_encoders() if CATALOG.encoder(name).input_kind == "waveform"]
TEXTS = ["red green blue", "one two three four"]


def make(
    encoder: str = "wav2vec2", decoder: str = "bert", tokenizer: TextTokenizer | None = None, **options: Any
) -> Transcriber:
    """A tiny pair with random weights that writes a few tokens for anything."""
    torch.manual_seed(1)
    tokenizer = tokenizer or build_tokenizer(TEXTS)
    parts = CATALOG.encoder(encoder), CATALOG.decoder(decoder)
    model = speechgraft.pair(
        encoder,
        decoder,
        encoder=dict(parts[0].tiny),
        decoder={**parts[1].tiny, "vocab_size": tokenizer.vocab_size},
        pad_token_id=tokenizer.pad_token_id,
        eos_token_id=tokenizer.eos_token_id,
        decoder_start_token_id=tokenizer.bos_token_id,
        **options,
    )
    config = model.generation_config
    config.max_new_tokens = 5
    config.suppress_tokens = [0, 1, 2]  # random weights like any token, and these write nothing
    config.begin_suppress_tokens = [3]
    config.forced_eos_token_id = None
    return Transcriber(model.eval(), Wav2Vec2FeatureExtractor(), tokenizer)


def noise(samples: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 0.2, samples).clip(-0.9, 0.9).astype(np.float32)


@pytest.mark.parametrize(("encoder", "decoder"), list(product(ENCODERS, CATALOG.list_decoders())))
def test_every_pair_tells_when_its_words_are_said(encoder: str, decoder: str) -> None:
    transcriber = make(encoder, decoder)
    sources = [noise(length, seed) for seed, length in enumerate([9000, 4000, 6500])]
    together = list(transcriber.batch(sources, times="words"))
    assert any(transcript.words for transcript in together)
    for source, transcript in zip(sources, together, strict=True):
        words = transcript.words
        assert words is not None and [word.text for word in words] == transcript.text.split()
        moments = [moment for word in words for moment in (word.start, word.end)]
        assert moments == sorted(moments) and all(0 <= moment <= transcript.seconds for moment in moments)
        alone = transcriber(source, times="words")
        assert alone.text == transcript.text and alone.words is not None
        for one, other in zip(alone.words, words, strict=True):
            assert (one.start, one.end) == pytest.approx((other.start, other.end), abs=1e-6)


def test_times_change_nothing_else() -> None:
    transcriber = make(ctc_vocab_size=build_tokenizer(TEXTS).vocab_size)
    source = noise(8000)
    plain, timed = transcriber(source), transcriber(source, times="attention")
    assert plain.words is None
    assert (plain.text, plain.tokens, plain.warnings) == (timed.text, timed.tokens, timed.warnings)


def test_silence_has_no_words() -> None:
    assert make()(np.zeros(8000, np.float32), times="words").words == ()
    assert make()(np.zeros(8000, np.float32)).words is None


class Listed(nn.Module):
    """Logits for a token in each frame, whatever goes in."""

    def __init__(self, tokens: list[int], size: int) -> None:
        super().__init__()
        self.out_features = size
        self.tokens = tokens

    def forward(self, states: torch.Tensor) -> torch.Tensor:
        logits = torch.full((*states.shape[:2], self.out_features), -5.0)
        for frame, token in enumerate(self.tokens[: states.shape[1]]):
            logits[:, frame, token] = 5.0
        return logits


def test_the_ctc_head_says_where_words_are() -> None:
    """Three bursts of noise, a word in each; the head hears each word in one frame somewhere in its burst."""
    tokenizer = build_tokenizer(TEXTS)
    transcriber = make(tokenizer=tokenizer, ctc_vocab_size=tokenizer.vocab_size)
    model = transcriber.model
    spoken = tokenizer.encode("red green blue", add_special_tokens=False)
    prompted = iter([*spoken, tokenizer.eos_token_id])
    model.generate = lambda **options: torch.tensor([[tokenizer.bos_token_id, *prompted]])
    spans = [(0.2, 0.7), (0.9, 1.1), (1.2, 1.9)]
    samples = noise(2 * 16_000) * 1e-3
    for begin, end in spans:
        samples[round(begin * 16_000) : round(end * 16_000)] *= 1000
    stride = samples_per_frame(model.encoder)
    frames = [0] * int(model.encoder.output_lengths(torch.tensor([len(samples)])))
    for token, (begin, end) in zip(spoken, spans, strict=True):
        middle = (begin + 0.3 * (end - begin)) * 16_000
        frames[round((middle - model.encoder.minimum_length / 2) / stride)] = token
    model.ctc_head = Listed(frames, tokenizer.vocab_size)
    words = transcriber(samples, times="words").words
    assert words is not None and [word.text for word in words] == ["red", "green", "blue"]
    for word, span in zip(words, spans, strict=True):
        assert (word.start, word.end) == pytest.approx(span, abs=0.025)


def test_words_that_the_ctc_head_has_no_room_for_are_timed_by_attention() -> None:
    tokenizer = build_tokenizer(TEXTS)
    transcriber = make(tokenizer=tokenizer, ctc_vocab_size=tokenizer.vocab_size)
    encoder = transcriber.model.encoder
    short = noise(encoder.minimum_length + round(samples_per_frame(encoder)))  # two frames
    tokens = tokenizer.encode("one two three four", add_special_tokens=False)
    transcriber.model.generate = lambda **options: torch.tensor([[tokenizer.bos_token_id, *tokens]])
    transcript = transcriber(short, times="words")
    assert len(transcript.words or ()) == 4
    assert any(
        "times by attention" in warning and "4 tokens need 4 frames" in warning for warning in transcript.warnings
    )


@pytest.mark.parametrize("options", [{}, {"ctc_vocab_size": 9, "ctc_blank_token_id": 8}])
def test_a_ctc_head_that_is_not_there_or_writes_otherwise_is_not_asked(
    options: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    transcriber = make(**options)
    monkeypatch.setattr(pair_times.PairTimes, "by_ctc", None)
    assert transcriber(noise(8000), times="words").words
    with pytest.raises(InputError, match=r"times='ctc' needs a CTC head with the decoder's vocabulary"):
        transcriber(noise(8000), times="ctc")


def test_alignment_heads_are_those_of_the_generation_config() -> None:
    transcriber = make()
    transcriber.model.generation_config.alignment_heads = [[0, 99]]
    with pytest.raises(InputError, match=r"alignment_heads holds \[0, 99\]"):
        transcriber(noise(8000), times="attention")
    assert transcriber(noise(8000), times="attention", alignment_heads=[[0, 1]]).words
    for layer in (-1, 99):  # whoever asks is told before anything is read, whatever tells the times
        with pytest.raises(InputError, match=rf"alignment_heads holds \[{layer}, 0\], expected a layer from 0 to"):
            transcriber.batch([], times="words", alignment_heads=[[layer, 0]])
    assert list(transcriber.batch([], alignment_heads=[[99, 0]])) == [], "no times were asked for"


@pytest.mark.parametrize("times", ["word", "seconds", True])
def test_what_is_no_way_to_tell_times_is_refused(times: Any) -> None:
    with pytest.raises(InputError, match=r"times=.*expected 'words', 'ctc', 'attention' or None"):
        make()(noise(8000), times=times)


def test_a_transcript_is_one_text() -> None:
    with pytest.raises(InputError, match="num_return_sequences=2"):
        make()(noise(8000), num_beams=2, num_return_sequences=2)


def test_frames_of_what_is_no_waveform_share_the_audio() -> None:
    """Ten frames for two seconds, whatever an extractor made of the samples: bursts in the second and the eighth."""
    tokenizer = build_tokenizer(TEXTS)
    model: Any = SimpleNamespace(encoder=SimpleNamespace(input_kind="features"))
    found = pair_times.PairTimes(model, tokenizer, EncoderOutput(last_hidden_state=torch.zeros(1, 10, 4)))
    samples = noise(2 * 16_000) * 1e-3
    for frame in (1, 7):
        samples[frame * 3200 : (frame + 1) * 3200] *= 1000
    tokens = tokenizer.encode("one two", add_special_tokens=False)
    one, two = found.words(0, Audio(samples, 16_000, "x"), tokens, [(1, 1), (7, 7)])
    assert (one.start, one.end) == pytest.approx((0.2, 0.4), abs=0.025)
    assert (two.start, two.end) == pytest.approx((1.4, 1.6), abs=0.025)
