"""Decoders with a fault each, derived from a healthy one, and caches with a fault each for one to use."""

from __future__ import annotations

from inspect import signature
from typing import Any

import torch
from attrs import evolve
from torch import nn

from mutants.table import BERT, GPT2, WAV2VEC2, Mutant, altered, made_by, weighed_by
from speechgraft.checkpoint import WeightMap, rename
from speechgraft.nn.cache import DecoderCache, SelfStore
from speechgraft.nn.init import init_common
from speechgraft.plugins.gpt2 import weights
from speechgraft.plugins.gpt2.decoder import GPT2Decoder


class LeaksOneToken(GPT2Decoder):
    """Each token's embedding holds a little of the next one's."""

    def forward(self, input_ids: Any = None, attention_mask: Any = None, **options: Any) -> Any:
        if input_ids is None or input_ids.shape[1] < 2:
            return super().forward(input_ids, attention_mask, **options)
        words = self.embed(input_ids)
        leaked = words + 0.1 * words.roll(-1, dims=1)
        return super().forward(None, attention_mask, inputs_embeds=leaked, **options)


class ShiftsItsTokens(GPT2Decoder):
    """Labels were shifted for it, and it shifts them once more."""

    def forward(self, input_ids: Any = None, attention_mask: Any = None, **options: Any) -> Any:
        return super().forward(input_ids.roll(1, dims=1), attention_mask, **options)


class IgnoresTheMemory(GPT2Decoder):
    def forward(self, *args: Any, memory: Any = None, **options: Any) -> Any:
        return super().forward(*args, memory=None if memory is None else torch.zeros_like(memory), **options)


class IgnoresTheMemoryMask(GPT2Decoder):
    def forward(self, *args: Any, memory_mask: Any = None, **options: Any) -> Any:
        return super().forward(*args, memory_mask=None, **options)


class IgnoresTheMask(GPT2Decoder):
    def forward(self, input_ids: Any = None, attention_mask: Any = None, **options: Any) -> Any:
        return super().forward(input_ids, None, **options)


class ReadsPadding(GPT2Decoder):
    """The mean of all tokens so far is added to each, that of padding too."""

    def forward(self, input_ids: Any = None, attention_mask: Any = None, **options: Any) -> Any:
        words = self.embed(input_ids)
        counts = torch.arange(1, words.shape[1] + 1)[:, None]
        return super().forward(None, attention_mask, inputs_embeds=words + words.cumsum(dim=1) / counts, **options)


class TakesIntsForNothing(GPT2Decoder):
    """A mask of bools is a mask, one of ones and zeros lets everything through."""

    def forward(self, input_ids: Any = None, attention_mask: Any = None, **options: Any) -> Any:
        known = attention_mask is None or attention_mask.dtype == torch.bool
        return super().forward(input_ids, attention_mask if known else None, **options)


class BeginsAnewWithACache(GPT2Decoder):
    """Positions are counted from the first token of each call."""

    def forward(self, input_ids: Any = None, attention_mask: Any = None, **options: Any) -> Any:
        places = torch.arange(input_ids.shape[1])[None]
        return super().forward(input_ids, attention_mask, position_ids=places, **options)


class CountsOnFromOne(GPT2Decoder):
    """Positions with a cache are off by one."""

    def forward(self, input_ids: Any = None, attention_mask: Any = None, *, cache: Any = None, **options: Any) -> Any:
        seen = 0 if cache is None else cache.length
        first = seen + 1 if seen else 0
        places = torch.arange(first, first + input_ids.shape[1]).clamp(max=self.max_positions - 1)[None]
        return super().forward(input_ids, attention_mask, cache=cache, position_ids=places, **options)


class GivesTheFirst(GPT2Decoder):
    """Asked for the last token alone, it gives the first."""

    def forward(self, *args: Any, last_only: bool = False, **options: Any) -> Any:
        output = super().forward(*args, **options)
        return altered(output, logits=output.logits[:, :1]) if last_only else output


class GivesAll(GPT2Decoder):
    """Asked for the last token alone, it gives every one."""

    def forward(self, *args: Any, last_only: bool = False, **options: Any) -> Any:
        return super().forward(*args, **options)


class KeepsNothing(GPT2Decoder):
    """A cache is taken and not filled."""

    def forward(self, *args: Any, cache: Any = None, **options: Any) -> Any:
        return super().forward(*args, **options)


class DropsInEval(GPT2Decoder):
    def __init__(self, config: Any) -> None:
        super().__init__(config)
        self.embeddings.dropout.train = lambda mode=True: self.embeddings.dropout  # it stays in train mode


