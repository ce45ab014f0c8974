"""P09: every option reaches its destination once; a misspelt one is refused with the nearest name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from hypothesis import strategies as st
from torch import Tensor

from speechgraft.config import Config
from speechgraft.config.fields import fields_of
from speechgraft.contracts import Decoder, Encoder
from speechgraft.errors import RoutingError
from speechgraft.nn.meta import weightless
from speechgraft.registry import DecoderEntry, EncoderEntry, pair
from speechgraft.registry.models import PairModel
from speechgraft.testing.case import Case
from speechgraft.testing.models import catalog_of, drawn_pair
from speechgraft.testing.strategies import configs, make_batch


@torch.no_grad()
def forward_options(case: Case, encoder: EncoderEntry, decoder: DecoderEntry) -> None:
    """Options of `forward` and `generate` go to the part that they name, unprefixed ones of parts to the encoder."""
    model = drawn_pair(case, encoder, decoder)
    inputs = make_batch(model.encoder, (model.encoder.minimum_length,), "noise", 0).inputs
    ids = torch.zeros(1, 1, dtype=torch.int64)

    def forward(**options: Any) -> None:
        model(_beside(options, inputs), decoder_input_ids=ids, **options)

    def generate(**options: Any) -> None:
        model.generate(_beside(options, inputs), decoder_input_ids=ids, max_new_tokens=1, **options)

    for part, names in model.forward_options().items():
        for name in names:
            value = _sample(model, part, name, inputs.shape[1])
            _reaches(case, model, forward, f"{part}_{name}", value, (part, name))
            if part == "encoder":
                for call, spelling in ((forward, name), (generate, name), (generate, f"encoder_{name}")):
                    _reaches(case, model, call, spelling, value, (part, name))
                _refused(case, forward, {name: None, f"encoder_{name}": None}, name)
            _refused(case, forward, {f"{part}_{name[:-1]}": None}, name)


def _beside(options: dict[str, Any], inputs: Tensor) -> Tensor | None:
    """The inputs, but where embeddings stand for them."""
    return None if {"inputs_embeds", "encoder_inputs_embeds"} & options.keys() else inputs


def _sample(model: PairModel, part: str, name: str, length: int) -> Any:
    """A value of an option: one that passes where values are checked, elsewhere one that nothing can use."""
    module: Encoder | Decoder = getattr(model, part)
    if name in module.id_options:
        return torch.zeros(1, length if part == "encoder" else 1, dtype=torch.int64)
    if part == "encoder" and name == "inputs_embeds":
        return torch.zeros(1, length, model.encoder.embedding_size or 0, dtype=torch.float64)
    return object()


def _reaches(
    case: Case,
    model: PairModel,
    call: Callable[..., None],
    spelling: str,
    value: Any,
    destination: tuple[str, str],
) -> None:
    arrived: list[tuple[str, str]] = []

    def listener(part: str) -> Callable[..., Any]:
        def hear(module: Any, args: Any, options: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
            arrived.extend((part, name) for name, given in options.items() if given is value)
            # What cannot be used is taken out again before the part sees it.
            usable = isinstance(value, Tensor)
            return args, {name: given for name, given in options.items() if usable or given is not value}

        return hear

    handles = [
        getattr(model, part).register_forward_pre_hook(listener(part), with_kwargs=True)
        for part in ("encoder", "decoder")
    ]
    try:
        call(**{spelling: value})
    finally:
        for handle in handles:
            handle.remove()
    case.holds(arrived == [destination], f"{spelling} reached {arrived}, expected {[destination]}", "forward_options")


def _refused(case: Case, call: Callable[..., Any], options: dict[str, Any], named: str) -> None:
    try:
        call(**options)
    except RoutingError as error:
        case.holds(named in str(error), f"{list(options)} is refused without naming {named}: {error}", "route")
    else:
        case.holds(False, f"{list(options)} was taken", "route")


def factory_options(case: Case, encoder: EncoderEntry, decoder: DecoderEntry) -> None:
    """Options of factories go to the config that they name, unprefixed ones to the pair's."""
    drawn = {"encoder": case.draw(configs(encoder), "encoder"), "decoder": case.draw(configs(decoder), "decoder")}
    token = case.draw(st.integers(0, 8), "token")
    options = {f"{role}_{name}": value for role, config in drawn.items() for name, value in _changed(config).items()}

    def make(**options: Any) -> PairModel:
        with weightless():
            return pair(encoder.name, decoder.name, catalog=catalog_of(encoder, decoder), **options)

    config = make(**options, pad_token_id=token, decoder_start_token_id=token).config
    found = (config.pad_token_id, config.decoder_start_token_id)
    case.holds(found == (token, token), f"pad and start are {found}, expected {token}", "options of the pair")
    case.holds(config.encoder == drawn["encoder"], f"the encoder's config is {config.encoder}", "encoder_ options")
    expected = drawn["decoder"].copy(is_decoder=True, add_cross_attention=True)
    case.holds(config.decoder == expected, f"the decoder's config is {config.decoder}", "decoder_ options")
    for role, entry in (("encoder", encoder), ("decoder", decoder)):
        name, value = next(iter(entry.tiny.items()))
        _refused(case, make, {f"{role}_{name}": value, role: {name: value}}, name)
        _refused(case, make, {f"{role}_{name[:-1]}": value}, f"{role}_{name}")


def _changed(config: Config) -> dict[str, Any]:
    """The fields of a config that are not as its class has them by default."""
    default = type(config)()
    return {
        name: getattr(config, name)
        for name in fields_of(type(config))
        if getattr(config, name) != getattr(default, name)
    }
