"""CTC models are bundles too: words with seconds, alone as in a batch, as the published classes give them."""

from __future__ import annotations

import json
from collections.abc import Hashable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
import transformers

from speechgraft.audio import Wav2Vec2FeatureExtractor
from speechgraft.bundle import Transcriber
from speechgraft.cli import main
from speechgraft.ctc import LanguageModel, WordFusion, beam_search, load_language_model
from speechgraft.errors import CheckpointError, ConfigError, InputError, SpeechGraftError
from speechgraft.registry import default_catalog
from speechgraft.text import CTCTokenizer, build_tokenizer

LETTERS = ["<pad>", "|", *"ABCDE"]
CATALOG = default_catalog()
NAMES = [name for name in CATALOG.list_encoders() if CATALOG.encoder(name).ctc_model is not None]
LANGUAGE_MODEL = "\\data\\\nngram 1=3\n\\1-grams:\n-1 <unk>\n-0.5 </s>\n-0.2 A\n\\end\\\n"


def make_transcriber(name: str, **options: Any) -> Transcriber:
    """A tiny model with random weights, whose best tokens change from frame to frame."""
    torch.manual_seed(0)
    entry = CATALOG.encoder(name)
    config = entry.load_config_class()(**{**entry.tiny, "vocab_size": len(LETTERS), **options})
    model_class = entry.load_ctc_model()
    assert model_class is not None
    model = model_class(config).eval()
    with torch.no_grad():
        model.lm_head.weight.normal_(std=2.0)
    return Transcriber(model, Wav2Vec2FeatureExtractor(), CTCTokenizer({each: n for n, each in enumerate(LETTERS)}))


@pytest.fixture(scope="module")
def transcriber() -> Transcriber:
    return make_transcriber("wav2vec2")


@pytest.fixture
def arpa(tmp_path: Path) -> Path:
    path = tmp_path / "words.arpa"
    path.write_text(LANGUAGE_MODEL)
    return path


def noise(samples: int, seed: int = 0) -> np.ndarray:
    """Noise that changes in pitch and loudness: (samples,)."""
    generator = np.random.default_rng(seed)
    pieces = [
        np.convolve(generator.normal(0, 0.05 * (1 + part % 4), 460), np.hanning(3 + 9 * (part % 3)), "same")
        for part in range(samples // 400 + 1)
    ]
    return np.clip(np.concatenate(pieces)[:samples], -0.9, 0.9).astype(np.float32)


def test_every_speech_encoder_that_ships_has_a_ctc_model() -> None:
    assert [name for name in NAMES if CATALOG.origin("encoder", name).package == "speechgraft"] == [
        "hubert",
        "sew",
        "sew-d",
        "wav2vec2",
    ]


@pytest.mark.parametrize("name", NAMES)
def test_a_folder_gives_the_words_alone_and_in_a_batch(name: str, tmp_path: Path) -> None:
    made = make_transcriber(name)
    made.save_pretrained(tmp_path)
    loaded = Transcriber.from_pretrained(tmp_path)
    assert type(loaded.model) is type(made.model) and type(loaded.tokenizer) is CTCTokenizer
    sources = [noise(length, seed) for seed, length in enumerate([1600, 4321, 900, 3000])]
    together = list(loaded.batch(sources))
    assert together == [made(source) for source in sources]
    assert any(transcript.words for transcript in together)
    for transcript in together:
        assert transcript.text.split() == [word.text for word in transcript.words or ()]
        times = [time for word in transcript.words or () for time in (word.start, word.end)]
        assert times == sorted(times) and all(0 <= time <= transcript.seconds for time in times)


@pytest.mark.parametrize("padded", [False, True])
def test_text_and_seconds_are_the_published_ones(padded: bool, tmp_path: Path) -> None:
    torch.manual_seed(1)
    options = {**CATALOG.encoder("wav2vec2").tiny, "feat_extract_norm": "layer", "vocab_size": len(LETTERS)}
    model = transformers.Wav2Vec2ForCTC(transformers.Wav2Vec2Config(**options)).eval()
    model.lm_head.weight.data.normal_(std=2.0)
    (tmp_path / "vocab.json").write_text(json.dumps({each: n for n, each in enumerate(LETTERS)}))
    tokenizer = transformers.Wav2Vec2CTCTokenizer(str(tmp_path / "vocab.json"))
    extractor = transformers.Wav2Vec2FeatureExtractor(return_attention_mask=True)
    transformers.Wav2Vec2Processor(extractor, tokenizer).save_pretrained(tmp_path)
    if not (tmp_path / "preprocessor_config.json").exists():  # the processor keeps it in a file of its own
        extractor.save_pretrained(tmp_path)
    model.save_pretrained(tmp_path)

    sources = [noise(2000, 1), noise(5000, 2)] if padded else [noise(4000, 3)]
    inputs = extractor(sources, sampling_rate=16_000, padding=True, return_tensors="pt")
    with torch.no_grad():
        ids = model(**inputs).logits.argmax(-1)
    frames = model._get_feat_extract_output_lengths(inputs.attention_mask.sum(-1))
    unit = model.config.inputs_to_logits_ratio / 16_000
    found = list(Transcriber.from_pretrained(tmp_path).batch(sources))
    for transcript, row, count in zip(found, ids, frames, strict=True):
        expected = tokenizer.decode(row[:count], output_word_offsets=True)
        assert transcript.text == expected.text != ""
        assert [(word.text, word.start, word.end) for word in transcript.words or ()] == [
            (word["word"], pytest.approx(word["start_offset"] * unit), pytest.approx(word["end_offset"] * unit))
            for word in expected.word_offsets
        ]


class Short(LanguageModel):
    """A word is the less probable the longer it is."""

    def start(self) -> Hashable:
        return None

    def score(self, state: Hashable, word: str) -> tuple[float, Hashable]:
        return -2.0 * len(word), None

    def finish(self, state: Hashable) -> float:
        return 0.0


def test_beams_and_a_language_model_are_options_of_a_call(transcriber: Transcriber) -> None:
    alphabet, blank = transcriber.tokenizer.alphabet(len(LETTERS)), transcriber.tokenizer.pad_token_id
    changed = 0
    for seed in range(4):
        source = noise(2500, seed)
        inputs = transcriber.extractor(source, sampling_rate=16_000, return_attention_mask=True, return_tensors="pt")
        with torch.no_grad():
            logits = transcriber.model(inputs["input_values"]).logits
        greedy = transcriber(source)
        assert transcriber(source, num_beams=1) == greedy
        for given, options in (
            ({"num_beams": 5}, {"width": 5}),
            ({"language_model": Short()}, {"width": 32, "words": WordFusion(Short(), alphabet)}),
            (
                {"language_model": Short(), "alpha": 3.0, "beta": -1.0, "num_beams": 7},
                {"width": 7, "words": WordFusion(Short(), alphabet, 3.0, -1.0)},
            ),
        ):
            [[best]] = beam_search(logits, blank=blank, **options)
            found = transcriber(source, **given)
            assert found.tokens == best.tokens
            assert [word.text for word in found.words or ()] == found.text.split()
            changed += found != greedy
    assert changed > 4


def test_silence_has_no_word_and_a_warning(transcriber: Transcriber) -> None:
    found = transcriber(np.zeros(4000, np.float32))
    assert (found.text, found.tokens, found.words) == ("", (), ())
    assert "silence" in found.warnings[0]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num_beam": 3}, "a CTC model takes no option 'num_beam'; did you mean 'num_beams'"),
        ({"max_new_tokens": 3}, "a CTC model takes no option 'max_new_tokens'"),
        ({"num_beams": 0}, "num_beams=0, expected a positive integer"),
        ({"num_beams": True}, "num_beams=True"),
        ({"num_beams": 2.0}, "num_beams=2.0"),
        ({"alpha": 0.5}, "alpha=0.5 weighs a language model, and there is none"),
        ({"num_beams": 4, "beta": 0.5}, "beta=0.5 weighs a language model"),
        ({"num_beams": 1, "language_model": Short()}, "num_beams=1 reads greedily, where a language model has no say"),
        ({"language_model": "words.arpa"}, "language_model='words.arpa', expected a LanguageModel"),
        ({"language_model": Short(), "alpha": float("nan")}, "alpha=nan, expected a finite number"),
    ],
)
def test_options_that_cannot_be_meant_are_refused(
    options: dict[str, Any], message: str, transcriber: Transcriber
) -> None:
    with pytest.raises(InputError, match=message):
        transcriber(noise(1000), **options)


