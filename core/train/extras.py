"""Libraries of the extra `train`."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from speechgraft.errors import InputError


def need(module: str) -> Any:
    """A module of the extra.

    Raises:
        InputError: It is not installed; the message says how to.
    """
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        if error.name != module.partition(".")[0]:
            raise
        name = error.name
    raise InputError(f'training and evaluation need {name}: pip install "speechgraft[train]"')
