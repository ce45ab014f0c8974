"""The properties by name; each is written once and tried on every entry that it applies to."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from speechgraft.testing.properties import (
    connectors,
    determinism,
    export,
    frames,
    identity,
    learning,
    outputs,
    routing,
    search,
    storage,
    tokens,
    wiring,
)
from speechgraft.testing.properties.cache import CacheMachine
from speechgraft.testing.table import Drawn, Property, Stateful

_ALL = (
    Property(
        "P00_capabilities",
        "what an entry declares is so",
        {
            "encoder": (Drawn(wiring.encoder_capabilities),),
            "decoder": (Drawn(wiring.decoder_capabilities),),
            "connector": (Drawn(connectors.capabilities),),
            "pair": (Drawn(wiring.gradient_checkpointing),),
        },
    ),
    Property(
        "P01_wiring",
        "check() on meta tensors agrees with what building and running the pair does",
        {"pair": (Drawn(wiring.wiring),)},
    ),
    Property(
        "P02_lengths",
        "output_lengths equals the frames that come out, for every input length from the minimum on",
        {"encoder": (Drawn(frames.lengths),), "connector": (Drawn(connectors.lengths),)},
    ),
    Property(
        "P03_batch_invariance",
        "an utterance gives the same memory and logits alone and padded in a batch, given its length",
        {
            "encoder": (Drawn(frames.batch_invariance),),
            "connector": (Drawn(connectors.batch_invariance),),
            "pair": (Drawn(search.batch_invariance),),
        },
    ),
    Property(
        "P04_mask",
        "values in masked samples, frames or tokens change nothing",
        {
            "encoder": (Drawn(frames.mask), Drawn(frames.gaps)),
            "decoder": (Drawn(tokens.mask),),
            "connector": (Drawn(connectors.mask),),
        },
    ),
    Property(
        "P05_causality",
        "changing a token leaves the logits before it as they were",
        {"decoder": (Drawn(tokens.causality),)},
    ),
    Property(
        "P06_cache",
        "cached, cropped, reordered decoding equals the full pass",
        {"decoder": (Stateful(CacheMachine),)},
    ),
    Property(
        "P07_audio_sensitivity",
        "another audio or text changes the logits, and every trainable parameter takes part in the gradient",
        {
            "connector": (Drawn(connectors.gradients),),
            "pair": (Drawn(learning.audio_sensitivity), Drawn(learning.gradients)),
        },
    ),
    Property(
        "P08_loss",
        "the loss is token-normalised cross-entropy, -100 is ignored, micro-batches add up to the batch",
        {"pair": (Drawn(learning.loss_value), Drawn(learning.micro_batches))},
    ),
    Property(
        "P09_routing",
        "every option reaches its destination once, a misspelt one is refused with the nearest name",
        {"pair": (Drawn(routing.forward_options), Drawn(routing.factory_options))},
    ),
    Property(
        "P10_round_trip",
        "save and load give bitwise the same parameters, config and logits, sharded or not",
        {
            "encoder": (Drawn(storage.encoder_tables),),
            "decoder": (Drawn(storage.decoder_tables),),
            "connector": (Drawn(connectors.round_trip),),
            "pair": (Drawn(storage.pair),),
        },
    ),
    Property(
        "P11_search",
        "a batch of n gives what n singles give, greedily the most probable tokens, by beams sums of log-probabilities",
        {"pair": (Drawn(search.greedy), Drawn(search.beams))},
    ),
    Property(
        "P12_determinism",
        "same seed, same output; no randomness in eval mode; inputs and configs are not changed",
        {
            "encoder": (Drawn(determinism.encoder),),
            "decoder": (Drawn(determinism.decoder),),
            "connector": (Drawn(connectors.determinism),),
            "pair": (Drawn(determinism.pair),),
        },
    ),
    Property(
        "P13_export",
        "torch.export traces an encoder and a decoder's step for any number of rows, inputs, tokens and frames",
        {
            "encoder": (Drawn(export.encoder),),
            "decoder": (Drawn(export.decoder), Drawn(export.cached_step)),
            "connector": (Drawn(connectors.export),),
        },
        cost=10,
    ),
    Property(
        "P14_identity",
        "with cross_attention_init='zero' an injected decoder starts as exactly the pretrained language model",
        {"decoder": (Drawn(identity.decoder),)},
    ),
    Property(
        "P15_outputs",
        "results have the promised shapes and type; states and attention weights come in order, and change nothing",
        {"encoder": (Drawn(outputs.encoder),), "decoder": (Drawn(outputs.decoder),)},
    ),
)

PROPERTIES: Final[Mapping[str, Property]] = MappingProxyType({each.name: each for each in _ALL})
"""Every property by its name."""
