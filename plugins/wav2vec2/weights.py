"""Published parameter names of wav2vec 2.0 beside ours."""

from __future__ import annotations

from speechgraft.checkpoint import WeightMap, rename
from speechgraft.checkpoint.published import (
    CONV_ROWS,
    LAYER_ROWS,
    PROJECTION_ROWS,
    SPEECH_FRESH,
    SPEECH_HEADS,
    WEIGHT_NORM_ROWS,
)
from speechgraft.plugins.wav2vec2.config import Wav2Vec2Config


def weight_map(config: Wav2Vec2Config) -> WeightMap:
    """The table; no row of it depends on the config."""
    return WeightMap(
        [
            *CONV_ROWS,
            *PROJECTION_ROWS,
            *WEIGHT_NORM_ROWS,
            *LAYER_ROWS,
            rename("adapter.proj.{p}", "adapter.projection.{p}"),
            rename("adapter.proj_layer_norm.{p}", "adapter.norm.{p}"),
            rename("adapter.layers.{i}.conv.{p}", "adapter.convs.{i}.{p}"),
        ],
        ignored=SPEECH_HEADS,
        fresh=[*SPEECH_FRESH, ("adapter.{rest}", "the checkpoint has no adapter behind its encoder")],
        prefix="wav2vec2.",
    )
