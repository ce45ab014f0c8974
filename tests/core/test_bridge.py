"""The bridge: what it takes, what it gives back, and what it refuses."""

from __future__ import annotations

import pickle

import pytest
import torch
import torch.nn.functional as F
from torch.utils import _pytree

from speechgraft.contracts import EncoderOutput, Seq2SeqOutput
from speechgraft.errors import ConfigError, IncompatiblePairError, InputError, RoutingError
from speechgraft.registry import default_catalog, pair

ENCODER = dict(default_catalog().encoder("wav2vec2").tiny)
DECODER = dict(default_catalog().decoder("bert").tiny)
TOKENS = {"pad_token_id": 0, "decoder_start_token_id": 1, "eos_token_id": 2}


def make(encoder=None, decoder=None, **options):
    torch.manual_seed(0)
    model = pair(
        "wav2vec2", "bert", encoder={**ENCODER, **(encoder or {})}, decoder={**DECODER, **(decoder or {})}, **options
    )
    return model.double().eval()


@pytest.fixture(scope="module")
def model():
    return make(**TOKENS)


torch.manual_seed(1)
X = torch.randn(2, 300, dtype=torch.float64)
MASK = (torch.arange(300) < torch.tensor([300, 200])[:, None]).long()
IDS = torch.tensor([[1, 5, 6], [1, 7, 8]])
LABELS = torch.tensor([[5, 6, 2], [7, 2, -100]])


def same(one, other):
    torch.testing.assert_close(one, other, rtol=0, atol=1e-12)


def test_outputs_read_as_attributes_keys_and_a_tuple(model):
    out = model(X, MASK, labels=LABELS)
    assert isinstance(out, Seq2SeqOutput)
    assert out.loss is out["loss"] is out[0]
    assert out.logits is out["logits"] is out[1] is out[:2][1]
    assert out.to_tuple() == tuple(out.values())
    assert out.past_key_values is None
    assert "past_key_values" not in out
    assert out.ctc_logits is None
    with pytest.raises(AttributeError, match="no field 'losses'"):
        _ = out.losses
    with pytest.raises(TypeError, match="no field"):
        Seq2SeqOutput(lost=1)


def test_outputs_survive_pickle_and_pytree(model):
    out = model(X, MASK, labels=LABELS, output_hidden_states=True)
    copied = pickle.loads(pickle.dumps(Seq2SeqOutput(loss=out.loss.detach(), logits=out.logits.detach())))
    assert isinstance(copied, Seq2SeqOutput)
    assert torch.equal(copied.logits, out.logits)
    doubled = _pytree.tree_map(lambda value: 2 * value, out)
    assert isinstance(doubled, Seq2SeqOutput)
    assert torch.equal(doubled.encoder_hidden_states[0], 2 * out.encoder_hidden_states[0])


def test_a_tuple_is_given_where_it_is_asked_for(model):
    plain = model(X, MASK, labels=LABELS, return_dict=False)
    assert isinstance(plain, tuple)
    same(plain[0], model(X, MASK, labels=LABELS).loss)


def test_inputs_go_by_three_names(model):
    expected = model(X, MASK, decoder_input_ids=IDS).logits
    same(model(input_values=X, attention_mask=MASK, decoder_input_ids=IDS).logits, expected)
    same(model(input_features=X, attention_mask=MASK, decoder_input_ids=IDS).logits, expected)


def test_encoder_outputs_stand_for_inputs(model):
    encoded = model.encode(X, MASK)
    expected = model(X, MASK, decoder_input_ids=IDS).logits
    same(model(encoder_outputs=encoded, decoder_input_ids=IDS).logits, expected)
    bare = (encoded.last_hidden_state,)
    same(model(encoder_outputs=bare, attention_mask=MASK, decoder_input_ids=IDS).logits, expected)
    unmasked = model(encoder_outputs=bare, decoder_input_ids=IDS).logits
    same(unmasked[0], expected[0])
    assert not torch.allclose(unmasked[1], expected[1])


def test_embeddings_stand_for_ids(model):
    expected = model(X, MASK, decoder_input_ids=IDS).logits
    same(model(X, MASK, decoder_inputs_embeds=model.decoder.embed(IDS)).logits, expected)


def test_a_cache_goes_on_without_the_inputs(model):
    whole = model(X, MASK, decoder_input_ids=IDS, use_cache=False)
    assert whole.past_key_values is None
    first = model(X, MASK, decoder_input_ids=IDS[:, :1])
    rest = model(decoder_input_ids=IDS[:, 1:], past_key_values=first.past_key_values)
    same(torch.cat([first.logits, rest.logits], dim=1), whole.logits)
    assert rest.encoder_last_hidden_state is None


