"""Encoders with a fault each, derived from a healthy one."""

from __future__ import annotations

from typing import Any

import torch
from attrs import evolve
from torch import nn
from torch.utils.checkpoint import checkpoint

from mutants.table import BERT, GPT2, TEXT, WAV2VEC2, Mutant, altered, made_by, weighed_by
from speechgraft.checkpoint import WeightMap
from speechgraft.config import ConfigAdapter
from speechgraft.contracts import lengths_of
from speechgraft.nn.masks import length_mask
from speechgraft.plugins.bert.encoder import BertEncoder
from speechgraft.plugins.wav2vec2 import weights
from speechgraft.plugins.wav2vec2.config import Wav2Vec2Config
from speechgraft.plugins.wav2vec2.encoder import Wav2Vec2Encoder


class IgnoresTheMask(Wav2Vec2Encoder):
    def forward(self, inputs: Any, attention_mask: Any = None, **options: Any) -> Any:
        output = super().forward(inputs, None, **options)
        if attention_mask is None:
            return output
        frames = self.output_lengths(lengths_of(attention_mask))
        return altered(output, frame_mask=length_mask(frames, output.last_hidden_state.shape[1]))


class TakesBoolsAlone(Wav2Vec2Encoder):
    def forward(self, inputs: Any, attention_mask: Any = None, **options: Any) -> Any:
        known = attention_mask is not None and attention_mask.dtype == torch.bool
        full = None if attention_mask is None else torch.ones_like(attention_mask)
        return super().forward(inputs, attention_mask if known else full, **options)


class TakesIntsAlone(Wav2Vec2Encoder):
    def forward(self, inputs: Any, attention_mask: Any = None, **options: Any) -> Any:
        if attention_mask is not None and attention_mask.dtype == torch.bool:
            attention_mask = torch.ones_like(attention_mask)
        return super().forward(inputs, attention_mask, **options)


class CountsWrongForStrideThree(Wav2Vec2Encoder):
    def output_lengths(self, input_lengths: Any) -> Any:
        return super().output_lengths(input_lengths) + (3 in self.config.conv_stride)


class HasNoFrameMask(Wav2Vec2Encoder):
    def forward(self, *args: Any, **options: Any) -> Any:
        return altered(super().forward(*args, **options), frame_mask=None)


class ShiftsTheFrameMask(Wav2Vec2Encoder):
    def forward(self, *args: Any, **options: Any) -> Any:
        output = super().forward(*args, **options)
        return output if output.frame_mask is None else altered(output, frame_mask=output.frame_mask.roll(1, dims=1))


class CountsOneFrameMore(Wav2Vec2Encoder):
    def forward(self, *args: Any, **options: Any) -> Any:
        output = super().forward(*args, **options)
        if output.frame_mask is None:
            return output
        more = lengths_of(output.frame_mask) + 1
        return altered(output, frame_mask=length_mask(more, output.frame_mask.shape[1]))


class HasTooSmallAMinimum(Wav2Vec2Encoder):
    @property
    def minimum_length(self) -> int:
        return super().minimum_length - 1


class HasTooLargeAMinimum(Wav2Vec2Encoder):
    @property
    def minimum_length(self) -> int:
        return super().minimum_length + 1


class PromisesAnotherWidth(Wav2Vec2Encoder):
    def __init__(self, config: Any) -> None:
        super().__init__(config)
        self.output_size += 1


class IsAnotherKind(Wav2Vec2Encoder):
    input_kind = "tokens"


class NormsOverPadding(Wav2Vec2Encoder):
    """Centred over all frames of a row, those of the padding too."""

    def forward(self, *args: Any, **options: Any) -> Any:
        output = super().forward(*args, **options)
        hidden = output.last_hidden_state
        return altered(output, last_hidden_state=hidden - hidden.mean(dim=1, keepdim=True))


class NormsOverTheBatch(Wav2Vec2Encoder):
    def forward(self, *args: Any, **options: Any) -> Any:
        output = super().forward(*args, **options)
        hidden = output.last_hidden_state
        return altered(output, last_hidden_state=hidden - 0.1 * hidden[:, :1].mean(dim=0, keepdim=True))


class IsRandomInEval(Wav2Vec2Encoder):
    def forward(self, *args: Any, **options: Any) -> Any:
        output = super().forward(*args, **options)
        noise = torch.rand(output.last_hidden_state.shape[-1])
        return altered(output, last_hidden_state=output.last_hidden_state + noise)


class SpendsRandomNumbers(Wav2Vec2Encoder):
    def forward(self, *args: Any, **options: Any) -> Any:
        torch.rand(1)
        return super().forward(*args, **options)


class DropsLayersInEval(Wav2Vec2Encoder):
    def __init__(self, config: Any) -> None:
        super().__init__(config)
        self.context.stack.layerdrop = 0.5
        self.context.stack._is_dropped = lambda: bool(torch.rand([]) < 0.5)


class RemembersTheLastCall(Wav2Vec2Encoder):
    last: Any = 0.0

    def forward(self, *args: Any, **options: Any) -> Any:
        output = super().forward(*args, **options)
        found = altered(output, last_hidden_state=output.last_hidden_state + self.last)
        self.last = output.last_hidden_state.detach().mean()
        return found


