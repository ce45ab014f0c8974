"""`speechgraft fit`: train a pair from a manifest."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from speechgraft.cli.part_config import SAYS
from speechgraft.errors import ConfigError, InputError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from speechgraft.bundle import Transcriber
    from speechgraft.train import Augment, Row
    from speechgraft.train.loop import FitResult


_ORIGIN = (
    *("start_from", "encoder_from", "decoder_from", "encoder", "decoder", "connector"),
    *("encoder_config", "decoder_config", "connector_config", "tokenizer"),
)
"""Options that say what is trained; a run goes on for no others."""


def command(
    manifest: Annotated[
        Path, typer.Argument(help="JSON lines or CSV with the columns audio and text.", show_default=False)
    ],
    out: Annotated[Path, typer.Option(help="Folder of the run: best/, last/, history.jsonl.", show_default=False)],
    evaluate: Annotated[Path | None, typer.Option("--eval", help="Manifest to measure the word error rate on.")] = None,
    encoder: Annotated[
        str | None, typer.Option(help="Encoder of a new pair, see `speechgraft encoders`. [default: wav2vec2]")
    ] = None,
    decoder: Annotated[
        str | None, typer.Option(help="Decoder of a new pair, see `speechgraft decoders`. [default: bert]")
    ] = None,
    encoder_config: Annotated[list[str] | None, typer.Option(help=SAYS.format("A new encoder's"))] = None,
    decoder_config: Annotated[list[str] | None, typer.Option(help=SAYS.format("A new decoder's"))] = None,
    connector: Annotated[
        str | None, typer.Option(help="What stands between a new pair's parts, see `speechgraft connectors`.")
    ] = None,
    connector_config: Annotated[list[str] | None, typer.Option(help=SAYS.format("That connector's"))] = None,
    encoder_from: Annotated[str | None, typer.Option(help="Folder or hub id of a pretrained encoder.")] = None,
    decoder_from: Annotated[str | None, typer.Option(help="Folder or hub id of a pretrained decoder.")] = None,
    start_from: Annotated[str | None, typer.Option("--from", help="Folder or hub id of a bundle to train on.")] = None,
    tokenizer: Annotated[
        str | None,
        typer.Option(
            help="word, char or wordpiece, made from the texts, or a folder. [default: word, or the decoder's]"
        ),
    ] = None,
    resume: Annotated[
        bool,
        typer.Option("--resume", help="Go on from the folder's last checkpoint, if there is one."),
    ] = False,
    steps: Annotated[int, typer.Option(help="Optimizer steps of the whole run.")] = 3000,
    batch_size: Annotated[int, typer.Option(help="Utterances of one forward pass.")] = 16,
    accumulate: Annotated[int, typer.Option(help="Forward passes of one step.")] = 1,
    lr: Annotated[float, typer.Option(help="Highest learning rate.")] = 8e-4,
    decoder_lr: Annotated[float | None, typer.Option(help="The decoder's, where it is another one.")] = None,
    warmup: Annotated[int, typer.Option(help="Steps over which the rates grow to their highest.")] = 300,
    schedule: Annotated[str, typer.Option(help="Then: cosine, linear (both fall to 0) or constant.")] = "cosine",
    weight_decay: Annotated[float, typer.Option(help="AdamW's, on matrices alone.")] = 0.01,
    clip: Annotated[float, typer.Option(help="Norm that gradients are clipped to.")] = 1.0,
    ctc_weight: Annotated[
        float, typer.Option(help="Weight of the CTC loss; 0 where the encoder has no CTC head.")
    ] = 0.5,
    augment: Annotated[bool, typer.Option(help="Vary speed, level, noise, timbre and silence.")] = True,
    augment_config: Annotated[Path | None, typer.Option(help="JSON file with other limits of that.")] = None,
    curriculum_steps: Annotated[int, typer.Option(help="Steps over which ever longer utterances join in.")] = 0,
    freeze_feature_encoder: Annotated[
        bool, typer.Option("--freeze-feature-encoder", help="Leave the convolutions over the waveform as they are.")
    ] = False,
    average: Annotated[float, typer.Option(help="Evaluate and save a running average with this decay; 0: none.")] = 0.0,
    eval_every: Annotated[int, typer.Option(help="Steps between evaluations, each with a checkpoint.")] = 500,
    log_every: Annotated[int, typer.Option(help="Steps between lines of the log.")] = 50,
    log_dir: Annotated[Path | None, typer.Option(help="Folder for TensorBoard.")] = None,
    seed: Annotated[int, typer.Option(help="Of weights, order, augmentation and dropout.")] = 0,
    bf16: Annotated[bool, typer.Option("--bf16", help="Forward passes in bfloat16.")] = False,
    half: Annotated[bool, typer.Option("--half", help="Save best/ in float16.")] = False,
    cache_gb: Annotated[float, typer.Option(help="Memory for decoded recordings, GiB.")] = 4.0,
    cpu: Annotated[bool, typer.Option("--cpu", help="Stay on the CPU.")] = False,
) -> None:
    """Train a pair from recordings and their words.

    A new pair of --encoder and --decoder, of the pretrained --encoder-from and --decoder-from, or the bundle --from.
    """
    given = dict(locals())
    _refuse_contradictions(given)
    result = run(given)
    _conclude(result, out)


def run(given: dict[str, Any]) -> FitResult:
    """Train as the options say."""
    from speechgraft.config.fields import fields_of
    from speechgraft.train import FitOptions, read_manifest
    from speechgraft.train.loop import fit

    rows = read_manifest(given["manifest"])
    heard = read_manifest(given["evaluate"]) if given["evaluate"] else ()
    limits = _limits(given["augment_config"]) if given["augment"] else None
    told = {name: value for name, value in given.items() if name in fields_of(FitOptions)}
    options = FitOptions(**{**told, "augment": limits})
    asr = _begin(given, rows)
    return fit(
        asr,
        rows,
        given["out"],
        options,
        evaluate=heard,
        resume=given["resume"],
        log_dir=given["log_dir"],
        origin={name: given[name] for name in _ORIGIN},
    )


def _limits(path: Path | None) -> Augment:
    """How recordings are varied, from a file of options."""
    from speechgraft.json_files import read_json
    from speechgraft.train import Augment

    try:
        return Augment(**({} if path is None else read_json(path)))
    except ConfigError as error:
        raise ConfigError(f"{path}: {error.title}", error.problems) from None


def _begin(given: dict[str, Any], rows: tuple[Row, ...]) -> Transcriber:
    """The bundle that is trained: the run's own where it goes on, or else what the options describe."""
    from speechgraft.bundle import Transcriber
    from speechgraft.cli.part_config import read_connector
    from speechgraft.train.loop import find_last
    from speechgraft.train.start import grafted_bundle

    last = find_last(given["out"]) if given["resume"] else None
    if given["resume"] and last is None:
        print(f"{given['out']} holds no run to go on with: this one begins anew", file=sys.stderr)
    if last is not None or given["start_from"]:
        return Transcriber.from_pretrained(last or given["start_from"])
    texts = (row.text for row in rows)
    common = {"has_ctc": given["ctc_weight"] > 0, "seed": given["seed"]}
    if not given["encoder_from"]:
        return _new(given, texts, common)
    connector = read_connector(given["connector"], given["connector_config"])
    parts = given["encoder_from"], given["decoder_from"]
    return grafted_bundle(*parts, texts, tokenizer=given["tokenizer"], connector=connector, **common)


