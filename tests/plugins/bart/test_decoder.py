"""BART's decoder: positions behind an offset, scaled embeddings, and what its weights begin as."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from speechgraft.errors import InputError
from speechgraft.plugins.bart.config import BartConfig
from speechgraft.plugins.bart.decoder import BartDecoder
from speechgraft.registry import default_catalog
from speechgraft.registry.models import SpeechEncoderDecoderModel, materialise

TINY = dict(default_catalog().decoder("bart").tiny)
IDS = torch.tensor([[2, 5, 9], [2, 1, 1]])


def make(**options: Any) -> BartDecoder:
    torch.manual_seed(0)
    with torch.device("meta"):
        decoder = BartDecoder(BartConfig(**TINY, **options))
    materialise(decoder)
    return decoder.double().eval()


def test_first_values_are_the_published_ones() -> None:
    decoder = make(init_std=0.5, tie_word_embeddings=False)
    assert not decoder.embeddings.word.weight[1].any(), "the padding token's"
    for weight in (
        decoder.embeddings.position.weight,
        decoder.output.weight,
        decoder.stack.layers[0].feed_forward.inner.weight,
    ):
        assert weight.std().item() == pytest.approx(0.5, rel=0.2)
    assert decoder.embeddings.position.weight.shape == (66, 16)
    assert not decoder.stack.layers[1].cross_attention.key.bias.any()
    assert make(pad_token_id=None).embeddings.word.weight.any(dim=1).all()


def test_tokens_stand_behind_two_positions_that_are_not_used() -> None:
    decoder = make()
    expected = decoder(IDS).logits
    with torch.no_grad():
        decoder.embeddings.position.weight[:2] = 99.0
        assert torch.equal(decoder(IDS).logits, expected)
        decoder.embeddings.position.weight[2, 0] += 1.0
    assert not torch.allclose(decoder(IDS).logits, expected)


def test_all_positions_can_be_used() -> None:
    decoder = make()
    ids = torch.full((1, decoder.max_positions or 0), 3)
    assert decoder(ids).logits.shape == (1, 64, 37)


def test_embeddings_are_scaled_where_the_config_says_so_and_the_output_is_not() -> None:
    plain, scaled = make(), make(scale_embedding=True)
    torch.testing.assert_close(scaled.embed(IDS), 4.0 * plain.embed(IDS), rtol=0, atol=1e-12)
    given = plain.embed(IDS)
    assert torch.equal(plain(inputs_embeds=given).logits, scaled(inputs_embeds=given).logits)


def test_the_padding_tokens_embedding_learns_from_the_output_alone() -> None:
    tied, untied = make(), make(tie_word_embeddings=False)
    for decoder in (tied, untied):
        decoder(IDS).logits.sum().backward()
    assert tied.embeddings.word.weight.grad is not None and tied.embeddings.word.weight.grad[1].any()
    assert untied.embeddings.word.weight.grad is not None and not untied.embeddings.word.weight.grad[1].any()
    assert "output.weight" in untied.state_dict() and "output.weight" not in tied.state_dict()


def test_the_cache_has_as_many_layers_as_the_decoder() -> None:
    decoder = make(encoder_layers=5)
    assert len(decoder.new_cache().self_stores) == 2


def test_nothing_to_decode_is_told() -> None:
    with pytest.raises(InputError, match="nothing to decode"):
        make()()


def test_a_pair_takes_the_width_of_the_memory_from_the_decoder() -> None:
    catalog = default_catalog()
    encoder = catalog.encoder("wav2vec2").load_config_class()(**catalog.encoder("wav2vec2").tiny)
    config = SpeechEncoderDecoderModel.config_class.from_encoder_decoder_configs(
        encoder, BartConfig(**{**TINY, "d_model": 12})
    )
    model = SpeechEncoderDecoderModel(config)
    assert model.enc_to_dec_proj is not None and model.enc_to_dec_proj.weight.shape == (12, 16)
    assert model.generation_config.forced_eos_token_id == 2
    assert model.config.decoder_start_token_id is None and model.token("decoder_start_token_id", "here") == 2
