"""mBART's decoder computes what transformers 5.23.0 computes, and folders go both ways."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import speechgraft as sg
import torch
from hypothesis import given
from hypothesis import strategies as st
from speechgraft.errors import ConfigError
from yardstick import CATALOG, ENCODER, SEARCHES, compare_decoders, examples, graft_pair, randomised, same, sound

from speechgraft_mbart.mbart.config import MBartConfig

transformers = pytest.importorskip("transformers", minversion="5.23.0")

ENTRY = CATALOG.decoder("mbart")
SIZES = {
    "vocab_size": 19,
    "d_model": 12,
    "decoder_layers": 2,
    "encoder_layers": 2,
    "decoder_attention_heads": 3,
    "encoder_attention_heads": 2,
    "decoder_ffn_dim": 10,
    "encoder_ffn_dim": 7,
    "max_position_embeddings": 24,
}
SPECIAL = {"pad_token_id": 1, "decoder_start_token_id": 2, "eos_token_id": 2}


@st.composite
def options(draw: st.DrawFn) -> dict[str, Any]:
    """Of a decoder; both halves have as many layers, by which the other side sizes its cache."""
    layers, vocab_size = draw(st.integers(1, 3)), draw(st.integers(6, 40))
    return {
        "vocab_size": vocab_size,
        "d_model": draw(st.sampled_from([4, 8, 12])),
        "decoder_attention_heads": draw(st.sampled_from([1, 2])),
        "decoder_layers": layers,
        "encoder_layers": layers,
        "decoder_ffn_dim": draw(st.integers(3, 20)),
        "activation_function": draw(st.sampled_from(["gelu", "relu", "silu", "gelu_new"])),
        "max_position_embeddings": draw(st.integers(8, 30)),
        "scale_embedding": draw(st.booleans()),
        "tie_word_embeddings": draw(st.booleans()),
        "pad_token_id": draw(st.none() | st.integers(0, vocab_size - 1)),
    }


@examples(15)
@given(st.data())
def test_the_decoder_computes_what_the_yardstick_computes(data):
    config = transformers.MBartConfig(**data.draw(options()), attn_implementation="eager")
    config.is_decoder = config.add_cross_attention = True
    reference = randomised(transformers.MBartForCausalLM(config), data.draw(st.integers(0, 999)))
    compare_decoders(ENTRY, reference, data)


def reference_pair(seed: int, **more: Any) -> Any:
    config = transformers.SpeechEncoderDecoderConfig.from_encoder_decoder_configs(
        transformers.Wav2Vec2Config(**ENCODER),
        transformers.MBartConfig(**{**SIZES, **more}),
        attn_implementation="eager",
        **SPECIAL,
    )
    return randomised(transformers.SpeechEncoderDecoderModel(config), seed)


@pytest.mark.parametrize("search", SEARCHES.values(), ids=SEARCHES)
@pytest.mark.parametrize("seed", [0, 1])
def test_a_pair_writes_the_tokens_that_the_yardstick_writes(search, seed):
    reference = reference_pair(seed, scale_embedding=seed % 2 == 1)
    values = sound(3, 100, seed)
    expected = reference.generate(values, **search)
    assert graft_pair(reference).generate(values, **search).tolist() == expected.tolist()


def test_a_folder_of_the_yardstick_loads_and_one_of_ours_loads_there(tmp_path):
    reference = reference_pair(
        5, decoder_start_token_id=7, forced_eos_token_id=None, d_model=24, decoder_attention_heads=4
    )
    reference.save_pretrained(tmp_path / "theirs")
    ours = sg.SpeechEncoderDecoderModel.from_pretrained(tmp_path / "theirs", catalog=CATALOG)
    ours.save_pretrained(tmp_path / "ours")
    again, info = transformers.SpeechEncoderDecoderModel.from_pretrained(
        tmp_path / "ours", attn_implementation="eager", output_loading_info=True
    )
    assert not info["missing_keys"] and not info["unexpected_keys"]
    inputs = {"input_values": sound(2, 90, 0), "decoder_input_ids": torch.tensor([[7, 3, 1], [7, 18, 0]])}
    expected = reference(**inputs).logits
    same(ours(**inputs).logits, expected, "logits")
    same(again(**inputs).logits, expected, "logits of theirs from ours")


@pytest.mark.parametrize("tied", [True, False], ids=["tied", "untied"])
def test_of_both_halves_the_decoder_alone_is_read(tmp_path: Path, tied: bool):
    transformers.Wav2Vec2Model(transformers.Wav2Vec2Config(**ENCODER)).save_pretrained(tmp_path / "encoder")
    config = transformers.MBartConfig(**SIZES, tie_word_embeddings=tied, attn_implementation="eager")
    reference = randomised(transformers.MBartForConditionalGeneration(config), 3)
    reference.save_pretrained(tmp_path / "mbart")
    pair = sg.SpeechEncoderDecoderModel.from_encoder_decoder_pretrained(
        tmp_path / "encoder", tmp_path / "mbart", dtype=torch.float64, catalog=CATALOG
    )
    assert pair.load_report is not None and not pair.load_report.unexpected
    assert all(name.startswith(("connector.", "encoder.")) for name in pair.load_report.made)
    ids, memory = torch.tensor([[2, 5, 9, 1]]), sound(5, 12, 1)[None]
    half = reference.get_decoder()(ids, encoder_hidden_states=memory, use_cache=False).last_hidden_state
    same(pair.decoder(ids, memory=memory).logits, reference.lm_head(half), "logits")


def test_a_config_of_the_published_kind_is_read_and_comes_back():
    """The keys that the decoders of XLS-R's translators have beside the fields."""
    published = {
        "model_type": "mbart",
        "activation_function": "relu",
        "add_bias_logits": False,
        "add_cross_attention": True,
        "add_final_layer_norm": True,
        "architectures": ["MBartForConditionalGeneration"],
        "classif_dropout": 0.0,
        "classifier_dropout": 0.0,
        "is_decoder": True,
        "normalize_before": True,
        "normalize_embedding": True,
        "num_hidden_layers": 12,
        "output_past": True,
        "scale_embedding": True,
        "static_position_embeddings": False,
        "task_specific_params": {"translation_en_to_ro": {"decoder_start_token_id": 250020}},
        "tokenizer_class": "MBart50Tokenizer",
        "vocab_size": 250054,
    }
    adapter = ENTRY.load_adapter()
    config = adapter.read(published)
    assert config.scale_embedding and config.vocab_size == 250054 and not config.unknown_keys
    assert adapter.read(json.loads(json.dumps(adapter.write(config)))) == config
    with pytest.raises(ConfigError, match="normalize_before: expected True, which is mBART's, got False"):
        adapter.read({**published, "normalize_before": False})


def test_the_language_that_is_written_is_a_token_of_the_search():
    """`forced_bos_token_id`, as the translators to several languages are asked for one."""
    model = graft_pair(reference_pair(4))
    for language in (9, 11):
        written = model.generate(sound(2, 80, 3), forced_bos_token_id=language, max_new_tokens=4)
        assert written[:, :2].tolist() == [[2, language]] * 2


def test_an_impossible_config_is_refused():
    with pytest.raises(ConfigError, match="cross_attention_hidden_size: 7, but the cross-attention takes a memory"):
        MBartConfig(cross_attention_hidden_size=7)
