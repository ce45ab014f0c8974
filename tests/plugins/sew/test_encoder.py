"""What SEW's encoder does where the parity tests do not look: frames left over, first values, short rows."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from speechgraft import pair
from speechgraft.checkpoint import materialise
from speechgraft.errors import InputError
from speechgraft.nn.masks import length_mask
from speechgraft.plugins.sew.config import SEWConfig
from speechgraft.plugins.sew.encoder import SEWEncoder
from speechgraft.registry import default_catalog


def config_of(**options: Any) -> SEWConfig:
    return SEWConfig(**{**default_catalog().encoder("sew").tiny, **options})


def encoder_of(**options: Any) -> SEWEncoder:
    torch.manual_seed(0)
    with torch.device("meta"):
        encoder = SEWEncoder(config_of(**options))
    materialise(encoder, dtype=torch.float64)
    return encoder.eval()


@pytest.mark.parametrize("factor", [1, 2, 3])
@pytest.mark.parametrize("frames", [6, 7, 8])
def test_frames_left_over_are_zero_and_count(factor: int, frames: int) -> None:
    """Of every row, alone or in a batch; hidden states are those of squeezed frames."""
    encoder = encoder_of(squeeze_factor=factor)
    samples = torch.tensor([encoder.features.input_length(frames), encoder.features.input_length(9)])
    assert encoder.output_lengths(samples).tolist() == [frames, 9]
    mask = length_mask(samples, int(samples.max()))
    output = encoder(torch.randn(mask.shape, dtype=torch.float64), mask, output_hidden_states=True)
    assert output.frame_mask.sum(dim=1).tolist() == [frames, 9]
    zero = (output.last_hidden_state == 0).all(dim=-1)
    for row, count in enumerate((frames, 9)):
        assert (~zero[row]).nonzero().flatten().tolist() == list(range(count // factor * factor))
    assert {state.shape for state in output.hidden_states} == {(2, 9 // factor, 16)}


@pytest.mark.parametrize("channels", [8, 16])
def test_only_another_width_is_projected(channels: int) -> None:
    encoder = encoder_of(conv_dim=(8, 8, channels))
    assert (encoder.features.projection.linear is None) == (channels == 16)


@torch.no_grad()
def test_a_new_encoder_begins_as_published() -> None:
    encoder = encoder_of(conv_bias=True, initializer_range=0.3)
    for layer in encoder.features.convs.layers:
        assert not layer.conv.bias.any()
    for linear in (encoder.features.projection.linear, encoder.upsample.linear):
        assert abs(float(linear.weight.std()) - 0.3) < 0.06
        assert not linear.bias.any()


@pytest.mark.parametrize("factor", [1, 2, 5])
def test_a_row_too_short_for_a_squeezed_frame_is_refused(factor: int) -> None:
    decoder = dict(default_catalog().decoder("bert").tiny)
    model = pair("sew", "bert", encoder=config_of(squeeze_factor=factor), decoder=decoder).eval()
    least = model.encoder.minimum_length
    assert model.encoder.output_lengths(torch.tensor([least - 1, least])).tolist() == [factor - 1, factor]
    ids = torch.tensor([[1], [1]])
    mask = length_mask(torch.tensor([least + 9, least]), least + 9)
    model(torch.zeros(2, least + 9), attention_mask=mask, decoder_input_ids=ids)
    mask[1, least - 1] = False
    with pytest.raises(InputError, match=f"{least - 1} samples"):
        model(torch.zeros(2, least + 9), attention_mask=mask, decoder_input_ids=ids)
