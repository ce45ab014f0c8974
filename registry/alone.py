"""A part of a pair as the model that it is on its own."""

from __future__ import annotations

from typing import Any

from speechgraft.contracts import Decoder, Encoder
from speechgraft.errors import InputError
from speechgraft.nn.meta import weightless
from speechgraft.registry.catalog import Catalog
from speechgraft.registry.entries import PartRole
from speechgraft.registry.import_strings import load
from speechgraft.registry.pretrained import Pretrained
from speechgraft.registry.text_encoder import TextEncoderModel


def alone(part: Encoder | Decoder, role: PartRole, catalog: Catalog) -> Pretrained:
    """The model under its published name that has this very part: an encoder without a head, or a language model.

    Raises:
        InputError: Its plugin brings no such class.
    """
    entry = catalog.entry(role, part.config.model_type)
    if not entry.models:
        raise InputError(f"{entry} names no class that is this {role} alone (models=...): save the whole pair")
    cls: Any = load(entry.models[0])
    pools = {"add_pooling_layer": False} if issubclass(cls, TextEncoderModel) else {}
    with weightless():
        model: Pretrained = cls(part.config, catalog=catalog, **pools)
    setattr(model, role, part)
    return model
