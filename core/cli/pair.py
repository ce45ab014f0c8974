"""`speechgraft pair`: a folder with a new pair of an encoder and a decoder."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from speechgraft.cli.part_config import SAYS, read_parts


def command(
    encoder: Annotated[str, typer.Argument(help="An encoder, see `speechgraft encoders`.", show_default=False)],
    decoder: Annotated[str, typer.Argument(help="A decoder, see `speechgraft decoders`.", show_default=False)],
    out: Annotated[Path, typer.Argument(help="The folder to write.", show_default=False)],
    encoder_config: Annotated[list[str] | None, typer.Option(help=SAYS.format("An encoder's"))] = None,
    decoder_config: Annotated[list[str] | None, typer.Option(help=SAYS.format("A decoder's"))] = None,
    connector: Annotated[
        str | None,
        typer.Option(help="What stands between the two, see `speechgraft connectors`. [default: a projection]"),
    ] = None,
    connector_config: Annotated[
        list[str] | None, typer.Option(help=SAYS.format("A connector's") + " --connector says whose.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Of the weights, which are new.")] = 0,
) -> None:
    """Make a pair with new weights and write its folder, which from_pretrained reads; `speechgraft fit` trains one."""
    import torch

    from speechgraft.registry import pair

    configs = {"encoder": encoder_config, "decoder": decoder_config, "connector": connector_config}
    parts = read_parts(encoder, decoder, connector, configs)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = pair(encoder, decoder, **parts)
    model.save_pretrained(out)
    print(f"{out}: {type(model).__name__}, {model.num_parameters():,} parameters")
