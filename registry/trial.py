"""Building and running a pair on meta tensors, which have shapes and no values: what `check` measures."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import torch
from attrs import evolve
from torch import Tensor

from speechgraft.bridge import Bridge
from speechgraft.contracts import Decoder, Encoder
from speechgraft.registry.configs import factory_options
from speechgraft.registry.entries import DecoderEntry, EncoderEntry
from speechgraft.registry.keeping import unkept
from speechgraft.registry.report import PairReport
from speechgraft.registry.routes import Routes
from speechgraft.registry.sizes import Estimate
from speechgraft.registry.valueless import NeedsValuesError, without_values
from speechgraft.routing import keywords

if TYPE_CHECKING:
    from speechgraft.config import Config
    from speechgraft.registry.configs import PairConfig
    from speechgraft.registry.models import PairModel

SPECIAL_TOKENS = ("decoder_start_token_id", "pad_token_id", "eos_token_id")
"""What labels and generation need, from the pair's config or the decoder's."""

# So many inputs that the frames they give tell the stride, whatever the first frame takes.
_MANY = 2**40


def measure(
    report: PairReport,
    encoder_entry: EncoderEntry,
    decoder_entry: DecoderEntry,
    model: PairModel,
    seconds: float | None = None,
) -> PairReport:
    """The report with the sizes of a model on meta tensors, and with what a trial run of it says.

    With `seconds` of audio also with what an utterance of that length takes.
    """
    encoder, decoder, config = model.encoder, model.decoder, model.config
    projection, (notes, problems) = model.enc_to_dec_proj, _trial(model)
    lost = tuple(_unkept(encoder_entry, decoder_entry, model))
    estimated = None
    if seconds is not None and not notes and not problems:
        estimated, notes = _estimated(model, encoder_entry, seconds)
    return evolve(
        report,
        input_kind=encoder.input_kind,
        stride=_stride(encoder.output_lengths, encoder.minimum_length),
        memory_stride=_stride(_memory_lengths(model), encoder.minimum_length),
        minimum_length=encoder.minimum_length,
        encoder_size=encoder.output_size,
        memory_size=decoder.memory_size,
        decoder_size=decoder.hidden_size,
        projection=None if projection is None else (projection.in_features, projection.out_features),
        cross_attention=decoder.cross_attention,
        injected_parameters=0 if lost else _injected(decoder_entry, config.decoder, decoder),
        vocab_size=decoder.vocab_size,
        max_positions=decoder.max_positions,
        parameters=_counted(model),
        unset_tokens=tuple(name for name in SPECIAL_TOKENS if not _token_ids(config, name)),
        routes=_routes(model),
        estimate=estimated,
        notes=notes,
        problems=(
            *problems,
            *_broken_promises(encoder_entry, decoder_entry, model),
            *lost,
            *_impossible_tokens(config, decoder.vocab_size),
        ),
    )


def _estimated(
    model: PairModel, encoder_entry: EncoderEntry, seconds: float
) -> tuple[Estimate | None, tuple[str, ...]]:
    """What an utterance takes, or a note that it cannot be told."""
    from speechgraft.registry.estimate import estimate

    try:
        return estimate(model, encoder_entry, seconds), ()
    # The shortest input runs; a longer one, or a gradient, may need values all the same.
    except Exception as error:  # noqa: BLE001
        return None, (f"sizes and memory are not estimated: {type(error).__name__}: {' '.join(str(error).split())}",)


def _routes(model: PairModel) -> Routes:
    connector = None if model.config.connector is None else type(model.config.connector)
    factories = factory_options(type(model.config.encoder), type(model.config.decoder), connector)
    forward = {"pair": keywords(Bridge.forward), **model.forward_options()}
    return Routes({part: tuple(sorted(names)) for part, names in factories.items()}, forward)


def _counted(model: PairModel) -> dict[str, int]:
    parts = {
        "encoder": model.encoder,
        "connector": model.connector,
        "decoder": model.decoder,
        "ctc_head": model.ctc_head,
    }
    counts = {
        name: sum(parameter.numel() for parameter in module.parameters())
        for name, module in parts.items()
        if module is not None
    }
    return {name: count for name, count in counts.items() if count or name != "connector"}


def _memory_lengths(model: PairModel) -> Callable[[Tensor], Tensor]:
    """How many frames of memory come of so many inputs."""
    return lambda lengths: model.connector.output_lengths(model.encoder.output_lengths(lengths))


def _stride(output_lengths: Callable[[Tensor], Tensor], minimum: int) -> int:
    frames = int(output_lengths(torch.tensor([minimum + _MANY]))[0])
    return round(_MANY / max(frames - 1, 1))


def _injected(entry: DecoderEntry, config: Config, decoder: Decoder) -> int:
    """Parameters that the decoder's weight map lets a checkpoint lack because they are injected."""
    if decoder.cross_attention != "injected":
        return 0
    weights = entry.load_weights()(config)
    return sum(
        parameter.numel()
        for name, parameter in decoder.named_parameters()
        if (weights.fresh_reason(name) or "").startswith("injected")
    )


