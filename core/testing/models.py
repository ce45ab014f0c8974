"""Small modules and pairs of registry entries, in float64 and with values that hide nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeVar

import torch
from hypothesis import strategies as st
from torch import nn

from speechgraft.checkpoint import materialise
from speechgraft.config import Config
from speechgraft.contracts import Decoder, Encoder
from speechgraft.nn.meta import weightless
from speechgraft.registry import Catalog, ConnectorEntry, DecoderEntry, EncoderEntry, Origin, default_catalog
from speechgraft.registry.configs import PairConfig
from speechgraft.registry.models import MODELS, PairModel
from speechgraft.testing.case import Case
from speechgraft.testing.strategies import SEEDS, configs, pair_configs

Module = TypeVar("Module", bound=nn.Module)

SPREAD = 0.2
"""By how much `scramble` moves parameters: at tiny widths a layer then neither fades nor blows up its input."""


def catalog_of(encoder: EncoderEntry, decoder: DecoderEntry, connector: ConnectorEntry | None = None) -> Catalog:
    """A catalog of these and of all connectors, so that entries can be tried before they are registered."""
    chosen = {} if connector is None else {connector.name: connector}
    connectors = {**default_catalog().connectors, **chosen}
    return Catalog().extended(Origin("testing", "speechgraft.testing", "0"), [encoder], [decoder], connectors.values())


def drawn_encoder(case: Case, entry: EncoderEntry) -> Encoder:
    """An encoder of a drawn config, in float64 and eval mode."""
    return build_encoder(entry, case.draw(configs(entry), "config"), case.draw(SEEDS, "seed of the parameters"))


def drawn_decoder(case: Case, entry: DecoderEntry) -> Decoder:
    """A decoder of a drawn config, in float64 and eval mode."""
    return build_decoder(entry, case.draw(configs(entry), "config"), case.draw(SEEDS, "seed of the parameters"))


@st.composite
def pairs(draw: st.DrawFn, encoder: EncoderEntry, decoder: DecoderEntry) -> PairModel:
    """Pairs of drawn configs and parameters, in float64 and eval mode."""
    return build_pair(draw(pair_configs(encoder, decoder)), catalog_of(encoder, decoder), draw(SEEDS))


def drawn_pair(case: Case, encoder: EncoderEntry, decoder: DecoderEntry) -> PairModel:
    """A pair of a drawn config, in float64 and eval mode."""
    config = case.draw(pair_configs(encoder, decoder, case.connector), "config")
    return build_pair(config, catalog_of(encoder, decoder, case.connector), case.draw(SEEDS, "seed of the parameters"))


def build_encoder(entry: EncoderEntry, config: Config, seed: int) -> Encoder:
    """An encoder of a copy of `config`, in float64 and eval mode."""
    with weightless():
        module = entry.build(config.copy())
    return _filled(module, seed)


def build_decoder(entry: DecoderEntry, config: Config, seed: int) -> Decoder:
    """A decoder of a copy of `config`, in float64 and eval mode."""
    with weightless():
        module = entry.build(config.copy())
    return _filled(module, seed)


def build_pair(config: PairConfig, catalog: Catalog, seed: int) -> PairModel:
    """A pair in float64 and eval mode."""
    with weightless():
        model = new_pair(config, catalog)
    return _filled(model, seed)


def new_pair(config: PairConfig, catalog: Catalog) -> PairModel:
    """A pair of the class that its config is for."""
    [model_class] = [each for each in MODELS if isinstance(config, each.config_class)]
    return model_class(config, catalog=catalog)


def _filled(module: Module, seed: int) -> Module:
    with seeded(seed):
        materialise(module, dtype=torch.float64)
        scramble(module)
    return module.eval()


@torch.no_grad()
def scramble(module: nn.Module) -> None:
    """Move every parameter off its first value: a zero or a one would hide what is left out."""
    for parameter in module.parameters():
        parameter.add_(torch.randn_like(parameter), alpha=SPREAD)


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Torch's random numbers from `seed` on; those of the process go on afterwards as if nothing had been."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield
