"""What SEW-D's encoder does where the parity tests do not look: what is made, first values, dropout, short rows."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch

from speechgraft import pair
from speechgraft.checkpoint import load_into, materialise
from speechgraft.errors import InputError
from speechgraft.nn.masks import length_mask
from speechgraft.plugins.sew_d.config import SEWDConfig
from speechgraft.plugins.sew_d.encoder import SEWDEncoder, score_scale
from speechgraft.plugins.sew_d.weights import weight_map
from speechgraft.registry import default_catalog

NO_DROPOUT = {"hidden_dropout": 0.0, "activation_dropout": 0.0, "attention_dropout": 0.0, "apply_spec_augment": False}


def config_of(**options: Any) -> SEWDConfig:
    return SEWDConfig(**{**default_catalog().encoder("sew-d").tiny, **options})


def encoder_of(**options: Any) -> SEWDEncoder:
    torch.manual_seed(0)
    with torch.device("meta"):
        encoder = SEWDEncoder(config_of(**options))
    materialise(encoder, dtype=torch.float64)
    return encoder.eval()


def noise(*shape: int) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


@pytest.mark.parametrize(
    "options",
    [{"relative_attention": False}, {"pos_att_type": ()}, {"num_hidden_layers": 0}],
    ids=["no relative attention", "no terms", "no layers"],
)
def test_where_nothing_looks_at_distances_none_are_made_and_those_of_a_file_are_left_out(
    options: dict[str, Any],
) -> None:
    encoder = encoder_of(**options)
    assert encoder.distances is None
    table = weight_map(encoder.config)
    disk = table.to_disk(encoder.state_dict())
    disk["encoder.encoder.rel_embeddings.weight"] = disk["encoder.encoder.LayerNorm.bias"] = noise(16)
    report = load_into(encoder, disk, table)
    assert set(report.ignored.values()) == {
        "the config has no attention to distances",
        "the config has no attention to normalised distances",
    }


def test_distances_of_every_kind_are_made() -> None:
    sizes = {
        (4, 16): (4, 16),
        (4, -1): (4, None),
        (-1, 16): (16, None),
        (0, 16): (16, None),
    }
    for (buckets, longest), expected in sizes.items():
        made = encoder_of(position_buckets=buckets, max_position_embeddings=longest).distances
        assert (made.span, made.longest) == expected
        assert made.embedding.num_embeddings == 2 * made.span
    assert encoder_of(norm_rel_ebd="none").distances.norm is None


@pytest.mark.parametrize("relative", [True, False])
def test_scores_are_scaled_by_the_number_of_terms(relative: bool) -> None:
    """In single precision, and where the terms are off too: so the published weights were trained."""
    encoder = encoder_of(relative_attention=relative)
    assert math.isclose(encoder.stack.layers[0].attention.scale, (8 * 3) ** -0.5, rel_tol=1e-7)
    assert score_scale(8, 3) == 1 / float(torch.tensor(24.0).sqrt())


@torch.no_grad()
def test_a_new_encoder_begins_as_published() -> None:
    encoder = encoder_of(conv_bias=True, initializer_range=0.3, share_att_key=False, position_buckets=8)
    for layer in encoder.features.convs.layers:
        assert not layer.conv.bias.any()
    linears = [encoder.features.projection.linear, encoder.upsample.linear]
    linears += [encoder.stack.layers[0].attention.query, *encoder.stack.layers[0].attention.distance.values()]
    for linear in linears:
        assert abs(float(linear.weight.std()) - 0.3) < 0.06
        assert not linear.bias.any()
    assert abs(float(encoder.distances.embedding.weight.std()) - 0.3) < 0.06
    assert torch.equal(encoder.distances.norm.weight, torch.ones(16).double())


def test_hidden_dropout_is_read_by_nothing_and_activation_dropout_by_the_distances_too() -> None:
    x = noise(1, 200)
    unread = encoder_of(**NO_DROPOUT | {"hidden_dropout": 0.5}).train()
    assert torch.equal(unread(x).last_hidden_state, unread.eval()(x).last_hidden_state)
    encoder = encoder_of(**NO_DROPOUT)
    encoder.stack.layers[0].attention.position_dropout.p = 0.5
    assert not torch.equal(encoder.train()(x).last_hidden_state, encoder.eval()(x).last_hidden_state)
    read = encoder_of(**NO_DROPOUT | {"activation_dropout": 0.5})
    assert {layer.attention.position_dropout.p for layer in read.stack.layers} == {0.5}


def test_hidden_states_and_attentions_are_those_of_squeezed_frames() -> None:
    encoder = encoder_of()
    samples = torch.tensor([encoder.features.input_length(frames) for frames in (7, 9)])
    mask = length_mask(samples, int(samples.max()))
    output = encoder(noise(*mask.shape), mask, output_hidden_states=True, output_attentions=True)
    assert output.frame_mask.sum(dim=1).tolist() == [7, 9]
    assert output.state_mask.sum(dim=1).tolist() == [3, 4]
    assert [state.shape for state in output.hidden_states] == [(2, 4, 16)] * 3
    assert [weights.shape for weights in output.attentions] == [(2, 2, 4, 4)] * 2
    assert not output.attentions[0][0, ..., 3:].any()


@pytest.mark.parametrize("factor", [1, 2, 5])
def test_a_row_too_short_for_a_squeezed_frame_is_refused(factor: int) -> None:
    decoder = dict(default_catalog().decoder("bert").tiny)
    model = pair("sew-d", "bert", encoder=config_of(squeeze_factor=factor), decoder=decoder).eval()
    least = model.encoder.minimum_length
    assert model.encoder.output_lengths(torch.tensor([least - 1, least])).tolist() == [factor - 1, factor]
    ids = torch.tensor([[1], [1]])
    mask = length_mask(torch.tensor([least + 9, least]), least + 9)
    model(torch.zeros(2, least + 9), attention_mask=mask, decoder_input_ids=ids)
    mask[1, least - 1] = False
    with pytest.raises(InputError, match=f"{least - 1} samples"):
        model(torch.zeros(2, least + 9), attention_mask=mask, decoder_input_ids=ids)


def test_one_export_serves_every_length() -> None:
    """Below and above the one from which the outermost buckets are used, with frames left over and without."""
    encoder = encoder_of(position_buckets=4, max_position_embeddings=16)
    exported = torch.export.export(encoder, (noise(2, 400),), dynamic_shapes={"inputs": {1: torch.export.Dim.AUTO}})
    for length in (100, 150, 401, 408, 900):
        x = noise(2, length)
        found = exported.module()(x).last_hidden_state
        torch.testing.assert_close(found, encoder(x).last_hidden_state, rtol=0, atol=1e-12)
