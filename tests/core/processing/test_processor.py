"""Recordings and texts become what the published processor makes of them, from folders of either side."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from hub_server import Hub
from hypothesis import given, settings
from hypothesis import strategies as st
from published_tokenizers import FAMILIES, FRAMES, numbered

import speechgraft as sg
from speechgraft.errors import CheckpointError, ConfigError, InputError, RoutingError

WAVES = [np.linspace(-1, 1, 9, dtype=np.float32), np.sin(np.arange(5, dtype=np.float32)), np.ones(3, np.float32)]


def both(**extractor: Any) -> tuple[Any, Any]:
    """Our processor and the published one."""
    ours, theirs = FAMILIES["ctc"]()
    return (
        sg.Wav2Vec2Processor(sg.Wav2Vec2FeatureExtractor(**extractor), ours),
        transformers.Wav2Vec2Processor(transformers.Wav2Vec2FeatureExtractor(**extractor), theirs),
    )


def same(found: Any, expected: Any) -> None:
    """Both batches hold the same numbers, in tensors or not."""
    assert list(found) == list(expected)
    for name, values in expected.items():
        assert isinstance(found[name], torch.Tensor) == isinstance(values, torch.Tensor), name
        for one, other in zip(found[name], values, strict=True):
            np.testing.assert_allclose(np.asarray(one), np.asarray(other), atol=1e-5)


options = st.fixed_dictionaries(
    {"padding": st.sampled_from([True, "longest"])},
    optional={
        "return_tensors": st.sampled_from(["pt", "np"]),
        "pad_to_multiple_of": st.sampled_from([4, 7]),
        "return_attention_mask": st.booleans(),
        "sampling_rate": st.just(16_000),
    },
)


@settings(max_examples=40, deadline=None)
@given(
    waves=st.lists(st.sampled_from(WAVES), min_size=1, max_size=3),
    texts=st.none() | st.just(["AB C", "A", "SH"]),
    call=options,
    masks=st.booleans(),
)
def test_a_call_is_the_published_one(
    waves: list[Any], texts: list[str] | None, call: dict[str, Any], masks: bool
) -> None:
    ours, theirs = both(return_attention_mask=masks)
    if not call.get("return_attention_mask", masks):  # without a mask padding counts there, see differences
        waves = [waves[0]] * len(waves)
        call = {name: value for name, value in call.items() if name != "pad_to_multiple_of"}
    text = None if texts is None else texts[: len(waves)]
    same(ours(waves, text=text, **call), theirs(waves, text=text, **call))
    if text is not None:
        same(ours(text=text, **call), theirs(text=text, **call))
    same(ours(waves[0], sampling_rate=16_000), theirs(waves[0], sampling_rate=16_000))


def test_options_for_one_of_them_alone() -> None:
    ours, theirs = both(do_normalize=False)
    call = {
        "audio_kwargs": {"padding": "max_length", "max_length": 12, "truncation": True},
        "text_kwargs": {"padding": "max_length", "max_length": 4},
        "common_kwargs": {"return_tensors": "pt"},
    }
    same(ours(WAVES[0], text="AB", **call), theirs(WAVES[0], text="AB", **call))
    with pytest.raises(RoutingError, match="'padding' was passed twice, by itself and in text_kwargs"):
        ours(WAVES[0], text="A", padding=True, text_kwargs={"padding": True})
    with pytest.raises(RoutingError, match="unknown option 'samplingrate'; did you mean 'sampling_rate'"):
        ours(WAVES[0], samplingrate=16_000)
    with pytest.raises(RoutingError, match="unknown option 'max_len'"):
        ours(text="A", text_kwargs={"max_len": 3})
    with pytest.raises(InputError, match="pass audio or text"):
        ours()
    with pytest.raises(InputError, match="samples at 8000 Hz, expected 16000 Hz"):
        ours(WAVES[0], sampling_rate=8_000)
    assert ours.model_input_names == theirs.model_input_names


@settings(max_examples=30, deadline=None)
@given(
    waves=st.lists(st.sampled_from(WAVES), min_size=1, max_size=3),
    call=st.fixed_dictionaries(
        {},
        optional={
            "padding": st.sampled_from([True, "max_length"]),
            "max_length": st.just(11),
            "pad_to_multiple_of": st.sampled_from([None, 4]),
            "return_tensors": st.sampled_from([None, "pt", "np"]),
        },
    ).filter(lambda call: call.get("padding") != "max_length" or "max_length" in call),
    kind=st.sampled_from([np.asarray, torch.tensor, np.ndarray.tolist]),
    masks=st.booleans(),
)
def test_features_and_labels_are_padded_as_published(
    waves: list[Any], call: dict[str, Any], kind: Any, masks: bool
) -> None:
    ours, theirs = both(return_attention_mask=masks)
    features = [{"input_values": kind(wave)} for wave in waves]
    labels = [{"input_ids": [5, 6][: 1 + place % 2]} for place in range(len(waves))]
    same(ours.pad(features, **call), theirs.pad(features, **call))
    same(ours.pad(labels=labels, **call), theirs.pad(labels=labels, **call))
    same(ours.pad(features, labels=labels, **call), theirs.pad(features, labels=labels, **call))


def test_what_is_padded_keeps_masks_and_what_goes_with_it() -> None:
    extractor = sg.Wav2Vec2FeatureExtractor()
    rows = [extractor(wave, return_attention_mask=True) for wave in WAVES]
    given_as = [
        {name: values[0] for name, values in row.items()} | {"speaker": place} for place, row in enumerate(rows)
    ]
    found = extractor.pad(given_as, padding="max_length", max_length=6, truncation=True, return_tensors="pt")
    assert found.attention_mask.tolist() == [[1] * 6, [1] * 5 + [0], [1] * 3 + [0] * 3]
    assert found.speaker.tolist() == [0, 1, 2] and found.input_values.shape == (3, 6)


@pytest.mark.parametrize(
    ("given_as", "message"),
    [
        ({"input_ids": [1]}, "there are no input_values to pad, only 'input_ids'"),
        ([], "expected features"),
        ({"input_values": []}, "a batch of no utterances"),
        ([{"input_values": [1.0]}, {"input_value": [1.0]}], "not every utterance has the same features"),
        ({"input_values": [[1.0, 2.0]], "attention_mask": [[1]]}, "attention_mask: its rows are not as long"),
        ({"input_values": [["a"]]}, "row 0: not a row of numbers"),
        ({"input_values": [[[1.0]]]}, "row 0: shape"),
        ({"input_values": [[1.0]], "speaker": [1, 2]}, "speaker: 2 rows for 1 utterances"),
    ],
)
def test_what_cannot_be_padded_says_why(given_as: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        sg.Wav2Vec2FeatureExtractor().pad(given_as)


def test_processing_that_is_gone_says_what_to_use() -> None:
    ours, _ = both()
    with pytest.raises(InputError, match=r"processor\(text=...\) encodes texts, processor.pad\(labels=...\) pads"):
        ours.as_target_processor()
    with pytest.raises(InputError, match="pass input_features or labels"):
        ours.pad()


@pytest.mark.parametrize("loader", ["Wav2Vec2Processor", "AutoProcessor"])
def test_folders_are_exchanged_both_ways(loader: str, tmp_path: Path) -> None:
    ours, theirs = both(do_normalize=False, return_attention_mask=True)
    ours.save_pretrained(tmp_path / "ours")
    theirs.save_pretrained(tmp_path / "theirs")
    for folder in (tmp_path / "ours", tmp_path / "theirs"):
        here, there = (getattr(module, loader).from_pretrained(folder) for module in (sg, transformers))
        assert type(here) is sg.Wav2Vec2Processor and type(there) is transformers.Wav2Vec2Processor
        for each in (here, there):
            same(each(WAVES, text=["A", "B", "C"], padding=True), theirs(WAVES, text=["A", "B", "C"], padding=True))
        frames = [4, 5, 5, 0, 5, 4, 8]
        assert here.decode(frames) == there.decode(frames) == "AA SH"
        assert here.batch_decode([frames, frames[:2]]) == there.batch_decode([frames, frames[:2]])


def test_what_a_tokenizers_file_says_of_calls_holds_for_the_processor(tmp_path: Path) -> None:
    both(return_attention_mask=True)[1].save_pretrained(tmp_path)
    file = tmp_path / "tokenizer_config.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "return_attention_mask": False}))
    ours, theirs = (module.Wav2Vec2Processor.from_pretrained(tmp_path) for module in (sg, transformers))
    same(ours(text="AB"), theirs(text="AB"))
    found = ours(WAVES[0])
    assert list(found) == list(theirs(WAVES[0])) == ["input_values"]


def test_each_part_is_loaded_by_itself(tmp_path: Path) -> None:
    both(sampling_rate=8_000)[0].save_pretrained(tmp_path)
    assert sg.AutoFeatureExtractor.from_pretrained(tmp_path).sampling_rate == 8_000
    assert type(sg.AutoTokenizer.from_pretrained(tmp_path)) is sg.Wav2Vec2CTCTokenizer
    assert sg.AutoTokenizer.from_pretrained(tmp_path, padding_side="left").padding_side == "left"
    found = sg.AutoProcessor.from_pretrained(tmp_path, do_normalize=False, padding_side="left")
    assert not found.feature_extractor.do_normalize
    assert found.feature_extractor.padding_side == found.tokenizer.padding_side == "left"
    for name in ("preprocessor_config.json", "processor_config.json"):
        (tmp_path / name).unlink()
    assert type(sg.AutoProcessor.from_pretrained(tmp_path)) is sg.Wav2Vec2CTCTokenizer
    with pytest.raises(RoutingError, match="unknown option 'do_normalize'"):
        sg.AutoProcessor.from_pretrained(tmp_path, do_normalize=False)


def test_an_extractor_alone_is_the_processor_of_a_classifier(tmp_path: Path) -> None:
    sg.Wav2Vec2FeatureExtractor().save_pretrained(tmp_path)
    assert type(sg.AutoProcessor.from_pretrained(tmp_path)) is sg.Wav2Vec2FeatureExtractor
    (tmp_path / "empty").mkdir()
    with pytest.raises(CheckpointError, match="no extractor and no tokenizer here"):
        sg.AutoProcessor.from_pretrained(tmp_path / "empty")


def test_the_decoder_of_a_pair_says_what_its_tokenizer_is(tmp_path: Path) -> None:
    sg.Wav2Vec2FeatureExtractor().save_pretrained(tmp_path)
    (tmp_path / "vocab.txt").write_text("\n".join(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "one"]))
    described = {"encoder": {"model_type": "sew"}, "decoder": {"model_type": "bert"}}
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "speech-encoder-decoder", **described}))
    processor = sg.AutoProcessor.from_pretrained(tmp_path)
    assert type(processor.tokenizer) is sg.BertTokenizer
    assert processor(text="one").input_ids == [2, 5, 3] and processor.batch_decode([[5]]) == ["one"]


def test_a_repository_of_the_hub(hub: Hub, tmp_path: Path) -> None:
    both()[1].save_pretrained(tmp_path)
    hub.add_folder("facebook/wav2vec2-base-960h", tmp_path)
    for loader in (sg.Wav2Vec2Processor, sg.AutoProcessor):
        found = loader.from_pretrained("facebook/wav2vec2-base-960h")
        assert found(text="AB").input_ids == [5, 6]
    assert sg.AutoFeatureExtractor.from_pretrained("facebook/wav2vec2-base-960h").sampling_rate == 16_000
    with pytest.raises(CheckpointError, match="no revision 'late'"):
        sg.AutoTokenizer.from_pretrained("facebook/wav2vec2-base-960h", revision="late")


@pytest.mark.parametrize(
    ("file", "changes", "message"),
    [
        ("processor_config.json", {"processor_class": "Wav2Vec2ProcessorWithLM"}, "reads with a language model"),
        ("processor_config.json", {"processor_class": "CLIPProcessor"}, "'CLIPProcessor', expected Wav2Vec2Processor"),
        (
            "processor_config.json",
            {"processor_class": "Evil", "auto_map": {"AutoProcessor": "evil.Evil"}},
            "code of its own .* never run",
        ),
        ("preprocessor_config.json", {"feature_extractor_type": "WhisperFeatureExtractor"}, "expected 'Wav2Vec2Feat"),
        (
            "preprocessor_config.json",
            {"feature_extractor_type": "Evil", "auto_map": {"AutoFeatureExtractor": "evil.Evil"}},
            "its Evil is code of its own",
        ),
    ],
)
def test_processors_that_are_more_than_their_parts_are_refused(
    file: str, changes: dict[str, Any], message: str, tmp_path: Path
) -> None:
    both()[0].save_pretrained(tmp_path)
    (tmp_path / file).write_text(json.dumps({**json.loads((tmp_path / file).read_text()), **changes}))
    with pytest.raises(CheckpointError, match=message):
        sg.AutoProcessor.from_pretrained(tmp_path)


@pytest.mark.parametrize("loader", ["AutoProcessor", "AutoTokenizer", "AutoFeatureExtractor", "Wav2Vec2Processor"])
def test_no_code_of_a_repository_is_run(loader: str, tmp_path: Path) -> None:
    both()[0].save_pretrained(tmp_path)
    with pytest.raises(ConfigError, match="trust_remote_code=True: no code of a repository is ever run"):
        getattr(sg, loader).from_pretrained(tmp_path, trust_remote_code=True)
    assert getattr(sg, loader).from_pretrained(tmp_path, trust_remote_code=False)


def test_frames_of_characters_and_words_are_those_published() -> None:
    ours, theirs = FAMILIES["ctc"]()
    rows = [[0, 5, 5, 0, 5, 4, 4, 8, 6, 0], [4, 4, 6, 0, 4, 5, 5, 0, 7, 4]]
    for how in ({"output_word_offsets": True}, {"output_char_offsets": True, "output_word_offsets": True}):
        found, expected = (each.batch_decode(rows, **how) for each in (ours, theirs))
        assert found.text == expected.text and found.word_offsets == expected.word_offsets
        assert found.get("char_offsets") == (expected.char_offsets or [None, None])
        assert ours.decode(rows[0], **how).word_offsets == theirs.decode(rows[0], **how).word_offsets
    assert ours.decode(rows[0], spaces_between_special_tokens=True) == theirs.decode(
        rows[0], spaces_between_special_tokens=True
    )


def test_a_vocabulary_is_made_and_read_as_in_published_code(tmp_path: Path) -> None:
    (tmp_path / "vocab.json").write_text(json.dumps(numbered([*FRAMES, "[UNK]", "[PAD]"])))
    how = {"unk_token": "[UNK]", "pad_token": "[PAD]", "word_delimiter_token": "|"}
    ours, theirs = (module.Wav2Vec2CTCTokenizer(str(tmp_path / "vocab.json"), **how) for module in (sg, transformers))
    assert ours("A x").input_ids == theirs("A x").input_ids and ours.pad_token_id == theirs.pad_token_id == 10
    assert sg.Wav2Vec2CTCTokenizer.from_pretrained(tmp_path, **how)("A x").input_ids == theirs("A x").input_ids
