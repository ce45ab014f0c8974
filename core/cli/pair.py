"""`speechgraft pair`: a folder with a new pair of an encoder and a decoder."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def command(
    encoder: Annotated[str, typer.Argument(help="An encoder, see `speechgraft encoders`.", show_default=False)],
    decoder: Annotated[str, typer.Argument(help="A decoder, see `speechgraft decoders`.", show_default=False)],
    out: Annotated[Path, typer.Argument(help="The folder to write.", show_default=False)],
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
    seed: Annotated[int, typer.Option(help="Of the weights, which are new.")] = 0,
) -> None:
    """Make a pair with new weights and write its folder, which from_pretrained reads; `speechgraft fit` trains one."""
    import torch

    from speechgraft.cli.part_config import chosen_connector, read_part_configs
    from speechgraft.registry import default_catalog, pair

    catalog = default_catalog()
    parts = read_part_configs((catalog.encoder(encoder), encoder_config), (catalog.decoder(decoder), decoder_config))
    chosen = chosen_connector(connector, connector_config)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = pair(encoder, decoder, encoder=parts[0], decoder=parts[1], connector=chosen)
    model.save_pretrained(out)
    print(f"{out}: {type(model).__name__}, {model.num_parameters():,} parameters")
