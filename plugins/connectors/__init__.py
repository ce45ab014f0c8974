"""Connectors: what may stand between an encoder and the memory that a decoder attends to."""

from __future__ import annotations

from collections.abc import Iterable

from speechgraft.registry import ConnectorEntry, hookimpl


@hookimpl
def speechgraft_connectors() -> Iterable[ConnectorEntry]:
    """The published projection, two that shorten, and a perceptron."""
    yield ConnectorEntry(
        name="linear",
        config="speechgraft.plugins.connectors.config:LinearConfig",
        adapter="speechgraft.plugins.connectors.config:LINEAR",
        factory="speechgraft.plugins.connectors.linear:linear",
        weights="speechgraft.plugins.connectors.weights:linear",
        prefix="enc_to_dec_proj.",
        tiny={},
        draw="speechgraft.plugins.connectors.strategies:linear",
        summary="a projection where the widths differ, nothing where they agree, as in published checkpoints",
    )
    yield ConnectorEntry(
        name="conv",
        config="speechgraft.plugins.connectors.config:ConvConfig",
        adapter="speechgraft.plugins.connectors.config:CONV",
        factory="speechgraft.plugins.connectors.conv:ConvConnector",
        weights="speechgraft.plugins.connectors.weights:same_names",
        tiny={"hidden_size": 8},
        draw="speechgraft.plugins.connectors.strategies:conv",
        shortens=True,
        summary="strided convolutions, then a projection; by default a quarter of the frames",
    )
    yield ConnectorEntry(
        name="stack",
        config="speechgraft.plugins.connectors.config:StackConfig",
        adapter="speechgraft.plugins.connectors.config:STACK",
        factory="speechgraft.plugins.connectors.stack:StackConnector",
        weights="speechgraft.plugins.connectors.weights:same_names",
        tiny={"num_frames": 3},
        draw="speechgraft.plugins.connectors.strategies:stack",
        shortens=True,
        summary="frames side by side, then a projection; by default a quarter of the frames",
    )
    yield ConnectorEntry(
        name="mlp",
        config="speechgraft.plugins.connectors.config:MLPConfig",
        adapter="speechgraft.plugins.connectors.config:MLP",
        factory="speechgraft.plugins.connectors.mlp:MLPConnector",
        weights="speechgraft.plugins.connectors.weights:same_names",
        tiny={"hidden_size": 8},
        draw="speechgraft.plugins.connectors.strategies:mlp",
        summary="a norm and a perceptron with one hidden layer, frame by frame",
    )
