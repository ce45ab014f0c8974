"""What a public call refuses: each error names argument and row, and what was expected."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from speechgraft import checks
from speechgraft.errors import InputError


class Stub:
    """What the checks ask of an encoder."""

    vocab_size = embedding_size = max_positions = feature_size = None

    def __init__(self, input_kind="waveform", minimum_length=4, dtype=torch.float32, **more):
        self.weight = torch.nn.Parameter(torch.zeros(1, dtype=dtype))
        self.input_kind = input_kind
        self.minimum_length = minimum_length
        vars(self).update(more)

    def parameters(self):
        return iter([self.weight])


WAVE = torch.zeros(3, 8)
NAN = WAVE.clone()
NAN[1, 2] = torch.nan
INFINITE = WAVE.clone()
INFINITE[0, 0] = INFINITE[2, 7] = -torch.inf


def mask(*lengths):
    return (torch.arange(8) < torch.tensor(lengths)[:, None]).long()


LOUD = WAVE.clone()
LOUD[2, 1] = -checks.LARGEST_INPUT

GAP = mask(8, 8, 8)
GAP[1, 3] = 0

BAD_INPUTS = {
    "one row without a batch": (WAVE[0], None, r"shape \(8,\), but this encoder takes a waveform \(batch, samples\)"),
    "too many dimensions": (WAVE[None], None, r"shape \(1, 3, 8\)"),
    "empty": (WAVE[:0], None, "the batch is empty"),
    "integers": (WAVE.to(torch.int16), None, "torch.int16, but this encoder takes a waveform of floating point"),
    "NaN": (NAN, None, "NaN or infinity in row 1"),
    "infinity": (INFINITE, None, "NaN or infinity in row 0, 2"),
    "beyond any audio": (LOUD, None, r"inputs reach 1e\+09 in row 2, but samples of audio lie within -1 and 1"),
    "another type": (WAVE.double(), None, r"float64, but the model's parameters are torch.float32: pass inputs.float"),
    "an array": (WAVE.numpy(), None, r"inputs is a numpy.ndarray, but a tensor .*: torch.as_tensor\(inputs\) makes"),
    "a list": (WAVE.tolist(), None, "inputs is a list, but a tensor was expected"),
    "an array for a mask": (WAVE, mask(8, 8, 8).numpy(), "attention_mask is a numpy.ndarray"),
    "short": (WAVE[:, :3], None, "row 0 has 3, row 1 has 3, row 2 has 3 samples, but the encoder needs at least 4"),
    "short by its mask": (WAVE, mask(8, 3, 4), "row 1 has 3 samples, but the encoder needs at least 4"),
    "masked whole": (WAVE, mask(8, 0, 4), "row 1 has 0 samples"),
    "mask of other samples": (WAVE, mask(7, 7, 7)[:, :7], r"shape \(3, 7\), but \(3, 8\) was expected"),
    "mask of other rows": (WAVE, mask(8, 8), r"shape \(2, 8\), but \(3, 8\) was expected"),
    "mask with a gap": (WAVE, GAP, r"not right-padded \(ones, then zeros\) in row 1"),
    "mask with twos": (WAVE, 2 * mask(8, 8, 8), "other values than 0 and 1"),
}


@pytest.mark.parametrize(("inputs", "attention_mask", "message"), BAD_INPUTS.values(), ids=BAD_INPUTS)
def test_bad_inputs_are_refused(inputs, attention_mask, message):
    with pytest.raises(InputError, match=message):
        checks.check_encoder_inputs(Stub(), inputs, attention_mask)


@given(st.lists(st.integers(4, 8), min_size=3, max_size=3), st.sampled_from([torch.bool, torch.int64, torch.float32]))
def test_right_padded_rows_that_are_long_enough_pass(lengths, dtype):
    checks.check_encoder_inputs(Stub(), WAVE, mask(*lengths).to(dtype))
    checks.check_encoder_inputs(Stub(), WAVE, None)


def test_other_kinds_of_inputs():
    checks.check_encoder_inputs(Stub("features"), torch.zeros(2, 5, 3), None)
    checks.check_encoder_inputs(Stub("features", feature_size=3), torch.zeros(2, 5, 3), None)
    with pytest.raises(InputError, match="inputs have 1 bin a frame, but this encoder takes 3"):
        checks.check_encoder_inputs(Stub("features", feature_size=3), torch.zeros(2, 5, 1), None)
    checks.check_encoder_inputs(Stub("tokens"), torch.zeros(2, 5, dtype=torch.int64), None)
    with pytest.raises(InputError, match=r"takes features \(batch, frames, bins\)"):
        checks.check_encoder_inputs(Stub("features"), WAVE, None)
    with pytest.raises(InputError, match=r"float32, but this encoder takes token ids \(int64\)"):
        checks.check_encoder_inputs(Stub("tokens"), WAVE, None)
    with pytest.raises(InputError, match="row 0 has 3 frames"):
        checks.check_encoder_inputs(Stub("features"), torch.zeros(1, 3, 2), None)


TEXT = Stub("tokens", 1, vocab_size=5, embedding_size=3, max_positions=6)
IDS = torch.tensor([[0, 1, 4], [2, 3, 4]])
BAD_TEXT = {
    "an id outside": (IDS + 1, None, "inputs holds id 5 in row 0, place 2, but the vocabulary has 5 tokens"),
    "an id below": (IDS - 1, None, "inputs holds id -1 in row 0, place 0"),
    "too many": (IDS.repeat(1, 3), None, "9 tokens were asked for, but the encoder has 6 positions"),
    "no token": (IDS[:, :0], None, r"shape \(2, 0\): there is no token in it"),
    "masked whole": (IDS, torch.tensor([[1, 1, 1], [0, 0, 0]]), "row 1 has 0 tokens, but the encoder needs at least 1"),
    "another mask": (IDS, torch.ones(2, 4), r"attention_mask has shape \(2, 4\), but \(2, 3\) was expected"),
    "mask with twos": (IDS, torch.full((2, 3), 2), "other values than 0 and 1"),
}


@pytest.mark.parametrize(("inputs", "attention_mask", "message"), BAD_TEXT.values(), ids=BAD_TEXT)
def test_bad_tokens_are_refused(inputs, attention_mask, message):
    with pytest.raises(InputError, match=message):
        checks.check_encoder_inputs(TEXT, inputs, attention_mask)


@given(st.lists(st.lists(st.integers(0, 1), min_size=3, max_size=3).filter(any), min_size=2, max_size=2))
def test_tokens_may_be_masked_anywhere_but_everywhere(rows):
    mask = torch.tensor(rows)
    checks.check_encoder_inputs(TEXT, IDS, mask)
    checks.check_embeddings(TEXT, torch.zeros(2, 3, 3), mask.bool())


def test_bad_embeddings_are_refused():
    embeds = torch.zeros(2, 3, 3)
    for wrong, attention_mask, message in (
        (embeds[..., :2], None, r"inputs_embeds has shape \(2, 3, 2\), but \(batch, length, 3\) was expected"),
        (embeds.repeat(1, 3, 1), None, "9 tokens were asked for, but the encoder has 6 positions"),
        (embeds, torch.zeros(2, 3), "row 0 has 0, row 1 has 0 tokens"),
        (embeds * torch.nan, None, "inputs_embeds hold NaN or infinity in row 0, 1"),
    ):
        with pytest.raises(InputError, match=message):
            checks.check_embeddings(TEXT, wrong, attention_mask)


@pytest.mark.parametrize(
    ("ids", "message"),
    [
        (torch.tensor([[0, 0, 0], [0, 2, 0]]), "token_type_ids holds 2 in row 1, place 1, but there are 2"),
        (torch.tensor([[-1, 0, 0]]), "token_type_ids holds -1 in row 0, place 0"),
        (torch.zeros(2, 2, dtype=torch.int64), r"has shape \(2, 2\) .* ids of shape \(2, 3\) were expected"),
        (torch.zeros(2, 3), "of torch.float32"),
        (torch.zeros(2, 3).bool(), "of torch.bool"),
        ([[0, 0, 0]], "token_type_ids is a list, but a tensor was expected"),
    ],
)
def test_bad_ids_of_options_are_refused(ids, message):
    with pytest.raises(InputError, match=message):
        checks.check_id_options({"token_type_ids": 2}, {"token_type_ids": ids}, (2, 3))
    with pytest.raises(InputError, match=f"decoder_.*{message}"):
        checks.check_id_options({"token_type_ids": 2}, {"token_type_ids": ids}, (2, 3), prefix="decoder_")


def test_ids_of_options_may_be_one_row_for_all_or_left_out():
    for ids in (None, torch.ones(1, 3, dtype=torch.int64), torch.ones(2, 3, dtype=torch.int64)):
        checks.check_id_options({"token_type_ids": 2}, {"token_type_ids": ids, "other": object()}, (2, 3))


FLOATS = [torch.float16, torch.bfloat16, torch.float32, torch.float64]


@given(st.sampled_from(FLOATS), st.sampled_from(FLOATS), st.booleans())
def test_types_go_together_where_they_are_one_or_autocast_makes_them_one(own, given_type, autocast):
    encoder, inputs = Stub(dtype=own), WAVE.to(given_type)
    fits = own == given_type or (autocast and torch.float64 not in (own, given_type))
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=autocast):
        if fits:
            checks.check_encoder_inputs(encoder, inputs, None)
            return
        with pytest.raises(InputError, match=f"inputs are {given_type}, but the model's parameters are {own}"):
            checks.check_encoder_inputs(encoder, inputs, None)


@given(st.lists(st.floats(-checks.LARGEST_INPUT, checks.LARGEST_INPUT, exclude_min=True, exclude_max=True), min_size=4))
def test_all_values_of_audio_pass(values):
    checks.check_encoder_inputs(Stub(dtype=torch.float64), torch.tensor([values], dtype=torch.float64), None)


def test_many_rows_are_not_all_told():
    with pytest.raises(
        InputError, match=r"row 0 has 1, .* row 7 has 1 sample, \.\.\., but the encoder needs at least 4"
    ):
        checks.check_encoder_inputs(Stub(), torch.zeros(20, 1), None)


@pytest.mark.parametrize(
    ("ids", "message"),
    [
        ([[0, 5]], "labels holds id 5 in row 0, place 1, but the vocabulary has 5 tokens"),
        ([[0, 1], [-1, 0]], "id -1 in row 1, place 0"),
        ([0, 1], r"shape \(2,\) of torch.int64, but token ids \(batch, tokens\) were expected"),
        ([[0.0]], "of torch.float32"),
        ([[True]], "of torch.bool"),
        ([[], []], r"shape \(2, 0\)"),
    ],
)
def test_bad_ids_are_refused(ids, message):
    with pytest.raises(InputError, match=message):
        checks.check_ids(torch.tensor(ids), 5, "labels")


def test_ignored_ids_pass():
    checks.check_ids(torch.tensor([[-100, 4]]), 5, "labels", ignored=-100)
    with pytest.raises(InputError, match="id -100"):
        checks.check_ids(torch.tensor([[-100, 4]]), 5, "decoder_input_ids")


def test_positions_rows_and_widths():
    class Decoder:
        max_positions = 6

    class Endless:
        max_positions = None

    checks.check_positions(Decoder, 6)
    checks.check_positions(Endless, 10**9)
    with pytest.raises(InputError, match="7 tokens were asked for, but the decoder has 6 positions"):
        checks.check_positions(Decoder, 7)
    checks.check_rows(2, 2, "labels")
    with pytest.raises(InputError, match="labels has 4 rows, but there are 2"):
        checks.check_rows(4, 2, "labels")
    checks.check_width(torch.zeros(1, 2, 3), 3, "x")
    with pytest.raises(InputError, match=r"x has shape \(1, 2, 1\), but \(batch, length, 3\) was expected"):
        checks.check_width(torch.zeros(1, 2, 1), 3, "x")
