"""`speechgraft check`: whether an encoder and a decoder fit, without making weights, or all that are installed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from speechgraft.cli.part_config import SAYS, read_parts

if TYPE_CHECKING:
    from speechgraft.registry import PairReport


def command(
    encoder: Annotated[
        str | None, typer.Argument(help="An encoder, see `speechgraft encoders`.", show_default=False)
    ] = None,
    decoder: Annotated[
        str | None, typer.Argument(help="A decoder, see `speechgraft decoders`.", show_default=False)
    ] = None,
    encoder_config: Annotated[list[str] | None, typer.Option(help=SAYS.format("An encoder's"))] = None,
    decoder_config: Annotated[list[str] | None, typer.Option(help=SAYS.format("A decoder's"))] = None,
    connector: Annotated[
        str | None,
        typer.Option(help="What stands between the two, see `speechgraft connectors`. [default: a projection]"),
    ] = None,
    connector_config: Annotated[
        list[str] | None, typer.Option(help=SAYS.format("A connector's") + " --connector says whose.")
    ] = None,
    seconds: Annotated[
        float | None, typer.Option(help="Length of the audio that sizes and memory are told for. [default: 10]")
    ] = None,
    routing: Annotated[bool, typer.Option("--routing", help="Print where each option goes too.")] = False,
    diagram: Annotated[Path | None, typer.Option(help="Draw the wiring into this SVG file.")] = None,
    all_pairs: Annotated[
        bool,
        typer.Option(
            "--all-pairs",
            help="Try the compatibility kit on every encoder, connector and decoder; names may be patterns then.",
        ),
    ] = False,
    level: Annotated[
        str | None, typer.Option(help="With --all-pairs: quick, standard or thorough. [default: quick]")
    ] = None,
    jobs: Annotated[
        int | None, typer.Option(min=1, help="With --all-pairs: processes. [default: one a processor]")
    ] = None,
    html: Annotated[Path | None, typer.Option(help="With --all-pairs: write the matrix into this HTML file.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Say how an encoder and a decoder would be wired: sizes, cross-attention, memory, and what is wrong."""
    of_one = {
        "--encoder-config": encoder_config,
        "--decoder-config": decoder_config,
        "--connector-config": connector_config,
        "--seconds": seconds,
        "--routing": routing,
        "--diagram": diagram,
    }
    of_all = {"--level": level, "--jobs": jobs, "--html": html}
    _refuse(of_one if all_pairs else of_all, "is for one pair" if all_pairs else "goes with --all-pairs")
    if all_pairs:
        from speechgraft.cli.all_pairs import run

        patterns = {"encoder": encoder or "*", "connector": connector or "*", "decoder": decoder or "*"}
        run(patterns, level or "quick", jobs, html, as_json=as_json)
        return
    if encoder is None or decoder is None:
        raise typer.BadParameter("expected an encoder and a decoder, or --all-pairs")
    from speechgraft.registry import check

    configs = {"encoder": encoder_config, "decoder": decoder_config, "connector": connector_config}
    parts = read_parts(encoder, decoder, connector, configs)
    report = check(encoder, decoder, seconds=10.0 if seconds is None else seconds, **parts)
    _tell(report, routing=routing, diagram=diagram, as_json=as_json)


def _refuse(options: dict[str, Any], why: str) -> None:
    """Options that what was asked for has no use for."""
    for name, given in options.items():
        if given not in (None, False):
            raise typer.BadParameter(f"{name} {why}")


def _tell(report: PairReport, *, routing: bool, diagram: Path | None, as_json: bool) -> None:
    from speechgraft.errors import IncompatiblePairError

    if as_json:
        print(json.dumps(report.to_dict(), indent=2))
    elif report.ok:
        print(report)
    if not report.ok:
        told = f"{report.encoder} and {report.decoder} cannot be paired:"
        raise IncompatiblePairError("\n".join([told, *report.problems]))
    if routing and not as_json:  # JSON has it already
        print()
        report.explain_routing()
    if diagram is not None:
        diagram.write_text(report.to_svg(), encoding="utf-8")
