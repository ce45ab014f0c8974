"""What a decoder is given: labels moved by one place, and nothing that it cannot take."""

from __future__ import annotations

from typing import ClassVar

import pytest
import torch

from speechgraft.decoder_inputs import DecoderInputs, checked_labels, rows_to_decode
from speechgraft.errors import InputError
from speechgraft.nn.cache import DecoderCache

LABELS = torch.tensor([[5, 6, 2], [7, -100, -100]])


class Stub:
    """What is asked of a decoder."""

    vocab_size = 9
    hidden_size = 4
    max_positions = 3
    id_options: ClassVar = {"position_ids": 3}

    @staticmethod
    def parameters():
        return iter([torch.zeros(1)])


def test_labels_move_by_one_place_and_what_lies_behind_them_is_masked():
    given = DecoderInputs.of_labels(LABELS, None, start=1, pad=0)
    assert given.ids.tolist() == [[1, 5, 6], [1, 7, 0]]
    assert given.mask.tolist() == [[True, True, True], [True, False, False]]
    assert not given.empty
    mask = torch.ones(2, 3)
    assert DecoderInputs.of_labels(LABELS, mask, start=1, pad=0).mask is mask


def test_rows_are_those_of_the_cache_or_of_the_memory_and_its_beams():
    memory, cache = torch.zeros(2, 5, 4), DecoderCache(1)
    assert rows_to_decode(memory, None) == rows_to_decode(memory, cache) == 2
    cache.expand(3)
    assert rows_to_decode(memory, cache) == 6
    cache.self_stores[0].append(torch.zeros(4, 1, 1, 4), torch.zeros(4, 1, 1, 4))
    assert rows_to_decode(None, cache) == 4


IDS, EMBEDS = torch.tensor([[1, 2], [3, 4]]), torch.zeros(2, 2, 4)
BAD = {
    "nothing": (DecoderInputs(), "nothing to decode"),
    "both": (DecoderInputs(IDS, EMBEDS), "decoder_input_ids and decoder_inputs_embeds were passed together"),
    "an id outside": (DecoderInputs(IDS + 5), "decoder_input_ids holds id 9 in row 1, place 1"),
    "other rows": (DecoderInputs(IDS[:1]), "decoder_input_ids has 1 row, but there are 2"),
    "other rows of embeddings": (DecoderInputs(embeds=EMBEDS[:1]), "decoder_inputs_embeds has 1 row, but"),
    "another width": (DecoderInputs(embeds=EMBEDS[..., :2]), r"decoder_inputs_embeds has shape \(2, 2, 2\)"),
    "too many": (DecoderInputs(IDS.repeat(1, 2)), "4 tokens were asked for, but the decoder has 3 positions"),
    "another type": (
        DecoderInputs(embeds=EMBEDS.double()),
        r"decoder_inputs_embeds are torch.float64, .* pass decoder_inputs_embeds.float\(\)",
    ),
    "no tensor": (DecoderInputs(IDS.tolist()), "decoder_input_ids is a list, but a tensor was expected"),
    "another mask": (DecoderInputs(IDS, mask=torch.ones(2, 3)), r"decoder_attention_mask has shape \(2, 3\)"),
}


@pytest.mark.parametrize(("given", "message"), BAD.values(), ids=BAD)
def test_what_the_decoder_cannot_take_is_refused(given, message):
    with pytest.raises(InputError, match=message):
        given.check(Stub, None, 2, {})


def test_ids_of_any_integers_are_made_int64_and_truth_values_are_refused():
    ids = DecoderInputs(IDS.to(torch.int32)).ids
    assert ids.dtype == torch.int64 and torch.equal(ids, IDS)
    with pytest.raises(InputError, match=r"of torch.bool, but token ids"):
        DecoderInputs(IDS > 0).check(Stub, None, 2, {})


def test_what_it_has_seen_takes_positions_and_places_of_the_mask():
    cache = DecoderCache(1)
    cache.self_stores[0].append(torch.zeros(2, 1, 2, 4), torch.zeros(2, 1, 2, 4))
    DecoderInputs(IDS[:, :1], mask=torch.ones(2, 3)).check(Stub, cache, 2, {})
    with pytest.raises(InputError, match="4 tokens were asked for, but the decoder has 3 positions"):
        DecoderInputs(IDS).check(Stub, cache, 2, {})


def test_ids_of_options_are_checked_beside_the_tokens():
    DecoderInputs(IDS).check(Stub, None, 2, {"position_ids": torch.tensor([[2, 0]])})
    with pytest.raises(InputError, match="decoder_position_ids holds 3 in row 0, place 1, but there are 3"):
        DecoderInputs(embeds=EMBEDS).check(Stub, None, 2, {"position_ids": torch.tensor([[2, 3]])})


def test_labels_are_checked_but_for_those_that_are_ignored():
    checked_labels(LABELS, Stub, 2)
    found = checked_labels(LABELS.to(torch.int32), Stub, 2)
    assert found.dtype == torch.int64 and torch.equal(found, LABELS)
    with pytest.raises(InputError, match=r"labels has shape .* of torch.bool"):
        checked_labels(LABELS > 0, Stub, 2)
    with pytest.raises(InputError, match="labels holds id 9 in row 0, place 0"):
        checked_labels(LABELS + 4, Stub, 2)
    with pytest.raises(InputError, match="labels has 2 rows, but there are 3"):
        checked_labels(LABELS, Stub, 3)
