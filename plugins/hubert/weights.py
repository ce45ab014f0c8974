"""Published parameter names of Hubert beside ours."""

from __future__ import annotations

from speechgraft.checkpoint import WeightMap
from speechgraft.checkpoint.published import (
    BATCH_NORM_ROWS,
    CONV_ROWS,
    LAYER_ROWS,
    PROJECTION_ROWS,
    SPEECH_FRESH,
    SPEECH_HEADS,
    WEIGHT_NORM_ROWS,
)
from speechgraft.plugins.hubert.config import HubertConfig


def weight_map(config: HubertConfig) -> WeightMap:
    """The table; `conv_pos_batch_norm` says which norm the positions have."""
    return WeightMap(
        [
            *CONV_ROWS,
            *PROJECTION_ROWS,
            *(BATCH_NORM_ROWS if config.conv_pos_batch_norm else WEIGHT_NORM_ROWS),
            *LAYER_ROWS,
        ],
        ignored=SPEECH_HEADS,
        fresh=SPEECH_FRESH,
        prefix="hubert.",
    )
