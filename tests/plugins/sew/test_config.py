"""What the config of SEW has of its own; `tests/plugins/test_speech_configs.py` tests the rest."""

from __future__ import annotations

import pytest

from speechgraft.errors import ConfigError
from speechgraft.plugins.sew.config import SEWConfig


@pytest.mark.parametrize("factor", [0, -2])
def test_frames_are_squeezed_by_one_at_least(factor: int) -> None:
    with pytest.raises(ConfigError, match=rf"\$\.squeeze_factor: expected a value above 0, got {factor}"):
        SEWConfig(squeeze_factor=factor)


def test_the_stride_between_frames_is_that_of_the_front_end() -> None:
    """The squeeze is undone behind the transformer."""
    assert SEWConfig().inputs_to_logits_ratio == SEWConfig(squeeze_factor=4).inputs_to_logits_ratio == 320