def test_a_pair_takes_no_language_model() -> None:
    with pytest.raises(InputError, match="language_model is an option of CTC models, and this model is a pair"):
        Transcriber.from_pretrained()(noise(4000), language_model=Short())


def test_a_tokenizer_of_something_else_is_refused(transcriber: Transcriber) -> None:
    words = Transcriber(transcriber.model, transcriber.extractor, build_tokenizer(["A B"]))
    with pytest.raises(InputError, match="a CTC model is read with a CTCTokenizer, not with a Tokenizer"):
        words(noise(1000))
    late = CTCTokenizer({"|": 0, "A": 1}, {"pad": "<late>"}, added={"<late>": 40})
    with pytest.raises(InputError, match="the tokenizer's blank is token 40, but the model has scores for 7 tokens"):
        Transcriber(transcriber.model, transcriber.extractor, late)(noise(1000))


def test_a_folder_that_writes_no_text_is_refused(transcriber: Transcriber, tmp_path: Path) -> None:
    transcriber.save_pretrained(tmp_path)
    transformers.Wav2Vec2Model.from_pretrained(tmp_path).save_pretrained(tmp_path)
    with pytest.raises(CheckpointError, match=r"an encoder without a CTC head \(lm_head"):
        Transcriber.from_pretrained(tmp_path)
    CATALOG.encoder("bert").tiny_config().save_pretrained(tmp_path)
    with pytest.raises(CheckpointError, match=r"config\.json is that of 'bert' alone, which writes no text"):
        Transcriber.from_pretrained(tmp_path)
    (tmp_path / "config.json").write_text('{"model_type": ["wav2vec2"]}')
    with pytest.raises((CheckpointError, ConfigError), match="model_type"):
        Transcriber.from_pretrained(tmp_path)


def test_words_have_seconds_on_the_command_line(
    transcriber: Transcriber, arpa: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, audio = tmp_path / "model", tmp_path / "a.wav"
    transcriber.save_pretrained(folder)
    soundfile.write(audio, noise(2500, 1), 16_000, subtype="FLOAT")
    begin = ["transcribe", str(audio), "--model", str(folder)]
    assert main(begin) == 0
    assert capsys.readouterr().out == transcriber(audio).text + "\n"
    assert main([*begin, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [word["text"] for word in told["words"]] == told["text"].split()
    assert told["words"][0].keys() == {"text", "start", "end"}
    assert main([*begin, "--beams", "4", "--lm", str(arpa), "--lm-weight", "2", "--word-bonus", "0.25"]) == 0
    expected = transcriber(audio, num_beams=4, language_model=load_language_model(arpa), alpha=2.0, beta=0.25)
    assert capsys.readouterr().out == expected.text + "\n"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--lm", "none.arpa"], "none.arpa: the language model cannot be read"),
        (["--lm-weight", "2"], "alpha=2.0 weighs a language model, and there is none"),
        (["--beams", "0"], "Invalid value for '--beams'"),
    ],
)
def test_the_command_refuses_in_one_line(
    options: list[str], message: str, transcriber: Transcriber, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, audio = tmp_path / "model", tmp_path / "a.wav"
    transcriber.save_pretrained(folder)
    soundfile.write(audio, noise(2500, 1), 16_000)
    assert main(["transcribe", str(audio), "--model", str(folder), *options]) == 2
    error = capsys.readouterr().err
    assert message in error and error.count("\n") == 1


def test_a_ctc_model_in_training_stays_in_training(transcriber: Transcriber) -> None:
    expected = transcriber(noise(3000))
    transcriber.model.train()
    try:
        assert transcriber(noise(3000)) == expected
        assert transcriber.model.training
    finally:
        transcriber.model.eval()


def test_audio_too_short_for_the_model_is_refused(transcriber: Transcriber) -> None:
    with pytest.raises(SpeechGraftError, match="too short: the model needs at least"):
        transcriber(noise(9))