def _trial(model: PairModel) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Notes and problems of running the shortest input and one token through the pair, on meta tensors."""
    if model.encoder.input_kind == "features" and model.encoder.feature_size is None:
        name = type(model.encoder).__name__
        return (), (f"{name} takes features, but its feature_size is None: set it to the bins of a frame",)
    try:
        return (), tuple(_run(model.eval()))
    except NeedsValuesError as error:
        return (f"not tried on an input: it cannot run without values ({_in_a_line(error)})",), ()
    # Somebody else's module may fail in any way.
    except Exception as error:  # noqa: BLE001
        text = f"{type(error).__name__}: {_in_a_line(error)}"
        return (), (f"running the pair fails: {text} (the kit shows which part is at fault: docs/testing.md)",)


def _in_a_line(error: Exception) -> str:
    return " ".join(str(error).split())


def _run(model: PairModel) -> Iterator[str]:
    """What comes out wider or longer than the contracts promise."""
    encoder, decoder = model.encoder, model.decoder
    promised = int(encoder.output_lengths(torch.tensor([encoder.minimum_length]))[0])
    with without_values():
        frames = encoder(_shortest(encoder)).last_hidden_state
        ids = torch.zeros(1, 1, dtype=torch.int64)
        memory, _ = model.connect(frames, None)
        logits = decoder(ids, memory=memory).logits
    yield from _unexpected("the encoder's frames for its shortest input", frames, (1, promised, encoder.output_size))
    remembered = int(model.connector.output_lengths(torch.tensor([promised]))[0])
    yield from _unexpected("the connector's memory of them", memory, (1, remembered, decoder.memory_size))
    yield from _unexpected("the decoder's logits for one token", logits, (1, 1, decoder.vocab_size))


def _shortest(encoder: Encoder) -> Tensor:
    """The shortest input of one row. *Shapes:* as the encoder's `input_kind` says."""
    if encoder.input_kind == "tokens":
        return torch.zeros(1, encoder.minimum_length, dtype=torch.int64)
    bins = () if encoder.feature_size is None else (encoder.feature_size,)
    return torch.zeros(1, encoder.minimum_length, *bins)


def _unexpected(what: str, found: Tensor, expected: tuple[int, ...]) -> Iterator[str]:
    if tuple(found.shape) != expected:
        yield f"{what} have shape {tuple(found.shape)}, but the module promises {expected}"


def _broken_promises(encoder_entry: EncoderEntry, decoder_entry: DecoderEntry, model: PairModel) -> Iterator[str]:
    """Where a module is not what its entry declares."""
    for entry, module, name in (
        (encoder_entry, model.encoder, "input_kind"),
        (decoder_entry, model.decoder, "cross_attention"),
    ):
        declared, found = getattr(entry, name), getattr(module, name)
        if declared != found:
            yield (
                f"{entry} is registered with {name} {declared!r}, but its module has {found!r}: "
                "its plugin sets them alike"
            )


def _unkept(encoder_entry: EncoderEntry, decoder_entry: DecoderEntry, model: PairModel) -> Iterator[str]:
    """What would keep the pair from being saved, or from being read again."""
    yield from unkept(encoder_entry, model.config.encoder, model.encoder)
    yield from unkept(decoder_entry, model.config.decoder, model.decoder)
    if model.config.connector is not None:
        connector_entry = model.catalog.connector(model.config.connector.model_type)
        yield from unkept(connector_entry, model.config.connector, model.connector)


def _impossible_tokens(config: PairConfig, size: int) -> Iterator[str]:
    """Special tokens that the decoder has not: they could be neither read nor written."""
    for name in SPECIAL_TOKENS:
        for token in _token_ids(config, name):
            if not 0 <= token < size:
                yield f"$.{name}: {token} is not one of the {size} tokens of the decoder (0 to {size - 1})"


def _token_ids(config: PairConfig, name: str) -> list[int]:
    """The ids of a special token: of the pair's config or, where that leaves it open, the decoder's."""
    for value in (getattr(config, name), getattr(config.decoder, name)):
        if value is not None:
            return list(value) if isinstance(value, list) else [value]
    return []