def _new(given: dict[str, Any], texts: Iterable[str], common: dict[str, Any]) -> Transcriber:
    """A pair with new weights, of the parts that the options name and describe."""
    from speechgraft.cli.part_config import read_parts
    from speechgraft.registry import default_catalog
    from speechgraft.train.start import choose_tokenizer, decoder_options, new_bundle

    encoder, decoder = given["encoder"] or "wav2vec2", given["decoder"] or "bert"
    reader = default_catalog().decoder(decoder).load_tokenizer()
    spoken = choose_tokenizer(given["tokenizer"] or "word", texts, reader)
    configs = {role: given[f"{role}_config"] for role in ("encoder", "decoder", "connector")}
    parts = read_parts(encoder, decoder, given["connector"], configs, decoder_options(spoken))
    return new_bundle(
        encoder,
        decoder,
        (),
        encoder_config=parts["encoder"],
        decoder_config=parts["decoder"],
        connector=parts["connector"],
        tokenizer=spoken,
        **common,
    )


def _refuse_contradictions(given: dict[str, Any]) -> None:
    if bool(given["encoder_from"]) != bool(given["decoder_from"]):
        raise InputError("--encoder-from and --decoder-from go together: pass both or neither")
    if given["start_from"]:
        also = [name for name in _ORIGIN if name != "start_from" and given[name]]
        if also:
            raise InputError(f"--from is a whole bundle, --{also[0].replace('_', '-')} has no place beside it")
    if given["encoder_from"] and (given["encoder"] or given["decoder"]):
        raise InputError(
            "--encoder-from and --decoder-from bring parts that are there: leave out --encoder and --decoder"
        )
    if given["encoder_from"] and (given["encoder_config"] or given["decoder_config"]):
        raise InputError(
            "--encoder-from and --decoder-from bring their own configs: leave out the --...-config options"
        )
    if given["augment_config"] and not given["augment"]:
        raise InputError("--augment-config has no meaning with --no-augment")


def _conclude(result: FitResult, out: Path) -> None:
    """Say how it ended; end as interrupted programs do where it was."""
    hours = f"{result.seconds / 3600:.2f} h"
    if result.interrupted:
        print(f"interrupted after {result.steps} steps ({hours}); go on with --resume")
        raise KeyboardInterrupt
    best = (
        ""
        if result.best_wer is None
        else f"; best WER {result.best_wer:.2%} at step {result.best_step}: {out / 'best'}"
    )
    print(f"{result.steps} steps in {hours}; last: {out / 'last'}{best}")
