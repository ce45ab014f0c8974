"""Steps of decoding: with a cache and without one the same, whatever becomes of the rows."""

from __future__ import annotations

import pytest
import torch

from speechgraft.errors import InputError
from speechgraft.generation.output import certain, whole
from speechgraft.generation.steps import Steps
from speechgraft.registry import default_catalog, pair
from speechgraft.testing.models import scramble

NEVER = float("-inf")


@pytest.fixture(scope="module")
def decoder():
    torch.manual_seed(0)
    tiny = {"encoder": default_catalog().encoder("wav2vec2").tiny, "decoder": default_catalog().decoder("bert").tiny}
    model = pair("wav2vec2", "bert", **tiny).double().eval()
    scramble(model)
    return model.decoder


torch.manual_seed(2)
MASK = torch.arange(5) < torch.tensor([5, 3, 4])[:, None]


def both(decoder, **options):
    memory = torch.randn(3, 5, decoder.memory_size, dtype=torch.float64)
    return [Steps(decoder, memory, MASK, cached=cached, **options) for cached in (True, False)]


@torch.no_grad()
def test_steps_on_a_cache_are_those_without_one(decoder):
    cached, uncached = both(decoder)
    ids = torch.randint(decoder.vocab_size, (3, 2))

    def step(ids):
        found, expected = cached(ids), uncached(ids)
        assert found.shape == (len(ids), decoder.vocab_size)
        torch.testing.assert_close(found, expected, atol=1e-9, rtol=0.0)

    def grown(ids):
        return torch.cat((ids, torch.randint(decoder.vocab_size, (len(ids), 1))), dim=1)

    step(ids)
    for steps in (cached, uncached):
        steps.expand(2)
    ids = grown(ids.repeat_interleave(2, dim=0))
    step(ids)
    order = torch.tensor([1, 1, 2, 3, 5, 4])  # each within its utterance
    for steps in (cached, uncached):
        steps.reorder(order)
    ids = grown(ids[order])
    step(ids)
    for steps in (cached, uncached):
        steps.keep_rows(torch.tensor([0, 2]))
        assert steps.utterances.tolist() == [0, 2]
        assert steps.utterances_of(4).tolist() == [0, 0, 2, 2]
        assert steps.times == 2 and steps.taken == 3
    step(grown(ids[[0, 1, 4, 5]]))


@torch.no_grad()
def test_utterances_may_leave_and_rows_grow_before_the_first_step(decoder):
    for steps in both(decoder):
        steps.keep_rows(torch.tensor([2]))
        steps.expand(2)
        pair_of_rows = steps(torch.tensor([[1], [1]]))
        assert torch.equal(pair_of_rows[0], pair_of_rows[1])
    cached, _ = both(decoder)
    assert cached(torch.tensor([[1], [1], [1]])).shape == (3, decoder.vocab_size)


@torch.no_grad()
def test_what_is_asked_for_is_seen_of_each_step(decoder):
    steps, _ = both(decoder, keep_attentions=True)
    steps(torch.tensor([[1, 2]] * 3))
    steps.keep_rows(torch.tensor([1]))
    steps(torch.tensor([[1, 2, 3]]))
    first, second = steps.seen
    assert first.utterances.tolist() == [0, 1, 2] and second.utterances.tolist() == [1]
    assert first.attentions[0].shape[-2:] == (2, 2) and second.attentions[0].shape[-2:] == (1, 3)
    assert first.hidden_states is None
    bare, _ = both(decoder)
    bare(torch.tensor([[1]] * 3))
    assert bare.seen == []


@torch.no_grad()
def test_logits_that_are_no_numbers_name_the_utterance_and_the_step(decoder):
    memory = torch.randn(3, 5, decoder.memory_size, dtype=torch.float64)
    memory[2] = float("nan")
    steps = Steps(decoder, memory, None, cached=True)
    steps.keep_rows(torch.tensor([1, 2]))
    steps.expand(2)
    with pytest.raises(
        InputError, match=r"logits for row 2 of the batch are not finite at step 1 \(the highest is nan"
    ):
        steps(torch.tensor([[1]] * 4))
    assert Steps(decoder, memory, None, cached=True, finite=False)(torch.tensor([[1]] * 3))[2].isnan().all()


@torch.no_grad()
def test_logits_are_no_coarser_than_single_precision(decoder):
    steps = Steps(lambda *ids, **options: Half(), torch.zeros(1, 5, 4), None, cached=False)
    assert steps(torch.tensor([[1]])).dtype == torch.float32


class Half:
    """What a decoder in half precision gives."""

    logits = torch.zeros(1, 1, 3, dtype=torch.bfloat16)


def test_rows_that_have_left_are_filled():
    part = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    utterances = torch.tensor([0, 2])
    assert whole(part, utterances, 3).tolist() == [[1.0, 2.0], [0.0, 0.0], [3.0, 4.0]]
    assert whole(part, utterances[:1] * 0 + 1, 2).tolist() == [[0.0, 0.0], [0.0, 0.0], [1.0, 2.0], [3.0, 4.0]]
    assert whole(part, torch.arange(2), 2) is part
    assert certain(part, utterances, 3, pad=1).tolist() == [[1.0, 2.0], [NEVER, 0.0], [3.0, 4.0]]
