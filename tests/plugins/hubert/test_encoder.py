"""What Hubert's encoder does where the parity tests do not look: training, first values, short rows."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from speechgraft import pair
from speechgraft.checkpoint import materialise
from speechgraft.errors import InputError
from speechgraft.nn.masks import length_mask
from speechgraft.plugins.hubert.config import HubertConfig
from speechgraft.plugins.hubert.encoder import HubertEncoder
from speechgraft.registry import default_catalog

NO_DROPOUT = dict.fromkeys(
    ("hidden_dropout", "activation_dropout", "attention_dropout", "feat_proj_dropout", "layerdrop"), 0.0
)


def config_of(**options: Any) -> HubertConfig:
    return HubertConfig(**{**default_catalog().encoder("hubert").tiny, **NO_DROPOUT, **options})


def encoder_of(**options: Any) -> HubertEncoder:
    torch.manual_seed(0)
    with torch.device("meta"):
        encoder = HubertEncoder(config_of(**options))
    materialise(encoder, dtype=torch.float64)
    return encoder


def batch() -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(1)
    mask = length_mask(torch.tensor([400, 230]), 400)
    return torch.randn(2, 400, generator=generator, dtype=torch.float64), mask


@pytest.mark.parametrize("padding", ["exact", "reference"])
def test_padding_trains_a_batch_norm_in_reference_mode_alone(padding: str) -> None:
    """Longer padding changes the running statistics only where it is meant to."""
    waves, mask = batch()
    measured = []
    for more in (0, 200):
        encoder = encoder_of(conv_pos_batch_norm=True, mask_time_prob=0.0, padding=padding).train()
        wider = torch.nn.functional.pad(mask, (0, more))
        encoder(torch.nn.functional.pad(waves, (0, more)), wider)
        measured.append(encoder.context.positions.norm.running_var)
    assert torch.allclose(*measured) == (padding == "exact")


def test_spans_are_drawn_within_the_frames_of_each_row() -> None:
    """Two frames a row are to be masked; drawn anywhere, some would fall behind the shorter row."""
    encoder = encoder_of(mask_time_prob=0.01, mask_time_length=1, mask_time_min_masks=2).train()
    waves, mask = batch()
    with torch.no_grad():
        encoder.features.spec_augment.embedding.fill_(7.0)
        for seed in range(20):
            torch.manual_seed(seed)
            hidden = encoder.features(waves, mask.sum(dim=1)).hidden
            assert (hidden == 7.0).all(dim=-1).sum(dim=1).tolist() == [2, 2]


def test_the_output_has_no_features_of_the_front_end() -> None:
    waves, mask = batch()
    output = encoder_of().eval()(waves, mask)
    assert list(output) == ["last_hidden_state", "frame_mask"]


@torch.no_grad()
def test_a_new_encoder_begins_as_published() -> None:
    encoder = encoder_of(conv_bias=True, conv_pos_batch_norm=True, initializer_range=0.3)
    for layer in encoder.features.convs.layers:
        assert not layer.conv.bias.any()
    assert not encoder.context.positions.conv.bias.any()
    norm = encoder.context.positions.norm
    assert (norm.weight == 1).all() and (norm.running_var == 1).all() and norm.num_batches_tracked == 0
    assert abs(float(encoder.context.stack.layers[0].feed_forward.inner.weight.std()) - 0.3) < 0.05


def test_a_row_too_short_for_a_frame_is_refused() -> None:
    catalog = default_catalog()
    model = pair("hubert", "bert", encoder=config_of(), decoder=dict(catalog.decoder("bert").tiny)).eval()
    least = model.encoder.minimum_length
    ids = torch.tensor([[1]])
    model(torch.zeros(1, least), decoder_input_ids=ids)
    with pytest.raises(InputError, match=f"{least - 1} samples"):
        model(torch.zeros(1, least - 1), decoder_input_ids=ids)
