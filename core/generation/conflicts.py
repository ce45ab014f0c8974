"""Options of one call that contradict each other, or the search that they are passed to."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from typing import TYPE_CHECKING, Any, Final

from speechgraft.errors import InputError

if TYPE_CHECKING:
    from speechgraft.generation.config import GenerationConfig

OF_SAMPLING: Final = (
    "temperature",
    "top_k",
    "top_p",
    "min_p",
    "top_h",
    "typical_p",
    "epsilon_cutoff",
    "eta_cutoff",
)
"""Options that matter where tokens are drawn, and nowhere else."""

OF_BEAMS: Final = ("early_stopping", "length_penalty", "num_beam_groups", "diversity_penalty")
"""Options that matter in beam search, and nowhere else."""

OF_OUTPUTS: Final = ("output_scores", "output_logits", "output_attentions", "output_hidden_states")
"""Options that matter where more than token ids is given back."""

_NEUTRAL: Final[dict[str, Any]] = {
    "temperature": (1.0,),
    "top_k": (0, 50),
    "top_p": (1.0,),
    "typical_p": (1.0,),
    "epsilon_cutoff": (0.0,),
    "eta_cutoff": (0.0,),
    "early_stopping": (False,),
    "length_penalty": (1.0,),
    "num_beam_groups": (1,),
    "diversity_penalty": (0.0,),
    "ctc_candidates": (40,),
    **dict.fromkeys(OF_OUTPUTS, (False,)),
}

Passed = Collection[str]


def refuse_contradictions(config: GenerationConfig, passed: Passed) -> None:
    """Refuse what a call asks for and cannot have, rather than passing over it.

    What a config says and the call does not is passed over where another search is asked for: a file may
    hold a length penalty, and a call take the greedy search.

    Args:
        config: What holds for the call.
        passed: The options that the call itself states.

    Raises:
        InputError: Naming all of them.
    """
    problems = [problem for check in _CHECKS for problem in check(config, passed)]
    if problems:
        raise InputError("; ".join(problems))


def _twice(config: GenerationConfig, passed: Passed) -> Iterator[str]:
    for first, second in (("max_length", "max_new_tokens"), ("min_length", "min_new_tokens")):
        if first in passed and second in passed:
            yield f"{first} and {second} were passed together; pass one of them"


def _least_above_most(config: GenerationConfig, passed: Passed) -> Iterator[str]:
    for least, most in (("min_length", "max_length"), ("min_new_tokens", "max_new_tokens")):
        low, high = getattr(config, least), getattr(config, most)
        if least in passed and most in passed and low > high:
            yield f"{least}={low} is more than {most}={high}"


def _idle(config: GenerationConfig, passed: Passed) -> Iterator[str]:
    """Options that would do nothing."""
    idle = [
        (OF_SAMPLING, config.do_sample, "of sampling, and do_sample is false: pass do_sample=True"),
        (OF_BEAMS, config.searches_beams, f"of beam search, and num_beams is {config.num_beams}: pass more beams"),
        (("ctc_candidates",), config.ctc_weight > 0, "of joint decoding, and ctc_weight is 0: pass a weight"),
        (OF_OUTPUTS, config.return_dict_in_generate, "given with return_dict_in_generate=True alone"),
    ]
    for names, active, reason in idle:
        for name in names:
            value = getattr(config, name)
            if name in passed and not active and value not in _NEUTRAL.get(name, ()):
                yield f"{name}={value!r} is {reason}"


def _too_many_sequences(config: GenerationConfig, passed: Passed) -> Iterator[str]:
    wanted = config.num_return_sequences
    if config.searches_beams and wanted > config.num_beams:
        yield f"num_return_sequences={wanted} is more than num_beams={config.num_beams}"
    elif not config.searches_beams and not config.do_sample and wanted > 1:
        others = f"do_sample=True or num_beams={wanted}"
        if "num_return_sequences" not in passed:  # it is the config's, and the call wants another search
            others = f"num_return_sequences=1, {others}"
        yield f"num_return_sequences={wanted}, but greedy search finds one: pass {others}"


def _groups(config: GenerationConfig, passed: Passed) -> Iterator[str]:
    groups = config.num_beam_groups
    if groups == 1 or not config.searches_beams:
        if "diversity_penalty" in passed and config.diversity_penalty and config.searches_beams:
            yield f"diversity_penalty={config.diversity_penalty} needs num_beam_groups above 1"
        return
    if config.num_beams % groups:
        yield f"num_beams={config.num_beams} cannot be parted into num_beam_groups={groups}"
    if not config.diversity_penalty:
        yield f"num_beam_groups={groups} find the same texts where diversity_penalty is 0: pass one above 0"
    if config.do_sample:
        yield f"num_beam_groups={groups} are searched and not drawn: pass do_sample=False"


def _forced_and_suppressed(config: GenerationConfig, passed: Passed) -> Iterator[str]:
    for name in ("forced_bos_token_id", "forced_eos_token_id"):
        value = getattr(config, name)
        forced = set() if value is None else {*(value if isinstance(value, list) else [value])}
        if forced and forced <= {*(config.suppress_tokens or ())}:
            yield f"{name}={value} is among suppress_tokens"
    if [config.forced_bos_token_id] in (config.bad_words_ids or ()):
        yield f"forced_bos_token_id={config.forced_bos_token_id} is among bad_words_ids"


_CHECKS: Final[tuple[Callable[[GenerationConfig, Passed], Iterator[str]], ...]] = (
    _twice,
    _least_above_most,
    _idle,
    _too_many_sequences,
    _groups,
    _forced_and_suppressed,
)
