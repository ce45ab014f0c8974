"""`generate`: options to their places, inputs to a memory, then a search."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from speechgraft import checks
from speechgraft.config.fields import fields_of
from speechgraft.contracts import Decoder, EncoderOutput
from speechgraft.errors import InputError, RoutingError, counted
from speechgraft.generation.asked import Handed, callables, fusions, settings
from speechgraft.generation.beam import Beams, beam_search
from speechgraft.generation.config import GenerationConfig
from speechgraft.generation.fusion import Fusion, joint_ctc
from speechgraft.generation.output import Found, GenerateOutput, output_of
from speechgraft.generation.pair import Generating, Telling
from speechgraft.generation.repetition import Source
from speechgraft.generation.rules import Rule, Terms, rules_of
from speechgraft.generation.sampling import Watch, drawn, most_probable, one_by_one
from speechgraft.generation.steps import Steps
from speechgraft.generation.stopping import Criterion, Stopping
from speechgraft.generation.tokens import PrefixFunction
from speechgraft.generation.unoffered import ELSEWHERE, UNOFFERED
from speechgraft.generation.warpers import warpers_of
from speechgraft.routing import keywords, route

LONGEST = 448
"""Tokens of a row where neither the call nor the decoder limits them."""

OPTIONS = frozenset({*fields_of(GenerationConfig), *UNOFFERED} - {"extras"})
"""What a call may state of a `GenerationConfig`."""


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
    generator: torch.Generator | None = None,
    prefix_allowed_tokens_fn: PrefixFunction | None = None,
    logits_processor: Sequence[Rule] | None = (),
    stopping_criteria: Sequence[Criterion] | None = (),
    fusion: Sequence[Fusion] | None = (),
    watch: Watch | None = None,
    labels: Tensor | None = None,
    synced_gpus: bool | None = None,
    **options: Any,
) -> Tensor | GenerateOutput:
    """Tokens for each utterance: the most probable ones, or drawn, as `GenerationConfig` says.

    A model in train mode drops out as in training, so that the same call gives other tokens each time: a warning
    says so.

    Args:
        model: A pair.
        inputs: What its encoder takes.
        attention_mask: (batch, inputs), 1 for what counts.
        input_values: Another name of `inputs`, for audio.
        input_features: Another name of `inputs`, for audio.
        input_ids: The name of `inputs` where the encoder takes tokens.
        encoder_outputs: Of an earlier `encode`, in place of inputs.
        decoder_input_ids: (batch, tokens), integers that every row begins with; by default `decoder_start_token_id`, or
            `bos_token_id` where nothing sets that.
        generation_config: How to generate, in place of the model's `generation_config`; special tokens that it
            leaves open are still that one's.
        generator: What tokens are drawn with; by default torch's own.
        prefix_allowed_tokens_fn: Called with an utterance's place in the batch and the tokens of a row so far;
            gives the ids of the tokens that may follow.
        logits_processor: Rules of the caller, applied behind those of the config, see `speechgraft.generation.Rule`.
        stopping_criteria: Further reasons for a row to end, see `speechgraft.generation.Criterion`.
        fusion: What adds scores of its own to the decoder's, such as a language model: see
            `speechgraft.generation.Fusion`; behind the rules.
        watch: Called with an utterance's place and its settled tokens so far, the beginning included, whenever
            more of them are settled; what it raises ends the call.
        labels: What a trainer's batch holds beside the inputs: nothing of it is looked at, text is generated freely.
        synced_gpus: May be said to be false, which it is.
        **options: Fields of `GenerationConfig` that go before it; options of the encoder, which may be prefixed
            `encoder_`.

    Returns:
        (rows, tokens), the beginning included, `num_return_sequences` rows an utterance; rows that ended are filled
        with `pad_token_id`. With `return_dict_in_generate` a `GenerateOutput`.

    Raises:
        InputError: Contradicting options, ids outside the vocabulary, more tokens than the decoder has positions,
            unusable inputs or functions, logits that are no numbers.
        RoutingError: An unknown option.
        ConfigError: A special token that no config sets, or an option of a wrong type.
    """
    destinations = {"generation": OPTIONS, "encoder": model.forward_options()["encoder"]}
    routed = route(
        options, destinations, unprefixed=("generation", "encoder"), own=keywords(generate), elsewhere=ELSEWHERE
    )
    if synced_gpus:
        raise RoutingError(f"synced_gpus=True: {ELSEWHERE['synced_gpus']}")
    config = settings(model, generation_config, routed["generation"])
    handed = Handed(
        generator, prefix_allowed_tokens_fn, logits_processor, stopping_criteria, fusion=fusion, watch=watch
    )
    handed.check(config)
    warn_in_training(model.encoder, model.decoder)
    if encoder_outputs is None:
        inputs = model.named_input(
            inputs=inputs, input_values=input_values, input_features=input_features, input_ids=input_ids
        )
    encoded = model.encoded(inputs, attention_mask, encoder_outputs, **_shown(config), **routed["encoder"])
    prompt = _prompt(model, config, decoder_input_ids, encoded.last_hidden_state)
    source = None if encoder_outputs is not None else _source(model, inputs, attention_mask)
    heard = _of_ctc(model, config, encoded)
    memory = model.connect(encoded.last_hidden_state, encoded.frame_mask)
    return answer(model, config, prompt, memory, encoded, handed, source=source, heard=heard)


def answer(
    model: Telling,
    config: GenerationConfig,
    prompt: Tensor,
    memory: tuple[Tensor | None, Tensor | None],
    encoded: EncoderOutput,
    handed: Handed,
    *,
    prompts: Tensor | None = None,
    source: Source | None = None,
    heard: Sequence[Fusion] = (),
) -> Tensor | GenerateOutput:
    """What a call that was checked gives: a search from a prompt, as tokens or with all that was asked for.

    Args:
        model: Whose decoder it is.
        config: How to generate.
        prompt: (batch, tokens), int64, what rows begin with.
        memory: What the decoder attends to, and which of it counts.
        encoded: What the encoder gave, for the output.
        handed: What the call hands over.
        prompts: (batch, tokens), which tokens of the prompt count; `None`: all.
        source: The encoder's tokens, for rules.
        heard: What adds scores beside the caller's own fusions.
    """
    stopping = Stopping(
        model.ends(config), callables(handed.stopping_criteria, "stopping_criteria"), config.max_time, prompt.device
    )
    shown = _shown(config)
    terms = Terms(
        steps=Steps(
            model.decoder,
            *memory,
            cached=config.use_cache,
            keep_attentions=shown["output_attentions"],
            keep_states=shown["output_hidden_states"],
            finite=not config.remove_invalid_values,
            prompts=prompts,
        ),
        ends=stopping.ends,
        prompt=prompt.shape[1],
        limit=_limit(model.decoder, config, prompt.shape[1]),
        vocab_size=model.decoder.vocab_size,
        source=source,
        allowed=handed.prefix_allowed_tokens_fn,
        own=callables(handed.logits_processor, "logits_processor"),
    )
    parts = [*fusions(handed.fusion), *heard]
    found = _search(
        model, config, terms, prompt, stopping, generator=handed.generator, fusion=parts, watch=handed.watch
    )
    if not config.return_dict_in_generate:
        return found.sequences
    rows = config.num_beams if config.searches_beams or parts else config.num_return_sequences
    return output_of(found, terms.steps.seen, encoded, shown, rows=rows)


def _shown(config: GenerationConfig) -> dict[str, bool]:
    """What of the inside of both parts is asked for."""
    names = ("output_attentions", "output_hidden_states")
    return {name: config.return_dict_in_generate and getattr(config, name) for name in names}


def _search(
    model: Telling,
    config: GenerationConfig,
    terms: Terms,
    prompt: Tensor,
    stopping: Stopping,
    *,
    generator: torch.Generator | None,
    fusion: Sequence[Fusion],
    watch: Watch | None,
) -> Found:
    """Search as the config says: beams where hypotheses are weighed as wholes, otherwise token by token."""
    beams = config.searches_beams or len(fusion) > 0
    pad = 0
    if stopping.can_stop and len(prompt) * config.num_return_sequences > 1:  # of one row nothing is filled
        pad = model.token("pad_token_id", "to fill rows that ended", config, vocab_size=terms.vocab_size)
    rules, warpers = rules_of(config, terms), warpers_of(config, len(terms.ends))
    keep = {
        "keep_scores": config.return_dict_in_generate and config.output_scores,
        "keep_logits": config.return_dict_in_generate and config.output_logits,
    }
    if beams:
        return beam_search(
            terms.steps,
            prompt,
            Beams.of(config),
            limit=terms.limit,
            stopping=stopping,
            pad=pad,
            rules=rules,
            warpers=warpers,
            fusion=fusion,
            generator=generator,
            watch=watch,
            **keep,
        )
    return one_by_one(
        terms.steps,
        prompt,
        limit=terms.limit,
        stopping=stopping,
        pad=pad,
        rules=[*rules, *warpers],
        choose=drawn(generator) if config.do_sample else most_probable,
        samples=config.num_return_sequences,
        watch=watch,
        **keep,
    )


def _of_ctc(model: Generating, config: GenerationConfig, encoded: EncoderOutput) -> list[Fusion]:
    """The CTC head's part in a search, where it has any."""
    if not config.ctc_weight:
        return []
    ends = sorted(model.ends(config))
    return [joint_ctc(model, encoded, weight=config.ctc_weight, ends=ends, candidates=config.ctc_candidates)]


