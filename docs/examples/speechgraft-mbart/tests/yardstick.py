"""Models of transformers with random weights, and ours with the same: what both parity tests compare."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import speechgraft as sg
import torch
from hypothesis import settings
from hypothesis import strategies as st
from speechgraft.checkpoint import load_into
from speechgraft.nn.meta import weightless
from speechgraft.registry import Catalog, DecoderEntry, Origin, default_catalog
from torch import Tensor

import speechgraft_mbart

CATALOG = Catalog().extended(
    Origin("mbart", "speechgraft-mbart", "0.1.0"),
    [default_catalog().encoder("wav2vec2")],
    speechgraft_mbart.speechgraft_decoders(),
)

TOLERANCE = 1e-9

ENCODER = {
    "hidden_size": 12,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 8,
    "conv_dim": [5, 6],
    "conv_kernel": [4, 3],
    "conv_stride": [3, 2],
    "num_conv_pos_embeddings": 4,
    "num_conv_pos_embedding_groups": 2,
    "feat_extract_norm": "layer",
    "mask_time_prob": 0.1,
}
"""Options of a wav2vec2 that pads exactly over there too."""

NORM = re.compile(r"norm\w*\.weight$")


def examples(count: int) -> Callable[[Any], Any]:
    """So many drawn examples, the same in each run, however long each takes."""
    return settings(max_examples=count, deadline=None, derandomize=True, database=None)


@torch.no_grad()
def randomised(model: Any, seed: int) -> Any:
    """Weights that make every path count; with sharp attention and large embeddings texts differ from row to row."""
    model = model.double().eval()
    generator = torch.Generator().manual_seed(seed)
    for name, weight in model.named_parameters():
        if name.endswith("embed_positions.weights"):  # sines and cosines
            continue
        noise = torch.randn(weight.shape, generator=generator, dtype=torch.float64)
        if weight.dim() == 1:
            weight.copy_(0.1 * noise + (1.0 if NORM.search(name) else 0.0))
        elif "embed" in name:
            weight.copy_(noise)
        else:
            weight.copy_((3.0 if "q_proj" in name else 1.0) * noise * weight.shape[1:].numel() ** -0.5)
    return model


def graft_decoder(entry: DecoderEntry, reference: Any) -> Any:
    """Our decoder with the weights of the other."""
    config = entry.load_adapter().read(reference.config.to_dict())
    with weightless():
        module = entry.build(config)
    report = load_into(module, reference.state_dict(), entry.load_weights()(config), dtype="auto")
    assert not report.made and not report.unexpected
    return module.eval()


def same(found: Tensor, expected: Tensor, what: str) -> None:
    """Refuse values further apart than `TOLERANCE`, in units of the largest where that is above one."""
    assert found.shape == expected.shape, what
    limit = TOLERANCE * max(1.0, float(expected.detach().abs().max()))
    assert float((found - expected).detach().abs().max()) <= limit, what


@torch.no_grad()
def compare_decoders(entry: DecoderEntry, reference: Any, data: st.DataObject, *, padding: bool = True) -> None:
    """Logits, hidden states and both attentions, with masks over tokens and over a memory.

    Args:
        entry: Of our decoder.
        reference: Theirs.
        data: Where ids, lengths and seeds are drawn from.
        padding: Whether the padding token is among the tokens.
    """
    ours = graft_decoder(entry, reference)
    rows, tokens, frames = (
        data.draw(st.integers(1, high), name) for high, name in ((3, "rows"), (7, "tokens"), (6, "frames"))
    )
    random = torch.Generator().manual_seed(data.draw(st.integers(0, 2**32 - 1), "seed"))
    ids = torch.randint(ours.vocab_size, (rows, tokens), generator=random)
    if not padding:
        ids = torch.where(ids == ours.config.pad_token_id, (ids + 1) % ours.vocab_size, ids)
    memory = torch.randn(rows, frames, ours.memory_size, generator=random, dtype=torch.float64)
    lengths = torch.randint(1, frames + 1, (rows, 1), generator=random)
    memory_mask = torch.arange(frames) < lengths
    seen = torch.arange(tokens) < torch.randint(1, tokens + 1, (rows, 1), generator=random)
    expected = reference(
        input_ids=ids,
        attention_mask=seen.long(),
        encoder_hidden_states=memory,
        encoder_attention_mask=memory_mask.long(),
        output_attentions=True,
        output_hidden_states=True,
        use_cache=False,
    )
    found = ours(ids, seen, memory=memory, memory_mask=memory_mask, output_attentions=True, output_hidden_states=True)
    same(found.logits, expected.logits, "logits")
    for name in ("hidden_states", "attentions", "cross_attentions"):
        pairs = list(zip(getattr(found, name), getattr(expected, name), strict=True))
        assert pairs
        for place, (mine, theirs) in enumerate(pairs):
            same(mine, theirs, f"{name}[{place}]")


def graft_pair(reference: Any) -> sg.SpeechEncoderDecoderModel:
    """Our pair with the weights of the other."""
    described = reference.config.to_dict()
    for role in ("encoder", "decoder"):
        described[role] = CATALOG.entry(role, described[role]["model_type"]).load_adapter().read(described[role])
    config = sg.SpeechEncoderDecoderConfig.from_dict(described)
    with weightless():
        model = sg.SpeechEncoderDecoderModel(config=config, catalog=CATALOG)
    report = load_into(model, reference.state_dict(), model.weight_map(), dtype="auto")
    assert set(report.made) <= {"encoder.features.spec_augment.embedding"}
    return model.eval()


def sound(rows: int, samples: int, seed: int) -> Tensor:
    """*Shapes:* to (rows, samples), float64."""
    return torch.randn(rows, samples, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


SEARCHES: dict[str, dict[str, Any]] = {
    "greedy": {"max_new_tokens": 7},
    "beams": {"max_new_tokens": 7, "num_beams": 3},
    "beams of no repetition": {"max_new_tokens": 7, "num_beams": 2, "no_repeat_ngram_size": 2},
    "a first token": {"max_new_tokens": 5, "forced_bos_token_id": 6},
    "a first token of beams": {"max_new_tokens": 5, "forced_bos_token_id": 6, "num_beams": 3},
    "a last token": {"max_length": 5, "forced_eos_token_id": 2},
}
"""Options of searches whose tokens are compared."""
