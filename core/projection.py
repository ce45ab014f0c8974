"""What stands between an encoder and a decoder, and whether it fits them."""

from __future__ import annotations

from speechgraft.contracts import Connector, Decoder, Encoder
from speechgraft.errors import IncompatiblePairError
from speechgraft.nn.projecting import LinearConnector


def default_connector(encoder: Encoder, decoder: Decoder, *, std: float) -> LinearConnector:
    """The connector of published checkpoints: a projection where the widths differ, beginning with deviation `std`.

    Raises:
        IncompatiblePairError: The decoder's `cross_attention_hidden_size` is not the encoder's width.
    """
    given, taken = encoder.output_size, decoder.memory_size
    if taken not in (given, decoder.hidden_size):
        raise IncompatiblePairError(
            f"the decoder's cross_attention_hidden_size is {taken}, but the encoder gives frames of {given}; set it to "
            f"{given}, or to None for a projection, or choose a connector"
        )
    return LinearConnector(given, taken, std=std)


def fitting(connector: Connector, encoder: Encoder, decoder: Decoder) -> Connector:
    """The connector, which takes what the encoder gives and gives what the decoder takes.

    Raises:
        IncompatiblePairError: It is of other widths.
    """
    found, expected = (connector.input_size, connector.output_size), (encoder.output_size, decoder.memory_size)
    if found != expected:
        raise IncompatiblePairError(
            f"{type(connector).__name__} connects frames of {found[0]} to a memory of {found[1]}, but the encoder "
            f"gives {expected[0]} and the decoder takes {expected[1]}"
        )
    return connector
