"""P00 and P01: what entries declare is so, and what `check` says is so."""

from __future__ import annotations

from typing import Any

import torch
from hypothesis import strategies as st
from torch import Tensor

from speechgraft.contracts import Decoder
from speechgraft.errors import SpeechGraftError
from speechgraft.nn.meta import weightless
from speechgraft.registry import DecoderEntry, EncoderEntry, check, pair
from speechgraft.registry.models import PairModel
from speechgraft.testing.case import Case
from speechgraft.testing.models import catalog_of, drawn_decoder, drawn_encoder, drawn_pair, seeded
from speechgraft.testing.strategies import batches, configs, connector_choices, label_batches, make_batch

# So many times the stride that a first frame, or one more of an up-sampling, does not count.
_STRIDES = 10_000

# Longer tables are not read to their end: attention over them takes long.
_POSITIONS = 256


def encoder_capabilities(case: Case, entry: EncoderEntry) -> None:
    """What an encoder's entry declares is so."""
    encoder = drawn_encoder(case, entry)
    case.holds(
        encoder.input_kind == entry.input_kind,
        f"the entry says {entry.input_kind!r}, the module {encoder.input_kind!r}",
        "input_kind",
    )
    if entry.stride is None:
        return
    with weightless():
        encoder = entry.build(entry.load_config_class()())
    lengths = encoder.minimum_length + torch.tensor([0, _STRIDES * entry.stride])
    first, last = encoder.output_lengths(lengths).tolist()
    case.holds(
        abs(last - first - _STRIDES) <= 2,
        f"{_STRIDES} strides of {entry.stride} inputs give {last - first} frames with the default config",
        "stride of the entry, output_lengths",
    )


def decoder_capabilities(case: Case, entry: DecoderEntry) -> None:
    """What a decoder's entry declares is so."""
    decoder = drawn_decoder(case, entry)
    case.holds(
        decoder.cross_attention == entry.cross_attention,
        f"the entry says {entry.cross_attention!r}, the module {decoder.cross_attention!r}",
        "cross_attention",
    )
    case.holds(
        entry.positions != "learned" or decoder.max_positions is not None,
        "learned positions come to an end, but max_positions is None",
        "max_positions, positions of the entry",
    )
    width = decoder.embed(torch.zeros(1, 1, dtype=torch.int64)).shape[-1]
    case.holds(width == decoder.hidden_size, f"embed gives {width}, hidden_size is {decoder.hidden_size}", "embed")
    _takes_what_it_promises(case, decoder)
    weights = entry.load_weights()(decoder.config)
    names = [name for name, _ in decoder.named_parameters()]
    injected = [name for name in names if (weights.fresh_reason(name) or "").startswith("injected")]
    case.holds(
        bool(injected) == (entry.cross_attention == "injected"),
        f"cross-attention is {entry.cross_attention}, and checkpoints may lack {len(injected)} injected parameters",
        "fresh rows of the weight map whose reason begins with 'injected'",
    )


@torch.no_grad()
def _takes_what_it_promises(case: Case, decoder: Decoder) -> None:
    """A memory of the width that was promised can be read, and as many tokens as there are positions."""
    tokens = min(decoder.max_positions or 1, _POSITIONS)
    calls: dict[str, dict[str, Tensor]] = {
        f"memory_size is {decoder.memory_size}": {"memory": torch.zeros(1, 1, decoder.memory_size).double()},
        f"max_positions is {decoder.max_positions}": {"attention_mask": torch.ones(1, tokens, dtype=torch.bool)},
    }
    for promise, options in calls.items():
        ids = torch.zeros(1, tokens if "attention_mask" in options else 1, dtype=torch.int64)
        try:
            decoder(ids, **options)
        except Exception as error:
            what = f"{promise}, but such a call gives {type(error).__name__}: {error}"
            raise AssertionError(case.message(what, "memory_size, max_positions, the table of positions")) from error


