"""An input goes by a name that fits its encoder, and what the encoder made of it may stand for it."""

from __future__ import annotations

import pytest
import torch

from speechgraft.contracts import EncoderOutput
from speechgraft.encoder_inputs import check_encoder_call, named_input, taken_over
from speechgraft.errors import InputError


class Stub:
    """What is asked of an encoder; audio gives a frame for two samples."""

    vocab_size = 5
    output_size = 3
    max_positions = 6
    minimum_length = 1
    id_options = {"token_type_ids": 2}  # noqa: RUF012 - read, never changed

    def __init__(self, kind):
        self.input_kind = kind
        self.embedding_size = 3 if kind == "tokens" else None

    def parameters(self):
        return iter(())

    def output_lengths(self, lengths):
        return lengths // 2


AUDIO, TEXT = Stub("waveform"), Stub("tokens")
IDS = torch.tensor([[0, 1, 4], [2, 3, 4]])
STATES = torch.zeros(2, 3, 3)


def test_an_input_goes_by_the_names_of_its_kind():
    assert named_input(AUDIO, inputs=None, input_values=STATES, input_ids=None) is STATES
    assert named_input(AUDIO, input_features=STATES) is STATES
    assert named_input(TEXT, input_ids=IDS) is named_input(TEXT, inputs=IDS) is IDS
    assert named_input(TEXT, inputs=None, input_ids=None) is None


def test_names_of_another_kind_are_refused_with_those_that_fit():
    with pytest.raises(
        InputError, match=r"input_values was passed, but this encoder takes tokens: .*inputs or input_ids or inputs_emb"
    ):
        named_input(TEXT, input_values=STATES)
    with pytest.raises(InputError, match=r"input_ids was passed, but this encoder takes waveform: .*input_features$"):
        named_input(AUDIO, input_ids=IDS)
    with pytest.raises(InputError, match="inputs and input_ids were passed together"):
        named_input(TEXT, inputs=IDS, input_ids=IDS)


def test_what_is_no_tensor_is_refused_by_the_name_that_it_was_passed_by():
    with pytest.raises(InputError, match=r"input_ids is a list, .*torch.as_tensor\(input_ids\)"):
        named_input(TEXT, inputs=None, input_ids=IDS.tolist())
    with pytest.raises(InputError, match="inputs_embeds is a list"):
        check_encoder_call(TEXT, None, None, {"inputs_embeds": STATES.tolist()})
    with pytest.raises(InputError, match=r"encoder_outputs is a numpy\.ndarray"):
        taken_over(TEXT, (STATES.numpy(),), None)


def test_embeddings_stand_for_tokens():
    check_encoder_call(TEXT, None, torch.tensor([[0, 1, 1], [1, 0, 1]]), {"inputs_embeds": STATES})
    with pytest.raises(InputError, match="inputs and inputs_embeds were passed together"):
        check_encoder_call(TEXT, IDS, None, {"inputs_embeds": STATES})
    with pytest.raises(InputError, match="nothing to encode: pass inputs or input_ids or inputs_embeds, or encoder_ou"):
        check_encoder_call(TEXT, None, None, {"inputs_embeds": None})
    with pytest.raises(InputError, match="token_type_ids holds 2 in row 0, place 0"):
        check_encoder_call(TEXT, None, None, {"inputs_embeds": STATES, "token_type_ids": torch.full((2, 3), 2)})


def test_the_mask_of_outputs_that_lack_one_follows_from_that_of_the_inputs():
    mask = torch.tensor([[0, 1, 1], [1, 0, 1]])
    assert taken_over(TEXT, (STATES,), mask).frame_mask.tolist() == mask.bool().tolist()
    samples = torch.tensor([[1] * 6, [1] * 4 + [0] * 2])
    found = taken_over(AUDIO, EncoderOutput(last_hidden_state=STATES), samples).frame_mask
    assert found.tolist() == [[True] * 3, [True, True, False]]
    assert taken_over(AUDIO, (STATES,), None).frame_mask is None
    own = EncoderOutput(last_hidden_state=STATES, frame_mask=mask.bool())
    assert taken_over(TEXT, own, 1 - mask) is own


def test_outputs_of_another_shape_are_refused():
    with pytest.raises(InputError, match=r"encoder_outputs has shape \(2, 3, 2\)"):
        taken_over(TEXT, (STATES[..., :2],), None)
    with pytest.raises(InputError, match=r"attention_mask has shape \(2, 4\), but \(2, 3\) was expected"):
        taken_over(TEXT, (STATES,), torch.ones(2, 4))
