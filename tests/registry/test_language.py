"""Language models alone: how they are built, what they refuse, and that pairs take them ready-made."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
import transformers

import speechgraft as sg
from speechgraft.errors import ConfigError, IncompatiblePairError, InputError, RoutingError

BERT: dict[str, Any] = {
    "vocab_size": 19,
    "hidden_size": 8,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 12,
    "max_position_embeddings": 16,
    "is_decoder": True,
    "bos_token_id": 1,
    "eos_token_id": 2,
}
IDS = torch.tensor([[1, 4, 5], [3, 6, 7]])


def bert(**options: Any) -> sg.BertLMHeadModel:
    return sg.BertLMHeadModel(sg.BertConfig(**{**BERT, **options})).eval()


def wav2vec2() -> sg.Wav2Vec2Model:
    sizes = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 12}
    front = {"conv_dim": [4, 4], "conv_kernel": [5, 3], "conv_stride": [3, 2], "num_conv_pos_embedding_groups": 2}
    return sg.Wav2Vec2Model(sg.Wav2Vec2Config(**sizes, **front)).eval()


def test_an_encoders_config_is_refused_with_what_to_pass() -> None:
    with pytest.raises(ConfigError, match="is_decoder: a language model reads from left to right: pass is_decoder=Tr"):
        bert(is_decoder=False)
    with pytest.raises(ConfigError, match="BertLMHeadModel takes a BertConfig, not a GPT2Config"):
        sg.BertLMHeadModel(sg.GPT2Config())


def test_the_caller_keeps_the_config() -> None:
    config = sg.BartConfig(vocab_size=9, d_model=8, decoder_layers=1, decoder_attention_heads=2, decoder_ffn_dim=8)
    model = sg.BartForCausalLM(config)
    assert config.is_encoder_decoder and not config.is_decoder
    assert model.config.is_decoder and not model.config.is_encoder_decoder


def test_a_token_changes_nothing_before_it() -> None:
    model, other = bert(), IDS.clone()
    other[:, 2] = 9
    assert torch.equal(model(IDS).logits[:, :2], model(other).logits[:, :2])


def test_what_is_kept_and_given_back() -> None:
    model = bert()
    out = model(IDS, labels=IDS)
    assert list(out) == ["loss", "logits"] and out.past_key_values is None
    assert list(model(IDS)) == ["logits", "past_key_values"]
    assert isinstance(model(IDS, return_dict=False), tuple)
    torch.testing.assert_close(model(IDS, logits_to_keep=1).logits, model(IDS).logits[:, -1:])
    torch.testing.assert_close(model(IDS, logits_to_keep=2).logits, model(IDS).logits[:, -2:])
    counted = model(IDS, labels=IDS, num_items_in_batch=8).loss
    torch.testing.assert_close(counted, out.loss * 4 / 8)


def test_wrong_calls_are_refused() -> None:
    model = bert()
    with pytest.raises(InputError, match="nothing to decode: pass input_ids or inputs_embeds"):
        model()
    with pytest.raises(InputError, match="input_ids holds id 19 in row 0, place 0"):
        model(torch.tensor([[19]]))
    with pytest.raises(RoutingError, match=r"unknown option 'token_typ_ids'.*token_type_ids"):
        model(IDS, token_typ_ids=IDS)
    with pytest.raises(InputError, match="built without cross-attention: set add_cross_attention=True"):
        model(IDS, encoder_hidden_states=torch.zeros(2, 3, 8))
    with pytest.raises(InputError, match="encoder_attention_mask was passed without encoder_hidden_states"):
        model(IDS, encoder_attention_mask=torch.ones(2, 3))
    with pytest.raises(InputError, match="encoder_hidden_states has 1 row, but there are 2"):
        bert(add_cross_attention=True)(IDS, encoder_hidden_states=torch.zeros(1, 3, 8))
    with pytest.raises(InputError, match="every label is -100"):
        model(IDS, labels=torch.full_like(IDS, -100))


def test_texts_begin_with_bos_and_prompts_end_in_a_token() -> None:
    model = bert()
    assert model.generate(max_length=6)[0, 0] == 1
    assert model.generate(IDS, max_new_tokens=2).shape == (2, 5)
    with pytest.raises(InputError, match="the prompt of row 1 ends in tokens that do not count"):
        model.generate(IDS, attention_mask=torch.tensor([[1, 1, 1], [1, 1, 0]]))
    with pytest.raises(InputError, match="built without cross-attention"):
        model.generate(IDS, encoder_hidden_states=torch.zeros(2, 3, 8))
    with pytest.raises(InputError, match="hears nothing that CTC could score"):
        model.generate(IDS, ctc_weight=0.3)
    with pytest.raises(ConfigError, match="bos_token_id is needed to begin with, as there are no input_ids"):
        bert(bos_token_id=None).generate(max_length=6)


def test_padding_on_the_left_changes_no_text() -> None:
    model = bert(pad_token_id=0)
    alone = model.generate(IDS[:1, 1:], max_new_tokens=4)
    padded = model.generate(torch.tensor([[0, 4, 5], [3, 6, 7]]), max_new_tokens=4)
    assert padded[0, 1:].tolist()[: alone.shape[1]] == alone[0].tolist()


def test_a_pair_takes_it_as_its_decoder() -> None:
    encoder, decoder = wav2vec2(), bert(add_cross_attention=True)
    pair = sg.SpeechEncoderDecoderModel(encoder=encoder, decoder=decoder)
    assert pair.decoder is decoder.decoder and pair.config.decoder is decoder.config
    grafted = sg.SpeechEncoderDecoderModel.from_encoder_decoder_pretrained(
        encoder_model=encoder, decoder_model=decoder, decoder_start_token_id=1, pad_token_id=0
    )
    assert grafted.decoder is decoder.decoder
    assert grafted(torch.randn(2, 200), labels=IDS).loss.isfinite()


def test_a_pair_takes_berts_of_both_kinds() -> None:
    sizes = {**BERT, "is_decoder": False}
    encoder = sg.BertModel(sg.BertConfig(**sizes))
    pair = sg.EncoderDecoderModel(encoder=encoder, decoder=bert(add_cross_attention=True))
    assert pair.encoder is encoder.encoder


def test_a_pair_refuses_what_attends_to_nothing_or_is_for_the_other_place() -> None:
    with pytest.raises(IncompatiblePairError, match=r"BertLMHeadModel was built without cross-attention.*is_decoder=T"):
        sg.SpeechEncoderDecoderModel(encoder=wav2vec2(), decoder=bert())
    with pytest.raises(InputError, match="BertLMHeadModel cannot be the encoder of a pair: pass an encoder alone"):
        sg.SpeechEncoderDecoderModel(encoder=bert(), decoder=bert(add_cross_attention=True))  # type: ignore[arg-type]
    with pytest.raises(InputError, match="Wav2Vec2Model cannot be the decoder of a pair: pass a language model"):
        sg.SpeechEncoderDecoderModel(encoder=wav2vec2(), decoder=wav2vec2())  # type: ignore[arg-type]


def test_its_generation_config_is_saved_beside_it(tmp_path: Path) -> None:
    model = bert()
    model.generation_config.max_new_tokens = 3
    model.save_pretrained(tmp_path)
    again = sg.BertLMHeadModel.from_pretrained(tmp_path)
    assert again.generation_config.max_new_tokens == 3 and again.generation_config.bos_token_id == 1
    assert torch.equal(again.generate(IDS), model.generate(IDS))
    with pytest.raises(RoutingError, match="vocab_siz"):
        sg.BertLMHeadModel.from_pretrained(tmp_path, vocab_siz=3)


def test_a_generation_config_of_another_library_is_refused_when_it_is_set() -> None:
    model, other = bert(), transformers.GenerationConfig(num_beams=3)
    with pytest.raises(
        InputError, match=r"is a transformers\..*GenerationConfig, .*: GenerationConfig.from_dict\(its to"
    ):
        model.generation_config = other
    model.generation_config = sg.GenerationConfig.from_dict(other.to_dict())  # as the message says
    assert model.generation_config.num_beams == 3
