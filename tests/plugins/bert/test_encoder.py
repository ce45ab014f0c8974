"""BERT as an encoder: what it reads, what it is built from, and which names its checkpoints may have."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from speechgraft.checkpoint import load_into, materialise
from speechgraft.errors import CheckpointError, ConfigError, InputError
from speechgraft.plugins.bert.config import BertConfig
from speechgraft.plugins.bert.decoder import BertDecoder
from speechgraft.plugins.bert.encoder import BertEncoder
from speechgraft.plugins.bert.strategies import encoder_configs
from speechgraft.plugins.bert.weights import encoder_weights

TINY = {
    "vocab_size": 11,
    "hidden_size": 8,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 12,
    "max_position_embeddings": 9,
}
IDS = torch.tensor([[1, 2, 3, 4], [5, 6, 7, 0]])


def make(**options: Any) -> BertEncoder:
    torch.manual_seed(0)
    with torch.device("meta"):
        encoder = BertEncoder(BertConfig(**{**TINY, "initializer_range": 0.3, **options}))
    materialise(encoder, dtype=torch.float64)
    return encoder.eval()


def states(encoder: BertEncoder, *args: Any, **options: Any) -> torch.Tensor:
    return encoder(*args, **options).last_hidden_state.detach()


def test_every_token_sees_every_other_in_both_directions() -> None:
    encoder = make()
    plain = states(encoder, IDS)
    for place in range(4):
        changed = IDS.clone()
        changed[:, place] = 8
        assert ((states(encoder, changed) - plain).abs().amax(dim=-1) > 1e-6).all()


def test_positions_and_token_types_count_from_zero_where_they_are_not_given() -> None:
    encoder = make()
    plain = states(encoder, IDS)
    given = states(encoder, IDS, position_ids=torch.arange(4)[None], token_type_ids=torch.zeros_like(IDS))
    torch.testing.assert_close(given, plain, rtol=0, atol=1e-12)
    assert not torch.allclose(states(encoder, IDS, position_ids=torch.arange(4)[None] + 1), plain)
    assert not torch.allclose(states(encoder, IDS, token_type_ids=torch.ones_like(IDS)), plain)


def test_embeddings_stand_for_tokens() -> None:
    encoder = make()
    embeds = encoder.embeddings.embed(IDS)
    torch.testing.assert_close(states(encoder, None, inputs_embeds=embeds), states(encoder, IDS), rtol=0, atol=1e-12)
    with pytest.raises(InputError, match="pass token ids or inputs_embeds"):
        encoder(None)


@settings(max_examples=25, deadline=None)
@given(config=encoder_configs())
def test_it_tells_what_it_takes(config: BertConfig) -> None:
    with torch.device("meta"):
        encoder = BertEncoder(config)
    assert (encoder.input_kind, encoder.minimum_length, encoder.feature_encoder) == ("tokens", 1, None)
    assert (encoder.vocab_size, encoder.max_positions) == (config.vocab_size, config.max_position_embeddings)
    assert encoder.output_size == encoder.embedding_size == config.hidden_size
    assert encoder.id_options == {
        "token_type_ids": config.type_vocab_size,
        "position_ids": config.max_position_embeddings,
    }
    lengths = torch.arange(1, 9)
    assert encoder.output_lengths(lengths).tolist() == lengths.tolist()
    assert len(encoder.stack.layers) == config.num_hidden_layers


def test_the_padding_tokens_embedding_begins_as_zeros_and_learns_nothing() -> None:
    encoder = make(pad_token_id=3)
    words = encoder.embeddings.word.weight
    assert not words[3].any()
    assert words[[0, 1, 2, 4]].any(dim=1).all()
    encoder(IDS).last_hidden_state.square().sum().backward()
    assert not words.grad[3].any()
    assert words.grad[2].any()


def test_embeddings_alone_are_an_encoder_and_no_decoder() -> None:
    output = make(num_hidden_layers=0)(IDS, output_hidden_states=True, output_attentions=True)
    assert len(output.hidden_states) == 1
    assert torch.equal(output.hidden_states[0], output.last_hidden_state)
    assert output.attentions == ()
    with pytest.raises(ConfigError, match=r"\$.num_hidden_layers: 0, but without a layer nothing in a decoder"):
        BertDecoder(BertConfig(**{**TINY, "num_hidden_layers": 0}))
    with pytest.raises(ConfigError, match=r"\$.num_hidden_layers: 0, but without a layer nothing in a decoder"):
        BertConfig(**{**TINY, "num_hidden_layers": 0}, is_decoder=True)


def test_a_decoders_config_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"\$.is_decoder: an encoder reads in both directions; set it to false"):
        BertEncoder(BertConfig(**TINY, is_decoder=True))


OTHERS = {
    "embeddings.position_ids": "a counter",
    "pooler.dense.weight": "the pooler",
    "encoder.layer.1.crossattention.self.query.weight": "a decoder's",
    "cls.predictions.bias": "the language model head",
    "cls.seq_relationship.weight": "the next-sentence head",
}


def respelt(name: str) -> str:
    """A name as the oldest checkpoints have it."""
    old = name.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta")
    return old if name.startswith("cls.") else f"bert.{old}"


@pytest.mark.parametrize("spelling", [str, respelt], ids=["as they are written", "of a model with a head, oldest"])
def test_published_names_load_and_what_is_left_out_is_told(spelling: Any) -> None:
    encoder = make()
    table = encoder_weights(encoder.config)
    disk = table.to_disk(encoder.state_dict())
    assert "encoder.layer.1.attention.self.query.weight" in disk
    assert "embeddings.LayerNorm.bias" in disk
    more = {name: torch.zeros(1) for name in OTHERS}
    with torch.device("meta"):
        empty = BertEncoder(encoder.config.copy())
    report = load_into(empty, {spelling(name): value for name, value in {**disk, **more}.items()}, table, dtype="auto")
    assert set(report.loaded) == set(encoder.state_dict())
    assert report.ignored.keys() == {spelling(name) for name in OTHERS}
    assert all(report.ignored[spelling(name)].startswith(reason) for name, reason in OTHERS.items())
    torch.testing.assert_close(states(empty.eval(), IDS), states(encoder, IDS), rtol=0, atol=0)


def test_a_tensor_of_nothing_is_refused() -> None:
    encoder = make()
    table = encoder_weights(encoder.config)
    disk = {**table.to_disk(encoder.state_dict()), "encoder.layer.0.extra": torch.zeros(1)}
    with torch.device("meta"):
        empty = BertEncoder(encoder.config.copy())
    with pytest.raises(CheckpointError, match=r"encoder\.layer\.0\.extra"):
        load_into(empty, disk, table)


def test_it_exports_with_any_number_of_rows_and_tokens() -> None:
    class Plain(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.encoder = make()

        def forward(self, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
            return self.encoder(ids, mask).last_hidden_state

    module = Plain().eval()
    rows, tokens = torch.export.Dim("rows", min=2, max=6), torch.export.Dim("tokens", min=2, max=9)
    shapes = ({0: rows, 1: tokens}, {0: rows, 1: tokens})
    exported = torch.export.export(module, (IDS, torch.ones_like(IDS)), dynamic_shapes=shapes).module()
    ids = torch.randint(11, (3, 7))
    mask = torch.tensor([[1] * 7, [0, 1, 1, 0, 1, 0, 0], [0] * 6 + [1]])
    torch.testing.assert_close(exported(ids, mask), module(ids, mask), rtol=0, atol=1e-12)


@given(seed=st.integers(0, 2**16))
@settings(max_examples=10, deadline=None)
def test_a_text_gives_the_same_alone_and_beside_a_longer_one(seed: int) -> None:
    encoder = make()
    ids = torch.randint(11, (1, 4), generator=torch.Generator().manual_seed(seed))
    longer = torch.cat([ids, torch.full((1, 3), 9)], dim=1)
    mask = torch.tensor([[1] * 4 + [0] * 3])
    torch.testing.assert_close(states(encoder, longer, mask)[:, :4], states(encoder, ids), rtol=0, atol=1e-12)
