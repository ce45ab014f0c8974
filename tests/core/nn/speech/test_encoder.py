"""An encoder of a waveform says how long its input must be and how many frames come out, whatever its child does."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from speechgraft.contracts import EncoderOutput
from speechgraft.nn.activations import ACTIVATIONS
from speechgraft.nn.masks import length_mask
from speechgraft.nn.speech.adapter import ConvAdapter
from speechgraft.nn.speech.encoder import WaveformEncoder
from speechgraft.nn.speech.features import Frames, SpeechFeatures
from speechgraft.nn.speech.front_end import ConvFrontEnd, FeatureProjection
from speechgraft.nn.speech.spec_augment import Spans, SpecAugment

SIZE = 4


class Plain(WaveformEncoder):
    """Frames that hear nothing but themselves, and an adapter that may shorten them."""

    output_size = SIZE

    def __init__(self, features: SpeechFeatures, adapter: ConvAdapter | None, squeezed: int) -> None:
        super().__init__(features, squeezed=squeezed)
        self.adapter = adapter

    def hear(self, frames: Frames, *, keep_states: bool, keep_weights: bool) -> EncoderOutput:
        hidden, lengths = frames.hidden, frames.lengths
        if self.adapter is not None:
            hidden, lengths = self.adapter(hidden, lengths)
        mask = None if lengths is None else length_mask(lengths, hidden.shape[1])
        kept = {"hidden_states": (hidden,) if keep_states else None, "attentions": (hidden,) if keep_weights else None}
        return EncoderOutput(last_hidden_state=hidden, frame_mask=mask, **kept)

    def init_weights(self, module: nn.Module) -> None:
        """None is looked at."""


def build(kernels: Sequence[int], strides: Sequence[int], adapted: int = 0, squeezed: int = 1) -> Plain:
    convs = ConvFrontEnd.published(
        [SIZE] * len(kernels), kernels, strides, bias=False, norm="layer", activation=ACTIVATIONS["gelu"], exact=True
    )
    none = Spans(0.0, 1, 0)
    augment = SpecAugment(SIZE, time=none, feature=none, enabled=False)
    features = SpeechFeatures(convs, FeatureProjection(None, None, dropout=0.0), augment)
    adapter = ConvAdapter(SIZE, SIZE, layers=adapted, kernel=3, stride=2) if adapted else None
    return Plain(features, adapter, squeezed).eval()


@settings(max_examples=20, deadline=None)
@given(st.lists(st.tuples(st.integers(2, 6), st.integers(1, 4)), min_size=1, max_size=3), st.integers(0, 2))
def test_frames_are_as_many_as_promised_from_the_shortest_input_on(shapes: list[tuple[int, int]], adapted: int) -> None:
    encoder = build(*zip(*shapes, strict=True), adapted=adapted)
    least = encoder.minimum_length
    assert encoder.output_lengths(torch.tensor([least])).item() == 1
    assert encoder.output_lengths(torch.tensor([least - 1])).item() < 1
    for samples in range(least, least + 12):
        frames = encoder(torch.randn(1, samples)).last_hidden_state.shape[1]
        assert frames == encoder.output_lengths(torch.tensor([samples])).item()


@settings(max_examples=20, deadline=None)
@given(st.integers(2, 6), st.integers(1, 4), st.integers(1, 4))
def test_the_shortest_input_fills_one_squeezed_frame(kernel: int, stride: int, squeezed: int) -> None:
    encoder = build([kernel], [stride], squeezed=squeezed)
    around: Tensor = encoder.output_lengths(torch.tensor([encoder.minimum_length - 1, encoder.minimum_length]))
    assert (around // squeezed).tolist() == [0, 1]


def test_a_mask_gives_each_row_its_frames_and_its_options_reach_the_child() -> None:
    encoder = build([4], [2])
    mask = torch.tensor([[1] * 12, [1] * 8 + [0] * 4])
    out = encoder(torch.randn(2, 12), mask, output_hidden_states=True)
    assert out.frame_mask.sum(dim=1).tolist() == encoder.output_lengths(mask.sum(dim=1)).tolist() == [5, 3]
    assert out.hidden_states is not None and out.attentions is None
    assert encoder(torch.randn(2, 12), output_attentions=True).attentions is not None
    assert encoder.feature_encoder is encoder.features.convs


def test_masked_frames_hold_what_stands_for_them() -> None:
    encoder = build([4], [2])
    with torch.no_grad():
        encoder.features.spec_augment.embedding.fill_(7.0)
    hidden = torch.tensor([[False, True, False, False, True]])
    out = encoder(torch.randn(1, 12), mask_time_indices=hidden).last_hidden_state
    assert (out == 7.0).all(dim=-1).tolist() == hidden.tolist()