def _prompt(model: Generating, config: GenerationConfig, given: Tensor | None, states: Tensor) -> Tensor:
    """What rows begin with. *Shapes:* (batch, tokens), int64."""
    if not len(states):
        raise InputError("the batch is empty")
    if given is None:
        known = model.decoder.vocab_size
        start = model.token("decoder_start_token_id", "to begin with", config, instead="bos_token_id", vocab_size=known)
        return torch.full((len(states), 1), start, device=states.device)
    checks.check_ids(given, model.decoder.vocab_size, "decoder_input_ids")
    checks.check_rows(given.shape[0], len(states), "decoder_input_ids")
    return given.to(torch.int64)


def _source(model: Generating, inputs: Tensor | None, mask: Tensor | None) -> Source | None:
    """The encoder's tokens, where it takes any and was given some."""
    if model.encoder.input_kind != "tokens" or inputs is None:
        return None
    return Source(inputs, torch.ones_like(inputs, dtype=torch.bool) if mask is None else mask.bool())


def _limit(decoder: Decoder, config: GenerationConfig, prompt: int) -> int:
    """Tokens of a row at the most, the prompt's included."""
    checks.check_positions(decoder, prompt)
    if config.max_new_tokens is not None:
        limit, asked = prompt + config.max_new_tokens, f"max_new_tokens={config.max_new_tokens}"
    elif config.max_length is not None:
        limit, asked = config.max_length, f"max_length={config.max_length}"
        if limit < prompt:
            raise InputError(f"{asked} is less than the {prompt} tokens that rows begin with")
    else:
        return decoder.max_positions or LONGEST
    # The last token of a row is never fed back, so that it needs no position.
    if decoder.max_positions is not None and limit > decoder.max_positions + 1:
        most = decoder.max_positions + 1
        begun = f", {prompt} of which rows begin with" if config.max_new_tokens is not None else ""
        raise InputError(
            f"{asked} asks for rows of {counted(limit, 'token')}{begun}, but the decoder has "
            f"{counted(decoder.max_positions, 'position')}: rows have {most} tokens at the most, of which the last is "
            "never fed back"
        )
    return limit


def warn_in_training(*parts: nn.Module) -> None:
    """Tell whoever called `generate` that dropout is on."""
    if any(part.training for part in parts):
        warnings.warn(
            "generating in train mode: dropout makes the tokens of each call other ones; model.eval() switches it off",
            stacklevel=5,
        )