def test_attentions_and_hidden_states_are_given_on_request_and_change_nothing(model):
    plain = model(X, MASK, decoder_input_ids=IDS)
    full = model(X, MASK, decoder_input_ids=IDS, output_attentions=True, output_hidden_states=True)
    same(full.logits, plain.logits)
    frames = plain.encoder_last_hidden_state.shape[1]
    assert plain.cross_attentions is None
    assert [tuple(each.shape) for each in full.cross_attentions] == [(2, 2, 3, frames)] * 2
    assert [tuple(each.shape) for each in full.decoder_attentions] == [(2, 2, 3, 3)] * 2
    assert [tuple(each.shape) for each in full.encoder_attentions] == [(2, 2, frames, frames)] * 2
    assert len(full.encoder_hidden_states) == len(full.decoder_hidden_states) == 3
    hidden = int((~full.encoder_frame_mask[1]).sum())
    assert hidden > 0
    assert (full.cross_attentions[0][1, ..., -hidden:] == 0).all()


def test_switches_are_read_from_the_config_when_they_are_used():
    model = make(**TOKENS)
    model.config.output_attentions, model.config.return_dict = True, False
    assert isinstance(model(X, decoder_input_ids=IDS), tuple)
    model.config.return_dict = True
    assert model(X, decoder_input_ids=IDS).cross_attentions is not None
    model.config.decoder.use_cache = False
    assert model(X, decoder_input_ids=IDS).past_key_values is None


def test_labels_make_decoder_inputs_and_their_mask(model):
    out = model(X, MASK, labels=LABELS)
    seen = torch.tensor([[1, 1, 1], [1, 1, 0]])
    by_hand = model(X, MASK, decoder_input_ids=torch.tensor([[1, 5, 6], [1, 7, 2]]), decoder_attention_mask=seen)
    same(out.logits, by_hand.logits)


def test_ctc_loss_comes_beside_the_loss():
    model = make(**TOKENS, ctc_vocab_size=DECODER["vocab_size"])
    out = model(X, MASK, labels=LABELS)
    assert out.ctc_logits.shape == (2, out.encoder_frame_mask.shape[1], DECODER["vocab_size"])
    assert out.ctc_loss > 0
    assert model(X, MASK, decoder_input_ids=IDS).ctc_loss is None
    halves = [model(X, MASK, labels=LABELS, num_items_in_batch=10) for _ in range(1)]
    same(halves[0].ctc_loss * 10, out.ctc_loss * 5)
    same(halves[0].loss * 10, out.loss * 5)


def test_a_ctc_head_with_a_vocabulary_of_its_own_learns_from_labels_of_its_own():
    model = make(**TOKENS, ctc_vocab_size=4, ctc_blank_token_id=3)
    assert model(X, MASK, labels=LABELS).ctc_loss is None, "the decoder's tokens are none of the head's"
    own = torch.tensor([[0, 1, 2, 1], [2, -100, 3, -1]])
    out = model(X, MASK, labels=LABELS, ctc_labels=own)
    lengths = out.encoder_frame_mask.sum(dim=1)
    log_probs = out.ctc_logits.log_softmax(-1).transpose(0, 1)
    said = torch.tensor([0, 1, 2, 1, 2])
    total = F.ctc_loss(log_probs, said, lengths, torch.tensor([4, 1]), blank=3, reduction="sum")
    same(out.ctc_loss, total / 5)
    same(model(X, MASK, labels=LABELS, ctc_labels=own, num_items_in_batch=10).ctc_loss, total / 10)
    same(model(X, MASK, decoder_input_ids=IDS, ctc_labels=own).ctc_loss, out.ctc_loss)
    with pytest.raises(InputError, match="labels hold id 4 in row 1, place 0, but the CTC head has 4 tokens"):
        model(X, MASK, decoder_input_ids=IDS, ctc_labels=torch.tensor([[1], [4]]))
    with pytest.raises(InputError, match=r"ctc_labels has shape \(3, 1\)"):
        model(X, MASK, decoder_input_ids=IDS, ctc_labels=torch.ones(3, 1).long())
    with pytest.raises(InputError, match="there is no CTC head"):
        make(**TOKENS)(X, MASK, decoder_input_ids=IDS, ctc_labels=own)


