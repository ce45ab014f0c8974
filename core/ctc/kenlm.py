"""KenLM's binary files, and which language model a file holds."""

from __future__ import annotations

import math
import os
from collections.abc import Hashable
from importlib import import_module
from pathlib import Path
from typing import Any, Self

from speechgraft.ctc.arpa import ArpaModel
from speechgraft.ctc.words import LanguageModel
from speechgraft.errors import CheckpointError, InputError

_TEN = math.log(10.0)
_MAGIC = b"mmap lm http://kheafield.com/code"


class KenLM(LanguageModel):
    """A model that the library `kenlm` (the extra `lm`) maps into memory (Heafield 2011).

    Args:
        model: A `kenlm.Model`.
        module: `kenlm` itself, whose states it takes.
    """

    def __init__(self, model: Any, module: Any) -> None:
        self.model = model
        self._new_state = module.State

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> Self:
        """Map a binary file, or read an ARPA file, by `kenlm`.

        Raises:
            CheckpointError: It is not there or `kenlm` does not take it.
            InputError: `kenlm` is not installed.
        """
        kenlm = _library(path)
        try:
            return cls(kenlm.Model(os.fspath(path)), kenlm)
        except (OSError, RuntimeError) as error:
            reason = " ".join(str(error).split())
            raise CheckpointError(f"{path}: kenlm cannot read the language model: {reason}") from error

    def start(self) -> Hashable:
        """Behind `<s>`."""
        state = self._new_state()
        self.model.BeginSentenceWrite(state)
        return state  # type: ignore[no-any-return]

    def score(self, state: Any, word: str) -> tuple[float, Hashable]:
        """See `LanguageModel.score`; words that the model does not have are `<unk>`."""
        behind = self._new_state()
        return _TEN * self.model.BaseScore(state, word, behind), behind

    def finish(self, state: Any) -> float:
        """The probability of `</s>`."""
        return _TEN * float(self.model.BaseScore(state, "</s>", self._new_state()))


def _library(path: object) -> Any:
    try:
        return import_module("kenlm")
    except ModuleNotFoundError as error:
        if error.name != "kenlm":
            raise
    raise InputError(
        f'{path}: a binary language model needs kenlm: pip install "speechgraft[lm]"; ARPA files are read without it'
    )


def load_language_model(path: str | os.PathLike[str]) -> LanguageModel:
    """The language model of a file: a binary of KenLM by `KenLM`, anything else as ARPA by `ArpaModel`.

    Raises:
        CheckpointError: It is not there or broken.
        InputError: It is a binary, and `kenlm` is not installed.
    """
    try:
        with Path(path).open("rb") as file:
            binary = file.read(len(_MAGIC)) == _MAGIC
    except OSError as error:
        raise CheckpointError(f"{path}: the language model cannot be read: {error.strerror}") from error
    return KenLM.read(path) if binary else ArpaModel.read(path)