class ChangesItsInputs(Wav2Vec2Encoder):
    def forward(self, inputs: Any, *args: Any, **options: Any) -> Any:
        return super().forward(inputs.mul_(0.5), *args, **options)


def changes_its_config(config: Any) -> Any:
    config.layerdrop = 0.25
    return Wav2Vec2Encoder(config)


class HasASparePart(Wav2Vec2Encoder):
    def __init__(self, config: Any) -> None:
        super().__init__(config)
        self.projection_of_nothing = nn.Linear(2, 2)


class StopsTheGradient(Wav2Vec2Encoder):
    def forward(self, *args: Any, **options: Any) -> Any:
        output = super().forward(*args, **options)
        return altered(output, last_hidden_state=output.last_hidden_state.detach())


class IsDeaf(Wav2Vec2Encoder):
    def forward(self, inputs: Any, *args: Any, **options: Any) -> Any:
        output = super().forward(inputs, *args, **options)
        return altered(output, last_hidden_state=torch.ones_like(output.last_hidden_state))


class IsSingle(Wav2Vec2Encoder):
    def forward(self, *args: Any, **options: Any) -> Any:
        output = super().forward(*args, **options)
        return altered(output, last_hidden_state=output.last_hidden_state.float())


class GivesStatesBackwards(Wav2Vec2Encoder):
    def forward(self, *args: Any, **options: Any) -> Any:
        output = super().forward(*args, **options)
        states = output.hidden_states
        return output if states is None else altered(output, hidden_states=states[::-1])


class ForgetsTheEmbedding(Wav2Vec2Encoder):
    def forward(self, *args: Any, **options: Any) -> Any:
        output = super().forward(*args, **options)
        states = output.hidden_states
        return output if states is None else altered(output, hidden_states=states[1:])


class AlwaysGivesStates(Wav2Vec2Encoder):
    def forward(self, *args: Any, **options: Any) -> Any:
        return super().forward(*args, **{**options, "output_hidden_states": True})


class AsksForValues(Wav2Vec2Encoder):
    def forward(self, inputs: Any, attention_mask: Any = None, **options: Any) -> Any:
        if float(inputs.abs().max()) > 2:
            inputs = inputs / 2
        return super().forward(inputs, attention_mask, **options)


class TakesAnOptionOfThePair(Wav2Vec2Encoder):
    def forward(
        self,
        inputs: Any,
        attention_mask: Any = None,
        *,
        use_cache: Any = None,
        output_attentions: bool = False,
        output_hidden_states: bool = False,
    ) -> Any:
        return super().forward(
            inputs, attention_mask, output_attentions=output_attentions, output_hidden_states=output_hidden_states
        )


class MakesATableAnew(Wav2Vec2Encoder):
    """A random table that no file holds."""

    def __init__(self, config: Any) -> None:
        super().__init__(config)
        self.table: Any = None

    def forward(self, *args: Any, **options: Any) -> Any:
        output = super().forward(*args, **options)
        hidden = output.last_hidden_state
        if self.table is None:
            self.table = torch.rand(hidden.shape[-1], dtype=hidden.dtype)
        return altered(output, last_hidden_state=hidden * self.table)


class IsAnotherWithoutWeights(Wav2Vec2Encoder):
    @property
    def minimum_length(self) -> int:
        return super().minimum_length + next(self.parameters()).is_meta


class RecomputesOtherwise(Wav2Vec2Encoder):
    """Recomputed in the backward pass, its features are another function of what went in."""

    def forward(self, *args: Any, **options: Any) -> Any:
        output = super().forward(*args, **options)
        if not (self.training and self.context.stack.gradient_checkpointing):
            return output
        turns = iter((1.0, 2.0))
        hidden = checkpoint(lambda x: (x * next(turns)).tanh(), output.last_hidden_state, use_reentrant=False)
        return altered(output, last_hidden_state=hidden)


class ReadsGaps(BertEncoder):
    """Text whose mask is taken for right-padding."""

    def forward(self, inputs: Any = None, attention_mask: Any = None, **options: Any) -> Any:
        if attention_mask is not None:
            attention_mask = length_mask(lengths_of(attention_mask), attention_mask.shape[1])
        return super().forward(inputs, attention_mask, **options)


class _Lossy(WeightMap):
    def to_disk(self, tensors: Any) -> Any:
        return {name: value for name, value in super().to_disk(tensors).items() if not name.endswith("projection.bias")}


class _Careless(_Lossy):
    def fresh_reason(self, name: str) -> str | None:
        return "it is nothing" if name.endswith("projection.linear.bias") else super().fresh_reason(name)


def forgets_a_tensor(config: Any) -> WeightMap:
    return _Lossy.join(weights.weight_map(config))


def makes_a_tensor_anew(config: Any) -> WeightMap:
    return _Careless.join(weights.weight_map(config))


class _Forgetful(ConfigAdapter):
    def write(self, config: Any, *args: Any, **options: Any) -> Any:
        written = super().write(config, *args, **options)
        return {name: value for name, value in written.items() if name != "num_conv_pos_embeddings"}


