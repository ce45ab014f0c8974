"""Pairs of text: the class that a pair gets, what it refuses, and what it takes."""

from __future__ import annotations

import pytest
import torch

import speechgraft as sg
from speechgraft.errors import ConfigError, IncompatiblePairError, InputError, RoutingError
from speechgraft.registry import default_catalog, pair
from speechgraft.registry.models import MODELS, pair_class

TINY = dict(default_catalog().encoder("bert").tiny)
SPEECH = dict(default_catalog().encoder("wav2vec2").tiny)
TOKENS = {"pad_token_id": 0, "decoder_start_token_id": 1, "eos_token_id": 2}
IDS = torch.tensor([[5, 6, 7, 8], [9, 10, 11, 0]])
MASK = torch.tensor([[1, 1, 1, 1], [0, 1, 1, 0]])
LABELS = torch.tensor([[5, 6, 2], [7, 2, -100]])


def make(**options):
    torch.manual_seed(0)
    decoder = {**TINY, "hidden_size": 8}
    return pair("bert", "bert", encoder=TINY, decoder=decoder, **{**TOKENS, **options}).double().eval()


@pytest.fixture(scope="module")
def model():
    return make()


def same(one, other):
    torch.testing.assert_close(one, other, rtol=0, atol=1e-12)


def test_the_class_follows_from_what_the_encoder_takes():
    assert type(make()) is sg.EncoderDecoderModel
    assert type(make().config) is sg.EncoderDecoderConfig
    speech = pair("wav2vec2", "bert", encoder=SPEECH, decoder=TINY)
    assert type(speech) is sg.SpeechEncoderDecoderModel
    assert type(speech.config) is sg.SpeechEncoderDecoderConfig
    assert [pair_class(kind) for kind in ("waveform", "features", "tokens")] == [MODELS[0], MODELS[0], MODELS[1]]


def test_an_encoder_of_another_kind_is_refused_with_the_right_class():
    text = sg.SpeechEncoderDecoderConfig.from_encoder_decoder_configs(sg.BertConfig(**TINY), sg.BertConfig(**TINY))
    with pytest.raises(IncompatiblePairError, match="'bert' is one of tokens: use EncoderDecoderModel"):
        sg.SpeechEncoderDecoderModel(text)
    speech = sg.EncoderDecoderConfig.from_encoder_decoder_configs(sg.Wav2Vec2Config(**SPEECH), sg.BertConfig(**TINY))
    with pytest.raises(IncompatiblePairError, match="'wav2vec2' is one of waveform: use SpeechEncoderDecoderModel"):
        sg.EncoderDecoderModel(speech)
    parts = make()
    with pytest.raises(IncompatiblePairError, match="use EncoderDecoderModel"):
        sg.SpeechEncoderDecoderModel(encoder=parts.encoder, decoder=parts.decoder)


def test_a_config_of_another_class_is_refused_with_the_right_class(model):
    with pytest.raises(ConfigError, match="expected SpeechEncoderDecoderConfig: use EncoderDecoderModel"):
        sg.SpeechEncoderDecoderModel(model.config)
    with pytest.raises(ConfigError, match=r"built from BertConfig, expected EncoderDecoderConfig$"):
        sg.EncoderDecoderModel(sg.BertConfig(**TINY))


def test_a_folder_of_another_class_is_refused_with_the_right_class(model, tmp_path):
    model.save_pretrained(tmp_path)
    with pytest.raises(
        ConfigError, match="encoder takes tokens, no SpeechEncoderDecoderModel: use EncoderDecoderModel"
    ):
        sg.SpeechEncoderDecoderModel.from_pretrained(tmp_path)
    back = sg.EncoderDecoderModel.from_pretrained(tmp_path)
    assert back.config.architectures == ["EncoderDecoderModel"]
    same(back(IDS, MASK, labels=LABELS).loss, model(IDS, MASK, labels=LABELS).loss)


