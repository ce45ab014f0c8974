"""`speechgraft check`: whether an encoder and a decoder fit, without making weights."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from speechgraft.registry import Role


def command(
    encoder: Annotated[str, typer.Argument(help="An encoder, see `speechgraft encoders`.", show_default=False)],
    decoder: Annotated[str, typer.Argument(help="A decoder, see `speechgraft decoders`.", show_default=False)],
    encoder_config: Annotated[
        Path | None, typer.Option(help="A JSON file with the encoder's options, or the config.json of a checkpoint.")
    ] = None,
    decoder_config: Annotated[
        Path | None, typer.Option(help="A JSON file with the decoder's options, or the config.json of a checkpoint.")
    ] = None,
    connector: Annotated[
        str | None,
        typer.Option(help="What stands between the two, see `speechgraft connectors`. [default: a projection]"),
    ] = None,
    connector_config: Annotated[
        Path | None, typer.Option(help="A JSON file with the connector's options; --connector says whose.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Say how an encoder and a decoder would be wired: sizes, cross-attention, parameters, and what is wrong."""
    from speechgraft.cli.part_config import read_part_configs
    from speechgraft.errors import IncompatiblePairError, InputError
    from speechgraft.registry import check, default_catalog

    catalog = default_catalog()
    files: dict[Role, tuple[str, Path | None]] = {
        "encoder": (encoder, encoder_config),
        "decoder": (decoder, decoder_config),
    }
    if connector is not None:
        files["connector"] = connector, connector_config
    elif connector_config is not None:
        raise InputError("--connector-config says the options of a connector: pass --connector too")
    read = read_part_configs(*((catalog.entry(role, name), path) for role, (name, path) in files.items()))
    parts = dict(zip(files, read, strict=True))
    parts["connector"] = parts.get("connector") or connector
    report = check(encoder, decoder, **parts)
    if as_json:
        print(json.dumps(report.to_dict(), indent=2))
    elif report.ok:
        print(report)
    if not report.ok:
        raise IncompatiblePairError("\n".join([f"{encoder} and {decoder} cannot be paired:", *report.problems]))