def gradient_checkpointing(case: Case, encoder: EncoderEntry, decoder: DecoderEntry) -> None:
    """Where a part declares gradient checkpointing it can be switched on, and gives the same gradients."""
    model = drawn_pair(case, encoder, decoder)
    for entry, part in ((encoder, model.encoder), (decoder, model.decoder)):
        found = any(hasattr(module, "gradient_checkpointing") for module in part.modules())
        case.holds(found == entry.gradient_checkpointing, f"{entry} has a switch: {found}", "gradient_checkpointing")
    if not (encoder.gradient_checkpointing or decoder.gradient_checkpointing):
        return
    batch = case.draw(batches(model.encoder, frames=(2, 8)), "batch")
    labels = case.draw(label_batches(model.decoder, len(batch.lengths)), "labels")
    gradients = []
    for enabled in (False, True):
        (model.gradient_checkpointing_enable if enabled else model.gradient_checkpointing_disable)()
        model.train().zero_grad()
        with seeded(0):
            model(batch.inputs, batch.mask, labels=labels).loss.backward()
        gradients.append({name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None})
    plain, recomputed = gradients
    case.holds(plain.keys() == recomputed.keys(), f"{plain.keys() ^ recomputed.keys()} differ", "what is recomputed")
    for name in plain:
        case.close(recomputed[name], plain[name], f"gradient of {name}", "random numbers or state in a layer")


def wiring(case: Case, encoder: EncoderEntry, decoder: DecoderEntry) -> None:
    """`check` on meta tensors agrees with what building and running the pair does."""
    encoder_config, decoder_config = case.draw(configs(encoder), "encoder"), case.draw(configs(decoder), "decoder")
    size = case.draw(st.sampled_from([None, None, 8, 12, 16]), "cross_attention_hidden_size")
    tokens = st.none() | st.integers(-1, 45)
    options = case.draw(
        st.fixed_dictionaries(
            {"pad_token_id": tokens, "eos_token_id": tokens, "ctc_vocab_size": st.sampled_from([None, 7])}
        ),
        "options",
    )
    arguments: dict[str, Any] = {"encoder": encoder_config, "decoder": decoder_config, **options}
    arguments["connector"] = case.draw(connector_choices(case.connector), "connector")
    if size is not None:
        arguments["decoder_cross_attention_hidden_size"] = size
    catalog = catalog_of(encoder, decoder, case.connector)
    report = check(encoder.name, decoder.name, catalog=catalog, seconds=None, **arguments)
    try:
        model = pair(encoder.name, decoder.name, catalog=catalog, **arguments).double().eval()
        _run(model)
    except SpeechGraftError as error:
        case.holds(not report.ok, f"check finds no problem, but: {error}", "check")
        return
    tokens_fit = all("not one of the" in problem for problem in report.problems)
    case.holds(tokens_fit, f"it runs, but check says: {'; '.join(report.problems)}", "check")
    for name, expected in _measured(model).items():
        found = getattr(report, name)
        case.holds(found == expected, f"check says {name} {found}, the pair has {expected}", "check")


@torch.no_grad()
def _run(model: PairModel) -> None:
    shortest = make_batch(model.encoder, (model.encoder.minimum_length,), "silence", 0)
    model(shortest.inputs, decoder_input_ids=torch.zeros(1, 1, dtype=torch.int64))


def _measured(model: PairModel) -> dict[str, Any]:
    """What the fields of a `PairReport` should hold."""
    projection = model.enc_to_dec_proj
    return {
        "input_kind": model.encoder.input_kind,
        "minimum_length": model.encoder.minimum_length,
        "encoder_size": model.encoder.output_size,
        "memory_size": model.decoder.memory_size,
        "decoder_size": model.decoder.hidden_size,
        "projection": None if projection is None else tuple(reversed(projection.weight.shape)),
        "vocab_size": model.decoder.vocab_size,
        "max_positions": model.decoder.max_positions,
        "total": sum(parameter.numel() for parameter in model.parameters()),
    }