def test_two_pretrained_parts_make_a_pair(model, tmp_path):
    from speechgraft.checkpoint import write_tensors
    from speechgraft.plugins.bert.weights import decoder_weights

    whole = sg.BertConfig(**TINY)
    lm = default_catalog().decoder("bert").build(whole)
    torch.nn.init.normal_(lm.embeddings.word.weight)
    for parameter in lm.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    whole.save_pretrained(tmp_path)
    write_tensors(tmp_path, decoder_weights(whole).to_disk(lm.state_dict()))
    made = sg.EncoderDecoderModel.from_encoder_decoder_pretrained(tmp_path, tmp_path, decoder_hidden_dropout_prob=0.0)
    same(made.encoder.embeddings.word.weight, lm.embeddings.word.weight)
    same(made.decoder.embeddings.word.weight, lm.embeddings.word.weight)
    same(made.encoder.stack.layers[1].attention.key.weight, lm.stack.layers[1].self_attention.key.weight)
    assert made.config.decoder.hidden_dropout_prob == 0.0
    left_out = made.load_report.ignored
    assert left_out["encoder.cls.predictions.transform.dense.weight"].startswith("the language model head")
    assert left_out["encoder.bert.encoder.layer.0.crossattention.self.key.weight"].startswith("a decoder's")
    with pytest.raises(IncompatiblePairError, match="use EncoderDecoderModel"):
        sg.SpeechEncoderDecoderModel.from_encoder_decoder_pretrained(tmp_path, tmp_path)


def test_an_encoder_made_of_a_decoders_config_reads_in_both_directions():
    decoder = sg.BertConfig(**TINY, is_decoder=True, add_cross_attention=True)
    config = sg.EncoderDecoderConfig.from_encoder_decoder_configs(decoder, decoder)
    assert not config.encoder.is_decoder
    assert not config.encoder.add_cross_attention
    assert decoder.is_decoder
    with pytest.raises(ConfigError, match=r"\$.is_decoder: an encoder reads in both directions"):
        sg.EncoderDecoderModel(sg.EncoderDecoderConfig(encoder=decoder, decoder=decoder))


def test_a_decoder_without_layers_is_refused_and_an_encoder_is_not():
    report = sg.check("bert", "bert", encoder={**TINY, "num_hidden_layers": 0}, decoder=TINY)
    assert report.ok
    report = sg.check("bert", "bert", encoder=TINY, decoder={**TINY, "num_hidden_layers": 0})
    assert report.problems == (
        "$.decoder.num_hidden_layers: 0, but without a layer nothing in a decoder would attend to the memory",
    )


def test_text_goes_by_its_names(model):
    expected = model(IDS, MASK, labels=LABELS)
    same(model(input_ids=IDS, attention_mask=MASK, labels=LABELS).logits, expected.logits)
    embeds = model.encoder.embeddings.embed(IDS)
    same(model(inputs_embeds=embeds, attention_mask=MASK, labels=LABELS).logits, expected.logits)
    zeros = torch.zeros_like(IDS)
    options = {"token_type_ids": zeros, "encoder_position_ids": torch.arange(4)[None]}
    same(model(IDS, MASK, labels=LABELS, **options).logits, expected.logits)
    other = model(IDS, MASK, labels=LABELS, token_type_ids=zeros + 1).logits
    assert not torch.allclose(other, expected.logits)


def test_generation_takes_what_a_tokenizer_gives(model):
    inputs = {"input_ids": IDS, "attention_mask": MASK, "token_type_ids": torch.ones_like(IDS)}
    found = model.generate(**inputs, max_new_tokens=5)
    encoded = model.encode(IDS, MASK, token_type_ids=inputs["token_type_ids"])
    assert found.tolist() == model.generate(encoder_outputs=encoded, max_new_tokens=5).tolist()
    embeds = model.encoder.embeddings.embed(IDS)
    by_embeds = model.generate(inputs_embeds=embeds, **{k: v for k, v in inputs.items() if k != "input_ids"})
    assert by_embeds[:, :6].tolist() == model.generate(**inputs)[:, :6].tolist()
    with pytest.raises(RoutingError, match="did you mean 'token_type_ids'"):
        model.generate(IDS, token_type_id=None)


