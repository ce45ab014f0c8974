"""Keys of published `config.json` files that are kept and written back, though nothing here reads them."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from speechgraft.config.keys import key_set
from speechgraft.errors import ConfigError

OLD_GENERATION_KEYS = key_set(
    """
    assistant_confidence_threshold bad_words_ids begin_suppress_tokens diversity_penalty do_sample early_stopping
    encoder_no_repeat_ngram_size encoder_repetition_penalty epsilon_cutoff eta_cutoff
    exponential_decay_length_penalty forced_bos_token_id forced_eos_token_id length_penalty max_length min_length
    no_repeat_ngram_size num_assistant_tokens num_assistant_tokens_schedule num_beam_groups num_beams
    num_return_sequences output_scores remove_invalid_values repetition_penalty return_dict_in_generate
    suppress_tokens target_lookbehind temperature top_k top_p typical_p
    """
)
"""Settings of generation, which older files keep beside the model's; `generation_config.json` has them today."""

HOUSEKEEPING_KEYS = key_set(
    """
    _attn_implementation _attn_implementation_autoset _commit_hash _num_labels attn_implementation auto_map
    cls_token_id finetuning_task gradient_checkpointing mask_token_id output_past per_layer_config prefix
    processor_class pruned_heads sep_token_id task_specific_params tf_legacy_loss tie_encoder_decoder
    tie_last_hidden_states tokenizer_class torchscript use_bfloat16 use_cache
    """
)
"""What tools note for themselves, and switches whose work other parts do."""

NOTES: Final[Mapping[str, type]] = MappingProxyType(
    {
        "use_cache": bool,
        **dict.fromkeys(("processor_class", "tokenizer_class", "finetuning_task"), str),
        **dict.fromkeys(("cls_token_id", "mask_token_id", "sep_token_id"), int),
    }
)
"""Those that published code sets on a config which has no such field, with their types: they are kept for its file."""


def checked_note(owner: type, name: str, value: Any) -> Any:
    """The value of a note.

    Raises:
        ConfigError: It has the wrong type.
    """
    expected = NOTES[name]
    if value is not None and type(value) is not expected:
        raise ConfigError(f"{owner.__name__}.{name} cannot be set: expected {_SPOKEN[expected]}, got {value!r}")
    return value


_SPOKEN: Final[Mapping[type, str]] = {bool: "true or false", str: "a text", int: "an integer"}

CARRIED_KEYS = OLD_GENERATION_KEYS | HOUSEKEEPING_KEYS
