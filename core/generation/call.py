"""`generate`: options to their places, inputs to a memory, then a search."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from speechgraft import checks
from speechgraft.config.fields import fields_of
from speechgraft.contracts import Decoder, EncoderOutput
from speechgraft.errors import InputError
from speechgraft.generation.config import GenerationConfig
from speechgraft.generation.pair import Generating
from speechgraft.generation.sampling import greedy
from speechgraft.generation.steps import Steps
from speechgraft.routing import route

LONGEST = 448
"""Tokens of a row where neither the call nor the decoder limits them."""


@torch.no_grad()
def generate(
    model: Generating,
    inputs: Tensor | None = None,
    attention_mask: Tensor | None = None,
    *,
    input_values: Tensor | None = None,
    input_features: Tensor | None = None,
    input_ids: Tensor | None = None,
    encoder_outputs: EncoderOutput | None = None,
    decoder_input_ids: Tensor | None = None,
    generation_config: GenerationConfig | None = None,
    **options: Any,
) -> Tensor:
    """The most probable token after the most probable token, for each utterance.

    Args:
        model: A pair.
        inputs: What its encoder takes.
        attention_mask: (batch, inputs), 1 for what counts.
        input_values: Another name of `inputs`, for audio.
        input_features: Another name of `inputs`, for audio.
        input_ids: The name of `inputs` where the encoder takes tokens.
        encoder_outputs: Of an earlier `encode`, in place of inputs.
        decoder_input_ids: (batch, tokens) that every row begins with; by default `decoder_start_token_id`.
        generation_config: Limits and tokens in place of the model's `generation_config`.
        **options: Fields of `GenerationConfig` that go before it; options of the encoder, which may be prefixed
            `encoder_`.

    Returns:
        (batch, tokens), the beginning included; rows that ended are filled with `pad_token_id`.

    Raises:
        InputError: Contradicting options, more tokens than the decoder has positions, unusable inputs.
        RoutingError: An unknown option.
        ConfigError: A special token that no config sets.
    """
    destinations = {"generation": fields_of(GenerationConfig), "encoder": model.forward_options()["encoder"]}
    routed = route(options, destinations, unprefixed=("generation", "encoder"))
    config = (generation_config or model.generation_config).superseded_by(routed["generation"])
    config.refuse_other_searches()
    if encoder_outputs is None:
        inputs = model.named_input(
            inputs=inputs, input_values=input_values, input_features=input_features, input_ids=input_ids
        )
    encoded = model.encoded(inputs, attention_mask, encoder_outputs, **routed["encoder"])
    prompt = decoder_input_ids
    if prompt is None:
        start = _token(model, config, "decoder_start_token_id", "to begin with")
        prompt = torch.full((len(encoded.last_hidden_state), 1), start, device=encoded.last_hidden_state.device)
    checks.check_ids(prompt, model.decoder.vocab_size, "decoder_input_ids")
    checks.check_rows(prompt.shape[0], len(encoded.last_hidden_state), "decoder_input_ids")
    limit = _limit(model.decoder, config, prompt.shape[1])
    ends = model.ends(config)
    pad = _token(model, config, "pad_token_id", "to fill rows that ended") if ends else 0
    memory = model.connect(encoded.last_hidden_state)
    steps = Steps(model.decoder, memory, encoded.frame_mask, cached=config.use_cache)
    return greedy(steps, prompt, limit=limit, ends=ends, pad=pad)


def _token(model: Generating, config: GenerationConfig, name: str, purpose: str) -> int:
    """A special token, from the generation config or else from the model's."""
    value: int | None = getattr(config, name)
    return model.token(name, purpose) if value is None else value


def _limit(decoder: Decoder, config: GenerationConfig, prompt: int) -> int:
    """Tokens of a row at the most, the prompt's included."""
    if config.max_new_tokens is not None:
        limit = prompt + config.max_new_tokens
    elif config.max_length is not None:
        limit = config.max_length
        if limit < prompt:
            raise InputError(f"max_length={limit} is less than the {prompt} tokens that rows begin with")
    else:
        limit = decoder.max_positions or LONGEST
    # The last token of a row is never fed back, so that it needs no position.
    checks.check_positions(decoder, limit - 1)
    return limit
