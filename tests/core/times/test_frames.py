"""A frame's moment is the middle of the samples that it is made of."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from speechgraft.contracts import Encoder
from speechgraft.registry import default_catalog
from speechgraft.times import frame_moments

CATALOG = default_catalog()
NAMES = [name for name in CATALOG.list_encoders() if CATALOG.encoder(name).input_kind == "waveform"]
RATE = 16_000


def build(name: str, **options: object) -> Encoder:
    entry = CATALOG.encoder(name)
    encoder = entry.build(entry.load_config_class()(**{**entry.tiny, **options}))
    return encoder.eval()


def test_a_frame_is_the_middle_of_what_reaches_it() -> None:
    encoder = build("wav2vec2", feat_extract_norm="layer")
    assert encoder.feature_encoder is not None
    samples = torch.randn(1, 3 * encoder.minimum_length, requires_grad=True)
    features = encoder.feature_encoder(samples)
    count = int(encoder.output_lengths(torch.tensor(samples.shape[1])))
    axis = [n for n, size in enumerate(features.shape) if n and size == count][-1]
    moments = frame_moments(encoder, count, RATE)
    for frame, moment in enumerate(moments):
        [gradient] = torch.autograd.grad(features.select(axis, frame).sum(), samples, retain_graph=True)
        reached = gradient[0].nonzero().flatten()
        middle = (int(reached[0]) + int(reached[-1]) + 1) / 2
        assert moment * RATE == pytest.approx(middle, abs=1)


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=20, deadline=None)
@given(data=st.data())
def test_frames_lie_in_the_audio(name: str, data: st.DataObject) -> None:
    encoder = build(name, **({"add_adapter": True} if name == "wav2vec2" and data.draw(st.booleans()) else {}))
    length = data.draw(st.integers(encoder.minimum_length, 20 * encoder.minimum_length))
    frames = int(encoder.output_lengths(torch.tensor(length)))
    moments = frame_moments(encoder, frames, RATE)
    step = moments[1] - moments[0] if frames > 1 else length / RATE
    assert moments[0] >= 0 and moments[-1] <= length / RATE + step
    assert all(one < other for one, other in pairwise(moments))
