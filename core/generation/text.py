"""Texts that a language model continues: prompts to their places, then the search of `generate`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from speechgraft import checks
from speechgraft.contracts import EncoderOutput
from speechgraft.errors import InputError
from speechgraft.generation.asked import Handed, settings
from speechgraft.generation.call import OPTIONS, answer, warn_in_training
from speechgraft.generation.config import GenerationConfig
from speechgraft.generation.fusion import Fusion
from speechgraft.generation.output import GenerateOutput
from speechgraft.generation.pair import Telling
from speechgraft.generation.rules import Rule
from speechgraft.generation.sampling import Watch
from speechgraft.generation.stopping import Criterion
from speechgraft.generation.tokens import PrefixFunction
from speechgraft.generation.unoffered import ELSEWHERE
from speechgraft.routing import keywords, route


@torch.no_grad()
def continue_text(
    model: Telling,
    input_ids: Tensor | None = None,
    attention_mask: Tensor | None = None,
    *,
    encoder_hidden_states: Tensor | None = None,
    encoder_attention_mask: Tensor | None = None,
    generation_config: GenerationConfig | None = None,
    generator: torch.Generator | None = None,
    prefix_allowed_tokens_fn: PrefixFunction | None = None,
    logits_processor: Sequence[Rule] | None = (),
    stopping_criteria: Sequence[Criterion] | None = (),
    fusion: Sequence[Fusion] | None = (),
    watch: Watch | None = None,
    **options: Any,
) -> Tensor | GenerateOutput:
    """Tokens that continue each prompt: the most probable ones, or drawn, as `GenerationConfig` says.

    Args:
        model: A language model.
        input_ids: (batch, tokens), what rows begin with, padded on the left; by default one row of `bos_token_id`.
        attention_mask: (batch, tokens), 1 for what counts; by default every token, but for `pad_token_id` where the
            prompts hold it and it ends no text.
        encoder_hidden_states: (batch, frames, memory_size), what the decoder attends to, if anything.
        encoder_attention_mask: (batch, frames), 1 for what counts.
        generation_config: How to generate, in place of the model's `generation_config`; special tokens that it
            leaves open are still that one's.
        generator: What tokens are drawn with; by default torch's own.
        prefix_allowed_tokens_fn: See `speechgraft.generation.generate`, as for the four that follow.
        logits_processor: Rules of the caller.
        stopping_criteria: Further reasons for a row to end.
        fusion: What adds scores of its own.
        watch: Told of tokens as they are settled.
        **options: Fields of `GenerationConfig` that go before it.

    Returns:
        (rows, tokens), the prompts included, `num_return_sequences` rows a prompt; rows that ended are filled with
        `pad_token_id`. With `return_dict_in_generate` a `GenerateOutput`.

    Raises:
        InputError: Contradicting options, ids outside the vocabulary, more tokens than the decoder has positions,
            prompts that are padded on the right, a memory that the decoder does not take.
        RoutingError: An unknown option.
        ConfigError: A special token that no config sets, or an option of a wrong type.
    """
    routed = route(
        options, {"generation": OPTIONS}, unprefixed="generation", own=keywords(continue_text), elsewhere=ELSEWHERE
    )
    config = settings(model, generation_config, routed["generation"])
    if config.ctc_weight:
        raise InputError("ctc_weight was given, but a language model hears nothing that CTC could score")
    handed = Handed(
        generator, prefix_allowed_tokens_fn, logits_processor, stopping_criteria, fusion=fusion, watch=watch
    )
    handed.check(config)
    warn_in_training(model.decoder)
    prompt = _prompt(model, config, input_ids, encoder_hidden_states)
    mask = _prompt_mask(model, config, prompt, attention_mask)
    checks.check_memory(model.decoder, encoder_hidden_states, encoder_attention_mask, len(prompt))
    # Of an encoder nothing is shown here; how many rows there were is told by the prompts.
    encoded = EncoderOutput(last_hidden_state=prompt)
    memory = encoder_hidden_states, encoder_attention_mask
    return answer(model, config, prompt, memory, encoded, handed, prompts=mask)


def _prompt(model: Telling, config: GenerationConfig, given: Tensor | None, memory: Tensor | None) -> Tensor:
    """What rows begin with. *Shapes:* (batch, tokens), int64."""
    known = model.decoder.vocab_size
    if given is not None:
        checks.check_ids(given, known, "input_ids")
        return given.to(torch.int64)
    start = model.token("bos_token_id", "to begin with, as there are no input_ids", config, vocab_size=known)
    device = next(model.decoder.parameters()).device if memory is None else memory.device
    return torch.full((1 if memory is None else len(memory), 1), start, device=device)


def _prompt_mask(model: Telling, config: GenerationConfig, prompt: Tensor, given: Tensor | None) -> Tensor:
    """Which tokens of the prompts count. *Shapes:* (batch, tokens), bool."""
    if given is not None:
        checks.check_binary(given, prompt.shape, "attention_mask")
        mask = given.bool()
    else:
        pads = [each.pad_token_id for each in (config, model.config) if each.pad_token_id is not None][:1]
        mask = torch.ones_like(prompt, dtype=torch.bool)
        if pads and pads[0] not in model.ends(config):
            mask = torch.ne(prompt, int(pads[0]))
    open_ended = (~mask[:, -1]).nonzero().flatten().tolist()
    if open_ended:
        raise InputError(
            f"the prompt of row {open_ended[0]} ends in tokens that do not count, but a text is continued behind its "
            "last token: pad prompts on the left"
        )
    return mask
