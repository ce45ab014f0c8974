"""Published options of generation that are not to be had here, and what to use instead."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from speechgraft.errors import InputError

_NO_REMOTE_CODE = "published as code that is downloaded and run, which nothing here is"
_ONE_MODEL = "a second model beside the decoder is not to be had; num_beams=1 with use_cache=True is the fast way"

UNOFFERED: Final[Mapping[str, str]] = {
    "penalty_alpha": f"contrastive search is {_NO_REMOTE_CODE}; do_sample=True with top_k or typical_p is near it",
    "dola_layers": f"contrasting layers is {_NO_REMOTE_CODE}; repetition_penalty keeps texts from repeating",
    "constraints": f"constrained beam search is {_NO_REMOTE_CODE}; prefix_allowed_tokens_fn limits what may follow",
    "force_words_ids": f"constrained beam search is {_NO_REMOTE_CODE}; sequence_bias makes words likelier",
    "low_memory": "beams share the memory as it is, and need no slower way to save some",
    "stop_strings": "a search knows token ids alone; a callable of stopping_criteria may decode them and look",
    "guidance_scale": "there is no unconditional text to guide away from; a callable of logits_processor may do it",
    "watermarking_config": "texts of speech are not marked; a callable of logits_processor may do it",
    "token_healing": "prompts are token ids and stay as they are",
    "prompt_lookup_num_tokens": _ONE_MODEL,
    "assistant_early_exit": _ONE_MODEL,
    "assistant_ensemble_weight": _ONE_MODEL,
    "speculation_type": _ONE_MODEL,
    "use_mtp": _ONE_MODEL,
}
"""Each with the reason, and the nearest thing that there is."""

_NEUTRAL: Final[Mapping[str, Any]] = {"guidance_scale": 1.0}


ELSEWHERE: Final[Mapping[str, str]] = {
    "assistant_model": _ONE_MODEL,
    "streamer": "watch is told of tokens as they are settled, and Transcriber.stream gives text as it appears",
    "decoder_attention_mask": (
        "all tokens of decoder_input_ids count; rows that begin with unequal numbers of tokens go in calls of their own"
    ),
    "decoder_inputs_embeds": "rows begin with token ids: pass decoder_input_ids",
    "past_key_values": "a search keeps a cache of its own; use_cache=False is for none",
    "negative_prompt_ids": UNOFFERED["guidance_scale"],
    "negative_prompt_attention_mask": UNOFFERED["guidance_scale"],
    "custom_generate": "a search of one's own calls the model step by step, with past_key_values",
    "synced_gpus": "each process searches for itself, and none waits for another",
    "tokenizer": UNOFFERED["stop_strings"],
}
"""Published arguments of `generate` that there are not here, each with what to do instead."""


def refuse_unoffered(options: Mapping[str, Any], kept: Mapping[str, Any] = MappingProxyType({})) -> None:
    """Refuse those of `UNOFFERED` that ask for something, rather than passing over them.

    Args:
        options: What a call states.
        kept: What a file says, where the call does not.

    Raises:
        InputError: Naming them.
    """
    asked = [name for name, value in {**kept, **options}.items() if name in UNOFFERED and _asks(name, value)]
    if asked:
        raise InputError("; ".join(_refusal(name, options, kept) for name in asked))


def _asks(name: str, value: Any) -> bool:
    return value not in (None, False) and value != _NEUTRAL.get(name)


def _refusal(name: str, options: Mapping[str, Any], kept: Mapping[str, Any]) -> str:
    if name in options:
        return f"{name}={options[name]!r}: {UNOFFERED[name]}"
    return f"the generation config says {name}={kept[name]!r}: {UNOFFERED[name]}; {name}=None leaves it aside"
