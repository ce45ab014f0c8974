"""Published parameter names of SEW beside ours."""

from __future__ import annotations

from speechgraft.checkpoint import WeightMap
from speechgraft.checkpoint.published import CONV_ROWS, LAYER_ROWS, SPEECH_FRESH, SPEECH_HEADS, SQUEEZE_ROWS
from speechgraft.plugins.sew.config import SEWConfig


def weight_map(config: SEWConfig) -> WeightMap:
    """The table; no row of it depends on the config."""
    return WeightMap([*CONV_ROWS, *SQUEEZE_ROWS, *LAYER_ROWS], ignored=SPEECH_HEADS, fresh=SPEECH_FRESH, prefix="sew.")
