"""What a call of `generate` asks for beside its inputs, refused before anything is computed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple, TypeVar

import torch

from speechgraft.errors import InputError
from speechgraft.generation.config import TOKENS, GenerationConfig
from speechgraft.generation.fusion import Fusion
from speechgraft.generation.pair import Telling
from speechgraft.generation.rules import Rule
from speechgraft.generation.sampling import Watch
from speechgraft.generation.stopping import Criterion
from speechgraft.generation.tokens import PrefixFunction, token_ids

_OF_FUSION: Final = ("start", "fuse", "reorder", "keep_rows")

Part = TypeVar("Part", bound=Callable[..., Any])


def settings(
    model: Telling, generation_config: GenerationConfig | None, options: Mapping[str, Any]
) -> GenerationConfig:
    """How to generate: the options of a call, before the config that is passed, or else the model's.

    Raises:
        InputError: What is passed, or set as the model's, is no `GenerationConfig`; options contradict each other; a
            special token is outside the decoder's vocabulary.
        ConfigError: An option has the wrong type or is impossible.
    """
    stated = checked_config(model.generation_config, "model.generation_config")
    if generation_config is not None:
        stated = checked_config(generation_config, "generation_config").filled_from(stated)
    config = stated.superseded_by(options)
    for name in TOKENS:
        place = name if options.get(name) is not None else f"the generation config's {name}"
        _check_tokens(getattr(config, name), model.decoder.vocab_size, place)
    # A decoder's own config may hold a published default that a small vocabulary has not; the pair's has none.
    _check_tokens(model.config.eos_token_id, model.decoder.vocab_size, "model.config.eos_token_id")
    return config


def checked_config(config: Any, name: str) -> GenerationConfig:
    """The config itself.

    Raises:
        InputError: It is something else; the message says how it becomes one.
    """
    if isinstance(config, GenerationConfig):
        return config
    kind = type(config)
    shown = kind.__name__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__name__}"
    if hasattr(config, "to_dict"):
        remedy = ": GenerationConfig.from_dict(its to_dict()) makes one"
    else:
        makers: dict[type, str] = {dict: "from_dict makes one", str: "from_pretrained reads a folder"}
        remedy = f": GenerationConfig.{makers[kind]}" if kind in makers else ""
    raise InputError(f"{name} is a {shown}, expected a speechgraft GenerationConfig{remedy}")


def _check_tokens(value: int | list[int] | None, vocab_size: int, name: str) -> None:
    if value is not None:
        token_ids(value if isinstance(value, list) else [value], vocab_size, name, torch.device("cpu"))


class Handed(NamedTuple):
    """What a call of `generate` hands over that no config has; see there."""

    generator: torch.Generator | None = None
    prefix_allowed_tokens_fn: PrefixFunction | None = None
    logits_processor: Sequence[Rule] | None = ()
    stopping_criteria: Sequence[Criterion] | None = ()
    fusion: Sequence[Fusion] | None = ()
    watch: Watch | None = None

    def check(self, config: GenerationConfig) -> None:
        """Refuse what cannot be used, or not with this config.

        Raises:
            InputError: Naming the argument, what it is and what was expected.
        """
        generator = self.generator
        if generator is not None and not isinstance(generator, torch.Generator):
            raise InputError(f"generator={generator!r}, expected one torch.Generator, for all rows")
        for name in ("prefix_allowed_tokens_fn", "watch"):
            value = getattr(self, name)
            if value is not None and not callable(value):
                raise InputError(f"{name}={value!r}, expected a function or None")
        callables(self.logits_processor, "logits_processor")
        callables(self.stopping_criteria, "stopping_criteria")
        parts = fusions(self.fusion)
        rows = config.num_return_sequences
        if generator is not None and not config.do_sample:
            raise InputError("a generator was passed, but nothing is drawn: pass do_sample=True")
        if config.do_sample and parts and not config.searches_beams:
            raise InputError(
                "fusion weighs the continuations of a beam search: pass num_beams above 1, or no do_sample"
            )
        if self.watch is not None and rows > 1:
            raise InputError(f"watch tells of one row an utterance, not num_return_sequences={rows}")


def callables(given: Sequence[Part] | None, name: str) -> tuple[Part, ...]:
    """The caller's own functions, of which one needs no list.

    Raises:
        InputError: One is no function.
    """
    parts = _listed(given)
    wrong = [part for part in parts if not callable(part)]
    if wrong:
        raise InputError(f"{name} holds {wrong[0]!r}; expected a list of callables")
    return parts


def fusions(given: Sequence[Fusion] | None) -> tuple[Fusion, ...]:
    """The caller's own fusions, of which one needs no list.

    Raises:
        InputError: One is no `Fusion`.
    """
    parts: tuple[Fusion, ...] = _listed(given)
    for part in parts:
        missing = [name for name in _OF_FUSION if not callable(getattr(part, name, None))]
        if missing:
            raise InputError(f"fusion holds {part!r}, which has no {missing[0]}(): expected a list of Fusion")
    return parts


def _listed(given: Any) -> tuple[Any, ...]:
    if given is None:
        return ()
    return tuple(given) if isinstance(given, Sequence) else (given,)
