"""Names of the connectors' parameters in the checkpoint of a pair, behind the prefix of their entries."""

from __future__ import annotations

from speechgraft.checkpoint import WeightMap, rename
from speechgraft.config import Settings


def linear(config: Settings) -> WeightMap:
    """The published `enc_to_dec_proj.weight` and `enc_to_dec_proj.bias`."""
    return WeightMap([rename("{p}", "projection.{p}")])


def same_names(config: Settings) -> WeightMap:
    """On disk as in memory: no other library writes these."""
    return WeightMap([rename("{rest}", "{rest}")])
