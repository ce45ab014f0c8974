"""Parts of a pair in folders of their own load on both sides, as parts of another pair too."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from yardstick import same

import speechgraft as sg
from speechgraft.errors import InputError
from speechgraft.registry import default_catalog

PAIRS = [
    ("wav2vec2", "Wav2Vec2Model", "bert", "BertLMHeadModel"),
    ("bert", "BertModel", "gpt2", "GPT2LMHeadModel"),
    ("hubert", "HubertModel", "bart", "BartForCausalLM"),
]
pairs = pytest.mark.parametrize(("encoder", "encoder_class", "decoder", "decoder_class"), PAIRS)


def tiny_pair(encoder: str, decoder: str) -> Any:
    catalog = default_catalog()
    torch.manual_seed(1)
    parts = (catalog.encoder(encoder).tiny_config(), catalog.decoder(decoder).tiny_config())
    kind = sg.EncoderDecoderModel if encoder == "bert" else sg.SpeechEncoderDecoderModel
    ids = {"pad_token_id": 0, "eos_token_id": 3, "decoder_start_token_id": 2}
    return kind(kind.config_class.from_encoder_decoder_configs(*parts, **ids)).double().eval()


@pairs
def test_saved_parts_load_on_both_sides(
    tmp_path: Path, encoder: str, encoder_class: str, decoder: str, decoder_class: str
) -> None:
    pair = tiny_pair(encoder, decoder)
    before = {name: value.clone() for name, value in pair.state_dict().items()}
    pair.save_part("encoder", tmp_path / "encoder")
    pair.save_part("decoder", tmp_path / "decoder", max_shard_size=20_000)
    given = torch.arange(6)[None] % 5 if encoder == "bert" else torch.randn(1, 2000, dtype=torch.float64)
    ids, hidden = torch.tensor([[2, 4, 1]]), pair.encoder(given).last_hidden_state
    theirs, told = getattr(transformers, encoder_class).from_pretrained(tmp_path / "encoder", output_loading_info=True)
    assert not told["missing_keys"] - {"pooler.dense.weight", "pooler.dense.bias"}
    same(hidden, theirs.eval().double()(given).last_hidden_state, "last_hidden_state")
    theirs, told = getattr(transformers, decoder_class).from_pretrained(tmp_path / "decoder", output_loading_info=True)
    assert not told["missing_keys"] and theirs.config.add_cross_attention
    memory = torch.randn(1, 7, pair.decoder.memory_size, dtype=torch.float64)
    expected = theirs.eval().double()(ids, encoder_hidden_states=memory).logits
    same(pair.decoder(ids, memory=memory).logits, expected, "logits")
    assert type(sg.load(tmp_path / "encoder")).__name__ == encoder_class
    assert type(sg.load(tmp_path / "decoder")).__name__ == decoder_class
    again = type(pair).from_encoder_decoder_pretrained(tmp_path / "encoder", tmp_path / "decoder", dtype=torch.float64)
    for role in ("encoder", "decoder"):
        found = getattr(again, role).state_dict()
        for name, value in getattr(pair, role).state_dict().items():
            assert torch.equal(found[name], value), name
    assert all(torch.equal(value, before[name]) for name, value in pair.state_dict().items())


def test_a_bare_part_says_how_it_is_saved(tmp_path: Path) -> None:
    pair = tiny_pair("wav2vec2", "bert")
    with pytest.raises(InputError, match=r"a bare Wav2Vec2Encoder is not saved: pair.save_part\('encoder', folder\)"):
        pair.encoder.save_pretrained(tmp_path)
    with pytest.raises(InputError, match=r"a bare BertDecoder is not saved: pair.save_part\('decoder', folder\)"):
        pair.decoder.save_pretrained(tmp_path)
    with pytest.raises(InputError, match=r"save_part\('bridge', ...\): expected 'encoder' or 'decoder'"):
        pair.save_part("bridge", tmp_path)