FORGETFUL = _Forgetful(Wav2Vec2Config)

_STRIDES = {**WAV2VEC2.tiny, "conv_stride": (4, 3, 2)}


def _one(name: str, killer: str, factory: Any, finds: str = "", entry: Any = WAV2VEC2, **changes: Any) -> Mutant:
    return Mutant(name, killer, (made_by(entry, factory, **changes),), finds=finds)


def _pair(name: str, killer: str, factory: Any, finds: str = "", decoder: Any = GPT2, **changes: Any) -> Mutant:
    return Mutant(name, killer, (made_by(WAV2VEC2, factory, **changes), decoder), finds=finds, examples=15)


MUTANTS = (
    _one("ignores the mask", "P03_batch_invariance", IgnoresTheMask, "alone"),
    _one("takes masks of bools alone", "P03_batch_invariance", TakesBoolsAlone, "alone"),
    _one("takes masks of ints alone", "P04_mask", TakesIntsAlone, "mask of bools"),
    _one(
        "wrong length formula for a stride of three",
        "P02_lengths",
        CountsWrongForStrideThree,
        "promised",
        tiny=_STRIDES,
    ),
    _one("gives no frame mask", "P02_lengths", HasNoFrameMask, "no frame mask"),
    _one("frame mask shifted by one", "P02_lengths", ShiftsTheFrameMask, "ones, then zeros"),
    _pair("frame mask one frame too long", "P03_batch_invariance", CountsOneFrameMore, "logits of row"),
    _one("minimum length too small", "P02_lengths", HasTooSmallAMinimum, "the minimum of"),
    _one("minimum length too large", "P02_lengths", HasTooLargeAMinimum, "fewer than the minimum"),
    _one("promises another width", "P02_lengths", PromisesAnotherWidth, "promised"),
    _one("takes another kind of inputs than its entry says", "P00_capabilities", IsAnotherKind, "the entry says"),
    Mutant("declares half its stride", "P00_capabilities", (evolve(WAV2VEC2, stride=160),), finds="10000 strides"),
    Mutant(
        "declares no gradient checkpointing",
        "P00_capabilities",
        (evolve(WAV2VEC2, gradient_checkpointing=False), BERT),
        finds="has a switch",
    ),
    _pair("recomputes something else in the backward pass", "P00_capabilities", RecomputesOtherwise, "gradient of"),
    _one("norm over time counts padding", "P03_batch_invariance", NormsOverPadding, "alone"),
    _pair("norm over the rows of a batch", "P08_loss", NormsOverTheBatch, "micro-batches"),
    _one("random in eval mode", "P12_determinism", IsRandomInEval, "random numbers"),
    _one("spends random numbers in eval mode", "P12_determinism", SpendsRandomNumbers, "random numbers"),
    _one("LayerDrop in eval mode", "P12_determinism", DropsLayersInEval, "random numbers"),
    _one("remembers the last call", "P12_determinism", RemembersTheLastCall, "second output"),
    _one("changes its inputs", "P12_determinism", ChangesItsInputs, "inputs after the call"),
    _one("changes its config", "P12_determinism", changes_its_config, "building made the config"),
    _pair("a parameter that is never used", "P07_audio_sensitivity", HasASparePart, "projection_of_nothing"),
    _pair("stops the gradient", "P07_audio_sensitivity", StopsTheGradient, "the largest gradient of encoder"),
    _pair("does not hear", "P07_audio_sensitivity", IsDeaf, "another input moves the logits"),
    _one("gives another dtype", "P15_outputs", IsSingle, "torch.float32"),
    _one("hidden states last to first", "P15_outputs", GivesStatesBackwards, "order"),
    _one("hidden states without the embedding", "P15_outputs", ForgetsTheEmbedding, "hidden states, expected"),
    _one("gives states that nobody asked for", "P15_outputs", AlwaysGivesStates, "though nothing asked"),
    _one("branches on a value", "P13_export", AsksForValues, "does not trace"),
    _pair("has an option of the pair's own name", "P09_routing", TakesAnOptionOfThePair, "use_cache reached"),
    _pair("changes an option of its config", "P09_routing", changes_its_config, "the encoder's config is"),
    _pair("holds a table that no file has", "P10_round_trip", MakesATableAnew, "logits of"),
    Mutant("weight map forgets a tensor", "P10_round_trip", (weighed_by(WAV2VEC2, forgets_a_tensor),), finds="missing"),
    Mutant(
        "weight map forgets a tensor and makes it anew",
        "P10_round_trip",
        (weighed_by(WAV2VEC2, makes_a_tensor_anew),),
        finds="did not come back",
    ),
    Mutant(
        "config adapter drops an option",
        "P10_round_trip",
        (evolve(WAV2VEC2, adapter=f"{__name__}:FORGETFUL"),),
        finds="through config.json the config comes back",
    ),
    _pair("another minimum without weights", "P01_wiring", IsAnotherWithoutWeights, "check says minimum_length"),
    _one("text: takes a mask with gaps for padding", "P04_mask", ReadsGaps, "gaps", entry=TEXT),
)
