"""The projection of published checkpoints, chosen by name."""

from __future__ import annotations

from speechgraft.nn.projecting import LinearConnector
from speechgraft.plugins.connectors.config import LinearConfig


def linear(config: LinearConfig, input_size: int, output_size: int) -> LinearConnector:
    """From frames of `input_size` to a memory of `output_size`; nothing where they agree."""
    connector = LinearConnector(input_size, output_size, std=config.initializer_range)
    connector.config = config
    return connector