def test_the_projection_is_as_wide_as_the_parts_ask():
    assert make().enc_to_dec_proj is None
    narrow = make(decoder={"hidden_size": 24})
    assert tuple(narrow.enc_to_dec_proj.weight.shape) == (24, 16)
    adapted = make(encoder={"add_adapter": True, "output_hidden_size": 12})
    assert tuple(adapted.enc_to_dec_proj.weight.shape) == (16, 12)
    fitting = make(decoder={"hidden_size": 24, "cross_attention_hidden_size": 16})
    assert fitting.enc_to_dec_proj is None
    assert fitting(X, decoder_input_ids=IDS).logits.isfinite().all()
    with pytest.raises(
        IncompatiblePairError, match="cross_attention_hidden_size is 20, but the encoder gives frames of 16"
    ):
        make(decoder={"cross_attention_hidden_size": 20})


BAD_CALLS = {
    "nothing to encode": ({"decoder_input_ids": IDS}, "nothing to encode"),
    "nothing to decode": ({"inputs": X}, "nothing to decode"),
    "two inputs": ({"inputs": X, "input_values": X, "decoder_input_ids": IDS}, "inputs and input_values were passed"),
    "ids and embeddings": (
        {"inputs": X, "decoder_input_ids": IDS, "decoder_inputs_embeds": torch.zeros(2, 3, 16)},
        "decoder_input_ids and decoder_inputs_embeds were passed together",
    ),
    "short mask": (
        {"inputs": X, "attention_mask": MASK[:, :200], "labels": LABELS},
        r"attention_mask has shape \(2, 200\)",
    ),
    "short row": (
        {"inputs": X[:, :9], "labels": LABELS},
        "row 0 has 9, row 1 has 9 samples, but the encoder needs at least",
    ),
    "single audio": (
        {"inputs": X.float(), "labels": LABELS},
        r"inputs are torch.float32, but the model's parameters are torch.float64: pass inputs.to\(torch.float64\)",
    ),
    "audio that is none": ({"inputs": X * 1e30, "labels": LABELS}, r"inputs reach .*e\+30 in row 0"),
    "an array": ({"input_values": X.numpy(), "labels": LABELS}, "input_values is a numpy.ndarray, but a tensor"),
    "a list of ids": ({"inputs": X, "decoder_input_ids": IDS.tolist()}, "decoder_input_ids is a list, but a tensor"),
    "a list of labels": ({"inputs": X, "labels": LABELS.tolist()}, r"torch.as_tensor\(labels\) makes one"),
    "labels that are true or false": ({"inputs": X, "labels": LABELS > 0}, "labels has shape .* of torch.bool"),
    "a list for a mask": ({"inputs": X, "attention_mask": MASK.tolist(), "labels": LABELS}, "attention_mask is a list"),
    "a list for a decoder's mask": (
        {"inputs": X, "decoder_input_ids": IDS, "decoder_attention_mask": [[1, 1, 1]] * 2},
        "decoder_attention_mask is a list",
    ),
    "single embeddings": (
        {"inputs": X, "decoder_inputs_embeds": torch.zeros(2, 3, 16)},
        "decoder_inputs_embeds are torch.float32, but the model's parameters are torch.float64",
    ),
    "single encoder outputs": (
        {"encoder_outputs": (torch.zeros(2, 3, 16),), "decoder_input_ids": IDS},
        "encoder_outputs are torch.float32, but",
    ),
    "a step without labels": (
        {"inputs": X, "labels": LABELS, "num_items_in_batch": 0},
        "num_items_in_batch is 0, expected",
    ),
    "NaN": ({"inputs": X * torch.nan, "labels": LABELS}, "NaN or infinity in row 0, 1"),
    "all ignored": ({"inputs": X, "labels": torch.full((2, 3), -100)}, "every label is -100"),
    "no labels": ({"inputs": X, "labels": LABELS[:, :0]}, r"labels has shape \(2, 0\)"),
    "label outside": ({"inputs": X, "labels": LABELS + 40}, "labels holds id 45 in row 0, place 0"),
    "id outside": ({"inputs": X, "decoder_input_ids": IDS - 6}, "decoder_input_ids holds id -5 in row 0, place 0"),
    "labels of more rows": ({"inputs": X, "labels": LABELS.repeat(2, 1)}, "labels has 4 rows, but there are 2"),
    "labels of fewer rows": ({"inputs": X, "labels": LABELS[:1]}, "labels has 1 row, but there are 2"),
    "ids of more rows": ({"inputs": X, "decoder_input_ids": IDS.repeat(2, 1)}, "decoder_input_ids has 4 rows"),
    "narrow embeddings": (
        {"inputs": X, "decoder_inputs_embeds": torch.zeros(2, 3, 1)},
        r"decoder_inputs_embeds has shape \(2, 3, 1\), but \(batch, length, 16\) was expected",
    ),
    "other labels than ids": ({"inputs": X, "labels": LABELS, "decoder_input_ids": IDS[:, :2]}, "labels have shape"),
    "decoder mask": (
        {"inputs": X, "decoder_input_ids": IDS, "decoder_attention_mask": torch.ones(2, 4)},
        r"decoder_attention_mask has shape \(2, 4\), but \(2, 3\) was expected",
    ),
    "additive decoder mask": (
        {"inputs": X, "decoder_input_ids": IDS, "decoder_attention_mask": torch.full((2, 3), -1e9)},
        "decoder_attention_mask holds other values than 0 and 1",
    ),
    "narrow encoder outputs": (
        {"encoder_outputs": EncoderOutput(last_hidden_state=torch.zeros(2, 3, 5)), "decoder_input_ids": IDS},
        r"encoder_outputs has shape \(2, 3, 5\)",
    ),
    "too many tokens": (
        {"inputs": X, "decoder_input_ids": torch.ones(2, 65, dtype=torch.int64)},
        "65 tokens were asked for, but the decoder has 64 positions",
    ),
}