def test_the_last_hidden_state_is_the_encoders_own(model):
    out = model(IDS, MASK, labels=LABELS)
    same(out.encoder_last_hidden_state, model.encode(IDS, MASK).last_hidden_state)
    assert out.encoder_last_hidden_state.shape == (2, 4, 16)
    assert out.encoder_frame_mask.tolist() == MASK.bool().tolist()


def test_encoder_outputs_keep_the_gaps_of_the_mask(model):
    expected = model(IDS, MASK, labels=LABELS).logits
    bare = (model.encode(IDS, MASK).last_hidden_state,)
    same(model(encoder_outputs=bare, attention_mask=MASK, labels=LABELS).logits, expected)


BAD_CALLS = {
    "audio": ({"input_values": torch.zeros(2, 400)}, "input_values was passed, but this encoder takes tokens"),
    "nothing": ({}, "nothing to encode: pass inputs or input_ids or inputs_embeds, or encoder_outputs"),
    "both": ({"input_ids": IDS, "inputs_embeds": torch.zeros(2, 4, 16)}, "inputs and inputs_embeds were passed"),
    "an id outside": ({"input_ids": IDS + 30}, "inputs holds id 37 in row 0, place 2"),
    "too many": ({"input_ids": IDS.repeat(1, 17)}, "68 tokens were asked for, but the encoder has 64 positions"),
    "an empty row": ({"input_ids": IDS, "attention_mask": MASK * MASK[:1] * 0}, "row 0 has 0, row 1 has 0 tokens"),
    "a type": ({"input_ids": IDS, "token_type_ids": IDS}, "token_type_ids holds 5 in row 0, place 0, but there are 2"),
    "narrow embeddings": ({"inputs_embeds": torch.zeros(2, 4, 3)}, r"inputs_embeds has shape \(2, 4, 3\)"),
    "a decoder type": (
        {"input_ids": IDS, "decoder_token_type_ids": torch.full((2, 3), 2)},
        "decoder_token_type_ids holds 2 in row 0, place 0",
    ),
}


@pytest.mark.parametrize(("arguments", "message"), BAD_CALLS.values(), ids=BAD_CALLS)
def test_bad_calls_are_refused(model, arguments, message):
    with pytest.raises(InputError, match=message):
        model(**arguments, labels=LABELS)


def test_a_ctc_loss_wants_texts_that_begin_in_the_first_place():
    model = make(ctc_vocab_size=37)
    assert model(IDS, torch.ones_like(IDS), labels=LABELS).ctc_loss.isfinite()
    with pytest.raises(InputError, match=r"for a CTC loss, attention_mask is not right-padded .* in row 1"):
        model(IDS, MASK, labels=LABELS)


def test_speech_takes_no_tokens():
    speech = pair("wav2vec2", "bert", encoder=SPEECH, decoder=TINY, **TOKENS)
    with pytest.raises(InputError, match="input_ids was passed, but this encoder takes waveform"):
        speech(input_ids=IDS, labels=LABELS)
    with pytest.raises(RoutingError, match="unknown option 'inputs_embeds'"):
        speech(inputs_embeds=torch.zeros(2, 4, 16), labels=LABELS)


def test_weights_are_not_shared_between_the_parts():
    with pytest.raises(ConfigError, match=r"tie_encoder_decoder: kept where a file has it, but no part"):
        sg.EncoderDecoderConfig.from_encoder_decoder_configs(
            sg.BertConfig(**TINY), sg.BertConfig(**TINY), tie_encoder_decoder=True
        )
    made = make(tie_word_embeddings=True)
    assert made.encoder.embeddings.word.weight is not made.decoder.embeddings.word.weight
    assert made.decoder.head.output.weight is None, "the decoder's own config ties its output layer"