class PromisesMoreTokens(GPT2Decoder):
    def __init__(self, config: Any) -> None:
        super().__init__(config)
        self.vocab_size -= 1


class PromisesAnotherWidth(GPT2Decoder):
    def __init__(self, config: Any) -> None:
        super().__init__(config)
        self.hidden_size *= 2


class TakesAnotherMemory(GPT2Decoder):
    def __init__(self, config: Any) -> None:
        super().__init__(config)
        self.memory_size += 1


class PromisesMorePositions(GPT2Decoder):
    def __init__(self, config: Any) -> None:
        super().__init__(config)
        self.max_positions += 1


class GivesEmbeddingsLast(GPT2Decoder):
    def forward(self, *args: Any, **options: Any) -> Any:
        output = super().forward(*args, **options)
        states = output.hidden_states
        return output if states is None else altered(output, hidden_states=(*states[1:], states[0]))


class GivesScores(GPT2Decoder):
    """What it gives for attention weights does not add up to one."""

    def forward(self, *args: Any, **options: Any) -> Any:
        output = super().forward(*args, **options)
        found = output.attentions
        return output if found is None else altered(output, attentions=tuple(2 * weights for weights in found))


class ChangesItsMask(GPT2Decoder):
    def forward(self, *args: Any, memory_mask: Any = None, **options: Any) -> Any:
        if memory_mask is not None:
            memory_mask[:, 0] = False
        return super().forward(*args, memory_mask=memory_mask, **options)


class LoopsOverRows(GPT2Decoder):
    def forward(self, *args: Any, **options: Any) -> Any:
        output = super().forward(*args, **options)
        return altered(output, logits=torch.stack(list(output.logits)))


class CountsInPython(GPT2Decoder):
    """Positions with a cache are numbers of Python's, which a traced step keeps as they were."""

    def forward(self, input_ids: Any = None, attention_mask: Any = None, *, cache: Any = None, **options: Any) -> Any:
        seen = 0 if cache is None else int(cache.length)
        places = torch.tensor([[seen + place for place in range(input_ids.shape[1])]]) if seen else None
        return super().forward(input_ids, attention_mask, cache=cache, position_ids=places, **options)


class BeginsWithSomething(GPT2Decoder):
    """Fresh cross-attention begins at random, whatever the config says."""

    def init_weights(self, module: nn.Module) -> None:
        init_common(module, std=0.1)


class NeverLearns(GPT2Decoder):
    """Fresh cross-attention begins as nothing, all of it."""

    def init_weights(self, module: nn.Module) -> None:
        init_common(module, std=0.0)


class HasATiedLayer(GPT2Decoder):
    """The output layer is a parameter that is the embedding's, and which loading makes another."""

    def __init__(self, config: Any) -> None:
        super().__init__(config)
        self.output.weight = self.embeddings.word.weight


def tied_by_two_names(config: Any) -> WeightMap:
    """Both names lie on disk, so that each is loaded by itself."""
    return WeightMap.join(WeightMap([rename("lm_head.copy", "output.weight")]), weights.weight_map(config))


# Caches with a fault, and the decoder that uses them.


class Unordered(DecoderCache):
    def reorder(self, rows: Any) -> None:
        if len(rows) != self.rows:
            super().reorder(rows)


class Uncropped(DecoderCache):
    def crop(self, length: int) -> None:
        pass


class CropsOneMore(DecoderCache):
    def crop(self, length: int) -> None:
        super().crop(max(length - 1, 0))


class KeepsEveryRow(DecoderCache):
    def keep_rows(self, utterances: Any) -> None:
        pass


class KeepsTheMask(DecoderCache):
    """Utterances go, and the mask of the memory stays in its old order."""

    def keep_rows(self, utterances: Any) -> None:
        mask = self.memory_mask
        super().keep_rows(utterances)
        self.memory_mask = None if mask is None else mask[: len(utterances)]


class _Aliased(SelfStore):
    """The rows of an utterance lie in one place of memory: what the last of them writes, the others read."""

    def __init__(self, cache: DecoderCache) -> None:
        super().__init__()
        self.cache = cache

    def append(self, keys: Any, values: Any) -> Any:
        beams = self.cache.rows_per_utterance
        last = torch.arange(len(keys)) // beams * beams + beams - 1
        return super().append(keys[last], values[last])


class SharesRows(DecoderCache):
    def __init__(self, layers: int) -> None:
        super().__init__(layers)
        self.self_stores = [_Aliased(self) for _ in range(layers)]