@pytest.mark.parametrize(("arguments", "message"), BAD_CALLS.values(), ids=BAD_CALLS)
def test_bad_calls_are_refused(model, arguments, message):
    with pytest.raises(InputError, match=message):
        model(**arguments)


def test_rows_must_go_with_the_cache(model):
    cache = model(X, MASK, decoder_input_ids=IDS).past_key_values
    with pytest.raises(InputError, match="decoder_input_ids has 1 row, but there are 2"):
        model(decoder_input_ids=IDS[:1, :1], past_key_values=cache)


def test_unknown_options_are_refused_with_the_nearest_name(model):
    with pytest.raises(RoutingError, match="did you mean 'mask_time_indices'"):
        model(X, MASK, labels=LABELS, mask_time_index=None)
    with pytest.raises(
        RoutingError, match=r"'lables'; did you mean 'labels'.*'decoder_inputs_id'; did you mean 'decoder_input_ids'"
    ):
        model(X, lables=LABELS, decoder_inputs_id=IDS)
    with pytest.raises(RoutingError, match="'atention_mask'; did you mean 'attention_mask'"):
        model.encode(X, atention_mask=MASK)
    assert model.encode(X, MASK, output_hidden_states=True, mask_time_indices=None).hidden_states
    with pytest.raises(RoutingError, match="did you mean 'decoder_position_ids'"):
        model(X, MASK, labels=LABELS, position_ids=None)


def test_a_special_token_that_no_config_sets_is_asked_for_when_it_is_needed():
    model = make()
    assert model(X, decoder_input_ids=IDS).logits.shape == (2, 3, DECODER["vocab_size"])
    with pytest.raises(
        ConfigError, match=r"decoder_start_token_id is needed .*: set model.config.decoder_start_token_id"
    ):
        model(X, labels=LABELS)
    model.config.decoder_start_token_id = 1
    assert model(X, labels=LABELS).loss.isfinite()


def test_special_tokens_for_labels_are_those_of_the_pair_then_of_the_decoder_when_they_are_used():
    model = make()
    by_hand = {"decoder_attention_mask": torch.tensor([[1, 1, 1], [1, 1, 0]])}

    def expected(start):
        return model(X, MASK, decoder_input_ids=torch.tensor([[start, 5, 6], [start, 7, 2]]), **by_hand).logits

    model.config.decoder.decoder_start_token_id = 3
    same(model(X, MASK, labels=LABELS).logits, expected(3))
    model.config.decoder_start_token_id = 4
    same(model(X, MASK, labels=LABELS).logits, expected(4))
    model.config.decoder.decoder_start_token_id = None
    same(model(X, MASK, labels=LABELS).logits, expected(4))


@pytest.mark.parametrize("name", ["decoder_start_token_id", "pad_token_id"])
def test_a_special_token_outside_the_vocabulary_is_refused_with_its_name(name):
    model = make(**{**TOKENS, name: 37})
    with pytest.raises(ConfigError, match=rf"{name} is 37 and needed to make .*\(0 to 36\): set model.config.{name}"):
        model(X, MASK, labels=LABELS)


def test_the_feature_encoder_can_be_frozen():
    model = make(**TOKENS)
    model.freeze_feature_encoder()
    model(X, labels=LABELS).loss.backward()
    assert all(parameter.grad is None for parameter in model.encoder.features.convs.parameters())
    assert model.encoder.features.projection.linear.weight.grad is not None


def test_gradient_checkpointing_goes_along_with_a_cache():
    model = make(**TOKENS).train()
    model.gradient_checkpointing_enable()
    torch.manual_seed(0)
    model(X, MASK, labels=LABELS, use_cache=True).loss.backward()
    assert model.decoder.stack.layers[0].self_attention.query.weight.grad.isfinite().all()
