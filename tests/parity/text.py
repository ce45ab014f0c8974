"""Pairs of text: drawn BERT encoders and inputs, the yardstick's models of them, and ours with their weights."""

from __future__ import annotations

from typing import Any

import torch
import transformers
from draws import Options, Pair, berts, normal, seeds, token_rows
from hypothesis import strategies as st
from torch import Tensor
from yardstick import randomised

from speechgraft import BertConfig, EncoderDecoderConfig, EncoderDecoderModel
from speechgraft.checkpoint import load_into
from speechgraft.contracts import Encoder
from speechgraft.registry import default_catalog

POOLER = {"encoder.pooler.dense.weight", "encoder.pooler.dense.bias"}
"""What the yardstick's encoder has and nothing in a pair uses."""


@st.composite
def encoders(draw: st.DrawFn, *, least: int = 0) -> Options:
    """A BERT as an encoder, which may be embeddings alone."""
    return {**draw(berts()), "num_hidden_layers": draw(st.integers(least, 3))}


@st.composite
def pairs(draw: st.DrawFn) -> Pair:
    """Two BERTs of one width or of two; the start token is not the padding one."""
    encoder, decoder = draw(encoders()), draw(berts())
    if draw(st.booleans()):
        decoder |= {key: encoder[key] for key in ("hidden_size", "num_attention_heads")}
        if draw(st.booleans()):
            decoder["cross_attention_hidden_size"] = encoder["hidden_size"]
    tokens = st.integers(0, decoder["vocab_size"] - 1)
    start, pad = draw(st.lists(tokens, min_size=2, max_size=2, unique=True))
    return Pair(encoder, decoder, {"pad_token_id": pad, "decoder_start_token_id": start}, draw(seeds))


@st.composite
def masks(draw: st.DrawFn, rows: int, width: int) -> Tensor:
    """Padding on the right, on the left, or gaps anywhere; something counts in each row. *Shapes:* (rows, width)."""
    kind = draw(st.sampled_from(["right", "left", "gaps"]))
    if kind == "gaps":
        mask = draw(token_rows(2, rows, width))
        mask[torch.arange(rows), draw(st.lists(st.integers(0, width - 1), min_size=rows, max_size=rows))] = 1
        return mask
    lengths = torch.tensor(draw(st.lists(st.integers(1, width), min_size=rows, max_size=rows)))
    mask = (torch.arange(width) < lengths[:, None]).long()
    return mask if kind == "right" else mask.flip(1)


@st.composite
def texts(draw: st.DrawFn, encoder: Options, *, rows: tuple[int, int] = (1, 3), masked: bool = False) -> Any:
    """Token ids and, now and then, masks (`masked`: always), token types and positions, as both sides take them."""
    shape = draw(st.integers(*rows)), draw(st.integers(1, 9))
    inputs = {"input_ids": draw(token_rows(encoder["vocab_size"], *shape))}
    if masked or draw(st.booleans()):
        inputs["attention_mask"] = draw(masks(*shape))
    if draw(st.booleans()):
        inputs["token_type_ids"] = draw(token_rows(encoder["type_vocab_size"], *shape))
    if draw(st.booleans()):
        inputs["position_ids"] = draw(token_rows(encoder["max_position_embeddings"], *shape))
    return inputs


@st.composite
def plain_labels(draw: st.DrawFn, drawn: Pair, rows: int) -> Tensor:
    """Labels of which the yardstick masks what we mask: no padding token among them, -100 only behind a row's end."""
    width, pad = draw(st.integers(1, 8)), drawn.options["pad_token_id"]
    others = st.integers(0, drawn.decoder["vocab_size"] - 1).filter(lambda token: token != pad)
    lengths = [width, *draw(st.lists(st.integers(1, width), min_size=rows - 1, max_size=rows - 1))]
    drawn_rows = [draw(st.lists(others, min_size=length, max_size=length)) for length in lengths]
    return torch.tensor([[*row, *[-100] * (width - len(row))] for row in drawn_rows])


def embedded(inputs: dict[str, Tensor], encoder: Options, seed: int) -> dict[str, Tensor]:
    """The same inputs with embeddings that are no token's in place of ids."""
    others = {name: value for name, value in inputs.items() if name != "input_ids"}
    return {**others, "inputs_embeds": normal(seed, *inputs["input_ids"].shape, encoder["hidden_size"])}


def reference_encoder(options: Options, seed: int) -> Any:
    """The yardstick's encoder alone, double, in eval mode."""
    config = transformers.BertConfig(**options, attn_implementation="eager")
    return randomised(transformers.BertModel(config), seed)


def reference_pair(drawn: Pair) -> Any:
    """The yardstick's pair, double, in eval mode."""
    config = transformers.EncoderDecoderConfig.from_encoder_decoder_configs(
        transformers.BertConfig(**drawn.encoder),
        transformers.BertConfig(**drawn.decoder),
        attn_implementation="eager",  # the others give no attentions
        **drawn.options,
    )
    return randomised(transformers.EncoderDecoderModel(config), drawn.seed)


def graft_encoder(reference: Any) -> Encoder:
    """Our encoder with the weights of the yardstick's."""
    entry, config = default_catalog().encoder("bert"), BertConfig.from_dict(reference.config.to_dict())
    with torch.device("meta"):
        module = entry.build(config)
    load_into(module, reference.state_dict(), entry.load_weights()(config), dtype="auto")
    return module.eval()


def graft(reference: Any) -> EncoderDecoderModel:
    """Our pair of the same config, with the same weights, in eval mode."""
    with torch.device("meta"):
        model = EncoderDecoderModel(EncoderDecoderConfig.from_dict(reference.config.to_dict()))
    report = load_into(model, reference.state_dict(), model.weight_map(), dtype="auto")
    assert not report.made
    return model.eval()
