"""Speech2Text2's decoder computes what transformers 4.46.3, the last to search with it, computes.

Run by `run.py` beside this file, in an environment that has that release.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import speechgraft as sg
import torch
import transformers
from hypothesis import given
from hypothesis import strategies as st
from yardstick import (
    CATALOG,
    ENCODER,
    SEARCHES,
    compare_decoders,
    examples,
    graft_decoder,
    graft_pair,
    randomised,
    same,
    sound,
)

from speechgraft_mbart.speech2text2.decoder import waves

ENTRY = CATALOG.decoder("speech_to_text_2")
SIZES = {
    "vocab_size": 19,
    "d_model": 12,
    "decoder_layers": 2,
    "decoder_attention_heads": 3,
    "decoder_ffn_dim": 10,
    "max_target_positions": 24,
}


@contextmanager
def wide() -> Iterator[None]:
    """Over there masks are filled in the default type with the least number of the model's, which it must hold."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


@st.composite
def options(draw: st.DrawFn) -> dict[str, Any]:
    vocab_size = draw(st.integers(6, 40))
    return {
        "vocab_size": vocab_size,
        "d_model": draw(st.sampled_from([4, 6, 8, 12])),
        "decoder_attention_heads": draw(st.sampled_from([1, 2])),
        "decoder_layers": draw(st.integers(1, 3)),
        "decoder_ffn_dim": draw(st.integers(3, 20)),
        "activation_function": draw(st.sampled_from(["gelu", "relu", "silu", "gelu_new"])),
        "max_target_positions": draw(st.integers(8, 30)),
        "scale_embedding": draw(st.booleans()),
        "tie_word_embeddings": draw(st.booleans()),
        "pad_token_id": draw(st.integers(0, 5)),
    }


@examples(40)
@given(st.data())
def test_the_decoder_computes_what_the_yardstick_computes(data):
    """Without padding tokens before others: there, the yardstick counts otherwise with a cache than without."""
    reference = transformers.Speech2Text2ForCausalLM(transformers.Speech2Text2Config(**data.draw(options())))
    with wide():
        compare_decoders(ENTRY, randomised(reference, data.draw(st.integers(0, 999))), data, padding=False)


def test_padding_behind_a_text_has_no_place():
    reference = randomised(transformers.Speech2Text2ForCausalLM(transformers.Speech2Text2Config(**SIZES)), 1)
    ids = torch.tensor([[2, 5, 9, 1, 1], [2, 7, 1, 1, 1]])
    memory = sound(10, 12, 0).reshape(2, 5, 12)
    ours = graft_decoder(ENTRY, reference)
    with wide():
        expected = reference(input_ids=ids, encoder_hidden_states=memory, use_cache=False).logits
    same(ours(ids, memory=memory).logits, expected, "logits")


@pytest.mark.parametrize("size", [4, 7, 256])
def test_waves_are_the_ones_of_checkpoints(size):
    decoder = transformers.Speech2Text2ForCausalLM(
        transformers.Speech2Text2Config(vocab_size=9, d_model=8)
    ).model.decoder
    expected = decoder.embed_positions.get_embedding(50, size, 1)
    found = waves(torch.arange(50), size)
    found[1] = 0.0
    assert torch.equal(found, expected)


def reference_pair(seed: int, **more: Any) -> Any:
    config = transformers.SpeechEncoderDecoderConfig.from_encoder_decoder_configs(
        transformers.Wav2Vec2Config(**ENCODER),
        transformers.Speech2Text2Config(**{**SIZES, **more}),
        pad_token_id=1,
        decoder_start_token_id=2,
        eos_token_id=2,
    )
    return randomised(transformers.SpeechEncoderDecoderModel(config), seed)


@pytest.mark.parametrize("search", SEARCHES.values(), ids=SEARCHES)
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_pair_writes_the_tokens_that_the_yardstick_writes(search, seed):
    reference = reference_pair(seed, scale_embedding=seed % 2 == 1)
    values = sound(3, 100, seed)
    expected = reference.generate(values, **search)
    assert graft_pair(reference).generate(values, **search).tolist() == expected.tolist()


def test_a_folder_of_the_yardstick_loads_and_one_of_ours_loads_there(tmp_path):
    reference = reference_pair(5, d_model=24, decoder_attention_heads=4)
    reference.save_pretrained(tmp_path / "theirs")
    ours = sg.SpeechEncoderDecoderModel.from_pretrained(tmp_path / "theirs", dtype=torch.float64, catalog=CATALOG)
    assert not ours.load_report.unexpected and not ours.load_report.made
    ours.save_pretrained(tmp_path / "ours")
    again, info = transformers.SpeechEncoderDecoderModel.from_pretrained(
        tmp_path / "ours", output_loading_info=True, torch_dtype=torch.float64
    )
    assert set(info["missing_keys"]) <= {"decoder.model.decoder.embed_positions.weights", "decoder.lm_head.weight"}
    assert not info["unexpected_keys"]
    inputs = {"input_values": sound(2, 90, 0), "decoder_input_ids": torch.tensor([[2, 3, 6], [2, 18, 0]])}
    with wide():
        expected, returned = reference(**inputs).logits, again(**inputs).logits
    same(ours(**inputs).logits, expected, "logits")
    same(returned, expected, "logits of theirs from ours")