class CountsOneLess(DecoderCache):
    @property
    def length(self) -> int:
        return max(super().length - 1, 0)


def caching(cache_class: type[DecoderCache]) -> Any:
    """The factory of a decoder that keeps its keys and values in such a cache."""

    class Decoder(GPT2Decoder):
        def new_cache(self) -> DecoderCache:
            return cache_class(len(self.stack.layers))

    Decoder.__name__ = f"With{cache_class.__name__}"
    globals()[Decoder.__name__] = Decoder
    return Decoder


def _one(name: str, killer: str, factory: Any, finds: str = "", **changes: Any) -> Mutant:
    return Mutant(name, killer, (made_by(GPT2, factory, **changes),), finds=finds)


def _pair(name: str, killer: str, factory: Any, finds: str = "") -> Mutant:
    return Mutant(name, killer, (WAV2VEC2, made_by(GPT2, factory)), finds=finds)


def _cache(name: str, cache_class: type[DecoderCache], finds: str = "logits of") -> Mutant:
    return Mutant(name, "P06_cache", (made_by(GPT2, caching(cache_class)),), finds=finds, examples=100)


# The options of a `forward` are read off its signature.
for _each in list(globals().values()):
    if isinstance(_each, type) and issubclass(_each, GPT2Decoder) and "forward" in vars(_each):
        _each.forward.__signature__ = signature(GPT2Decoder.forward)

MUTANTS = (
    _one("leaks one future token", "P05_causality", LeaksOneToken, "logits before place"),
    _one("shifts its tokens once more", "P05_causality", ShiftsItsTokens, "logits"),
    _pair("cross-attention ignored", "P07_audio_sensitivity", IgnoresTheMemory, "another input moves"),
    _one("memory mask ignored", "P04_mask", IgnoresTheMemoryMask, "masked frames"),
    _one("mask of the tokens ignored", "P04_mask", IgnoresTheMask, "masked tokens"),
    _one("embeddings of padding are read", "P04_mask", ReadsPadding, "masked tokens"),
    _one("a mask of ones and zeros lets all through", "P04_mask", TakesIntsForNothing, "ones and zeros"),
    _one("positions begin anew with a cache", "P06_cache", BeginsAnewWithACache, "logits of"),
    _one("positions with a cache off by one", "P06_cache", CountsOnFromOne, "logits of"),
    _one("gives the first place for the last", "P06_cache", GivesTheFirst, "logits of"),
    _one("gives all places for the last", "P06_cache", GivesAll, "shape"),
    _one("fills no cache", "P06_cache", KeepsNothing),
    _cache("reordering ignored", Unordered),
    _cache("cropping ignored", Uncropped, ""),
    _cache("crops one token more", CropsOneMore, ""),
    _cache("rows that end stay", KeepsEveryRow, ""),
    _cache("mask of the memory stays when rows go", KeepsTheMask),
    _cache("rows share their keys", SharesRows),
    _cache("counts one token less", CountsOneLess, ""),
    _one("dropout in eval mode", "P12_determinism", DropsInEval, "random numbers"),
    _one("changes the mask it is given", "P12_determinism", ChangesItsMask, "memory_mask after the call"),
    _one("promises fewer tokens than logits", "P15_outputs", PromisesMoreTokens, "promised"),
    _one("promises another width of its tokens", "P00_capabilities", PromisesAnotherWidth, "embed gives"),
    _one("promises another position", "P00_capabilities", PromisesMorePositions, "max_positions is"),
    _one("takes another memory than it says", "P00_capabilities", TakesAnotherMemory, "memory_size is 17"),
    _one("gives the embedding last", "P15_outputs", GivesEmbeddingsLast, "order"),
    _one("gives scores for weights", "P15_outputs", GivesScores, "add up to 2"),
    _one("loops over the rows", "P13_export", LoopsOverRows, "does not trace"),
    _one("a traced step counts tokens no more", "P13_export", CountsInPython, "does not trace"),
    _one("fresh cross-attention is not nothing", "P14_identity", BeginsWithSomething, "logits with a memory"),
    _one("fresh cross-attention cannot learn", "P14_identity", NeverLearns, "no fresh matrix has a gradient"),
    Mutant(
        "tied weights untied on load",
        "P10_round_trip",
        (weighed_by(made_by(GPT2, HasATiedLayer), tied_by_two_names),),
        finds="were one parameter",
    ),
    Mutant(
        "declares cross-attention that it has not",
        "P00_capabilities",
        (evolve(BERT, cross_attention="native"),),
        finds="the entry says",
    ),
)
