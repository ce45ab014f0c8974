"""From sound to words and back from a folder, with the tokenizers that the package brings."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import speechgraft as sg
import torch
from speechgraft.audio import Wav2Vec2FeatureExtractor
from texts import model
from yardstick import CATALOG, ENCODER

from speechgraft_mbart.mbart.tokenizer import MBartTokenizer
from speechgraft_mbart.speech2text2.tokenizer import Speech2Text2Tokenizer

PIECES = ["<s>", "<pad>", "</s>", "<unk>", "ab@@", "c", "a", "b"]
TOKENIZERS = {
    "mbart": MBartTokenizer(model(), language="de_DE"),
    "speech_to_text_2": Speech2Text2Tokenizer({piece: place for place, piece in enumerate(PIECES)}),
}
SOUND = [np.random.RandomState(seed).uniform(-1, 1, 600 * (seed + 1)).astype(np.float32) for seed in range(3)]


def bundle(name: str) -> sg.Transcriber:
    """An untrained translator."""
    torch.manual_seed(0)
    tokenizer: Any = TOKENIZERS[name]
    pair = sg.pair(
        "wav2vec2",
        name,
        catalog=CATALOG,
        encoder=ENCODER,
        decoder={**CATALOG.decoder(name).tiny, "vocab_size": tokenizer.vocab_size, "init_std": 1.0},
        pad_token_id=1,
        eos_token_id=2,
        decoder_start_token_id=2,
    )
    return sg.Transcriber(pair, Wav2Vec2FeatureExtractor(), tokenizer)


@pytest.mark.parametrize("name", TOKENIZERS)
def test_a_bundle_writes_the_same_out_of_its_folder_and_in_a_batch(name, tmp_path):
    translator = bundle(name)
    expected = [translator(sound, max_new_tokens=6) for sound in SOUND]
    assert any(each.text for each in expected)
    translator.save_pretrained(tmp_path)
    again = sg.Transcriber.from_pretrained(tmp_path, catalog=CATALOG)
    assert type(again.tokenizer) is type(translator.tokenizer)
    found = list(again.batch(SOUND, max_new_tokens=6))
    assert [(each.text, each.tokens) for each in found] == [(each.text, each.tokens) for each in expected]


def test_a_translator_is_asked_for_its_language():
    translator = bundle("mbart")
    for language in ("de_DE", "sv_SE"):
        asked = translator.tokenizer.language_id(language)
        written = translator(SOUND[2], forced_bos_token_id=asked, max_new_tokens=6)
        assert written.tokens[0] == asked and language not in written.text


def test_words_appear_as_they_are_written():
    translator = bundle("mbart")
    whole = translator(SOUND[1], max_new_tokens=6).text
    assert "".join(text for _, text in translator.stream(SOUND[1], max_new_tokens=6)) == whole
