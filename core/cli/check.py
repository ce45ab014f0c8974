"""`speechgraft check`: whether an encoder and a decoder fit, without making weights."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer


def command(
    encoder: Annotated[str, typer.Argument(help="An encoder, see `speechgraft encoders`.", show_default=False)],
    decoder: Annotated[str, typer.Argument(help="A decoder, see `speechgraft decoders`.", show_default=False)],
    encoder_config: Annotated[
        Path | None, typer.Option(help="A JSON file with the encoder's options, or the config.json of a checkpoint.")
    ] = None,
    decoder_config: Annotated[
        Path | None, typer.Option(help="A JSON file with the decoder's options, or the config.json of a checkpoint.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Say how an encoder and a decoder would be wired: sizes, cross-attention, parameters, and what is wrong."""
    from speechgraft.cli.part_config import read_part_configs
    from speechgraft.errors import IncompatiblePairError
    from speechgraft.registry import check, default_catalog

    catalog = default_catalog()
    parts = read_part_configs((catalog.encoder(encoder), encoder_config), (catalog.decoder(decoder), decoder_config))
    report = check(encoder, decoder, encoder=parts[0], decoder=parts[1])
    if as_json:
        print(json.dumps(report.to_dict(), indent=2))
    elif report.ok:
        print(report)
    if not report.ok:
        raise IncompatiblePairError("\n".join([f"{encoder} and {decoder} cannot be paired:", *report.problems]))
