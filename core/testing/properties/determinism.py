"""P12: the same seed gives the same output, eval mode has no randomness, and nothing passed in is changed."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from speechgraft.nn.meta import weightless
from speechgraft.registry import DecoderEntry, EncoderEntry
from speechgraft.testing.case import Case
from speechgraft.testing.models import catalog_of, drawn_decoder, drawn_encoder, drawn_pair, new_pair, seeded
from speechgraft.testing.strategies import batches, configs, label_batches, memories, pair_configs, token_batches


def encoder(case: Case, entry: EncoderEntry) -> None:
    """An encoder is deterministic, and changes neither its inputs nor its config."""
    module = drawn_encoder(case, entry)
    batch = case.draw(batches(module), "batch")
    inputs = {"inputs": batch.inputs, "attention_mask": batch.mask}
    _deterministic(case, module, inputs, lambda given: module(**given).last_hidden_state)
    _config_untouched(case, entry, entry.build)


def decoder(case: Case, entry: DecoderEntry) -> None:
    """A decoder is deterministic, and changes neither its inputs nor its config."""
    module = drawn_decoder(case, entry)
    memory = case.draw(memories(module.memory_size), "memory")
    ids = case.draw(token_batches(module, len(memory.lengths)), "ids")
    inputs = {"input_ids": ids, "memory": memory.frames, "memory_mask": memory.mask}
    _deterministic(case, module, inputs, lambda given: module(**given).logits)
    _config_untouched(case, entry, entry.build)


def pair(case: Case, encoder: EncoderEntry, decoder: DecoderEntry) -> None:
    """A pair is deterministic, and changes neither its inputs nor the config that it is built from."""
    model = drawn_pair(case, encoder, decoder)
    batch = case.draw(batches(model.encoder), "batch")
    labels = case.draw(label_batches(model.decoder, len(batch.lengths)), "labels")
    inputs = {"inputs": batch.inputs, "attention_mask": batch.mask, "labels": labels}
    _deterministic(
        case, model, inputs, lambda given: torch.cat([(out := model(**given)).logits.flatten(), out.loss[None]])
    )
    config = case.draw(pair_configs(encoder, decoder, case.connector), "config")
    before = copy.deepcopy(config)
    with weightless():
        built = new_pair(config, catalog_of(encoder, decoder, case.connector))
    built.config.pad_token_id = 1 - int(bool(config.pad_token_id))
    built.config.encoder.output_attentions = built.config.decoder.output_attentions = True
    case.holds(config == before, f"the config passed in became {config}", "the model's own deep copy")


def _deterministic(
    case: Case, module: nn.Module, inputs: dict[str, Tensor], run: Callable[[dict[str, Tensor]], Tensor]
) -> None:
    before = {name: value.clone() for name, value in inputs.items()}
    for training in (True, False):
        module.train(training)
        outputs = []
        for seed in (0, 0) if training else (0, 1):
            with seeded(seed), torch.no_grad():
                state = torch.get_rng_state()
                outputs.append(run(inputs))
                drawn = not torch.equal(state, torch.get_rng_state())
            for name, value in before.items():
                case.same(inputs[name], value, f"{name} after the call", "operations in place")
            case.holds(training or not drawn, "random numbers are drawn in eval mode", "what asks self.training")
        mode = "train mode with the same seed" if training else "eval mode"
        case.same(outputs[1], outputs[0], f"a second output in {mode}", "other sources of randomness, state that stays")


def _config_untouched(case: Case, entry: EncoderEntry | DecoderEntry, build: Callable[[Any], Any]) -> None:
    config = case.draw(configs(entry), "config")
    before = copy.deepcopy(config)
    with weightless():
        build(config)
    case.holds(config == before, f"building made the config {config}", f"the factory {entry.factory}")
