"""Words of a pair whose memory is shorter than its encoder's frames are timed by those frames."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from speechgraft.hearing.times import PairTimes


@pytest.mark.parametrize("frames", [1, 4])
def test_what_is_attended_to_is_told_in_frames_of_the_encoder(make_bundle, frames):
    """Each frame of memory stands for its group: from the first frame to the last, over all of the recording."""
    asr = make_bundle(connector={"model_type": "stack", "num_frames": frames})
    model = asr.model.eval()
    samples = torch.from_numpy(np.random.default_rng(0).normal(size=(2, 4000)).astype(np.float32))
    mask = (torch.arange(4000) < torch.tensor([4000, 2500])[:, None]).long()
    with torch.no_grad():
        encoded = model.encode(samples, mask)
        times = PairTimes(model, asr.tokenizer, encoded)
        ids = torch.tensor([[1, 3, 4, 3], [1, 4, 3, 4]])
        found = times.by_attention([0, 1], ids, [4, 4], None)
    for row, places in enumerate(found):
        count = int(encoded.frame_mask[row].sum())
        assert len(places) == 4
        for first, last in places:
            assert first % frames == 0
            assert last == min(first + frames, count) - 1
        assert places == sorted(places)
