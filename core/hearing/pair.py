"""A pair, as the Transcriber asks it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import attrs
from torch import Tensor

from speechgraft.contracts import EncoderOutput
from speechgraft.errors import InputError
from speechgraft.generation.asked import Handed, callables, settings
from speechgraft.generation.call import OPTIONS
from speechgraft.generation.output import GenerateOutput
from speechgraft.generation.streaming import TextDeltas, said
from speechgraft.generation.unoffered import ELSEWHERE
from speechgraft.hearing.contract import Batch, Heard, Hearing, Listener, Times, check_times
from speechgraft.hearing.times import PairTimes, Places, shares_vocabulary
from speechgraft.nn.packing import prepared
from speechgraft.routing import route
from speechgraft.text import TextTokenizer
from speechgraft.times.warping import check_layers

if TYPE_CHECKING:
    from speechgraft.generation import GenerationConfig
    from speechgraft.registry.models import PairModel


_HANDED: Final = tuple(name for name in Handed._fields if name != "watch")
_ARGUMENTS: Final = ("generation_config", *_HANDED)

_ELSEWHERE: Final[Mapping[str, str]] = {
    **ELSEWHERE,
    "watch": "Transcriber.stream gives text as it appears",
    "decoder_input_ids": "a transcript begins with its first word; call the model's generate",
    "encoder_outputs": "a transcript is made of audio; call the model's generate",
}


@attrs.frozen
class PairOptions:
    """How a pair is to write."""

    generation: GenerationConfig
    """How its decoder generates."""

    times: Times | None = None
    """Whether words get their seconds, and how."""

    handed: Mapping[str, Any] = attrs.field(factory=dict)
    """Arguments of `generate` that no config has: see `Handed`."""


class PairHearing(Hearing):
    """A pair: its decoder generates tokens.

    Options are those of its `generate` that are not about single batches: fields of `GenerationConfig`,
    `generation_config`, and `Handed` but for `watch`.
    """

    def __init__(self, model: PairModel, tokenizer: TextTokenizer) -> None:
        self.model = model
        self.tokenizer = tokenizer

    def options(self, given: Mapping[str, Any], times: Times | None = None) -> PairOptions:
        """The model's generation config with the options of a call before its own.

        Raises:
            RoutingError: An option is unknown.
            ConfigError: An option is impossible.
            InputError: There is an option of CTC models; several texts are asked for; times by a CTC head that there
                is not, or by heads of layers that there are not; what `generate` refuses before it has inputs.
        """
        foreign = sorted({"language_model", "alpha", "beta"} & given.keys())
        if foreign:
            raise InputError(f"{foreign[0]} is an option of CTC models, and this model is a pair with a decoder")
        check_times(times)
        if times == "ctc" and not shares_vocabulary(self.model):
            raise InputError(
                "times='ctc' needs a CTC head with the decoder's vocabulary; this pair has none: 'attention'"
            )
        handed = {name: given[name] for name in _HANDED if name in given}
        options = {name: value for name, value in given.items() if name not in _ARGUMENTS}
        routed = route(
            options,
            {"generation": OPTIONS},
            unprefixed="generation",
            own=[*_ARGUMENTS, "times", "max_seconds"],
            elsewhere=_ELSEWHERE,
        )
        config = settings(self.model, given.get("generation_config"), routed["generation"])
        Handed(**handed).check(config)
        if config.num_return_sequences > 1:
            raise InputError(
                f"num_return_sequences={config.num_return_sequences}, but a transcript is one text: "
                "pass 1, or call the model's generate"
            )
        if times is not None:
            check_layers(config.alignment_heads or (), len(self.model.decoder.new_cache().cross_stores))
        return PairOptions(config, times, handed)

    def silence(self, options: PairOptions) -> Heard:
        """See `Hearing.silence`."""
        return Heard(words=None if options.times is None else ())

    def hear(self, batch: Batch, options: PairOptions, listener: Listener | None = None) -> list[Heard]:
        """See `Hearing.hear`."""
        ends = self.model.ends(options.generation)
        deltas = None if listener is None else TextDeltas(self.tokenizer, listener.say, ends=ends)
        rules = callables(options.handed.get("logits_processor"), "logits_processor")
        rules = rules if listener is None else (*rules, listener.rule)
        with prepared(self.model):
            encoded = self.model.encode(batch.values, batch.mask)
            rows = self.model.generate(
                encoder_outputs=encoded,
                generation_config=options.generation,
                watch=deltas,
                **{**options.handed, "logits_processor": rules},
            )
            ids = rows.sequences if isinstance(rows, GenerateOutput) else rows  # (batch, tokens)
            heard = [self._heard(row[1:], ends) for row in ids.tolist()]
            if options.times is not None:
                heard = self._timed(heard, ids, batch, encoded, options)
        if deltas is not None:
            for place, row in enumerate(ids):
                deltas.finish(place, row)
        return heard

    def _heard(self, row: Sequence[int], ends: set[int]) -> Heard:
        tokens = said(row, ends)
        endless = ends and len(tokens) == len(row)
        warnings = (f"stopped after {len(tokens)} tokens without an end",) if endless else ()
        return Heard(self.tokenizer.text(tokens), tokens, warnings=warnings)

    def _timed(
        self, heard: list[Heard], ids: Tensor, batch: Batch, encoded: EncoderOutput, options: PairOptions
    ) -> list[Heard]:
        """With the seconds of their words."""
        times = PairTimes(self.model, self.tokenizer, encoded)
        places, heard = self._places(times, heard, ids, options)
        return [
            attrs.evolve(each, words=times.words(row, batch.audios[row], each.tokens, places.get(row, [])))
            for row, each in enumerate(heard)
        ]

    def _places(
        self, times: PairTimes, heard: list[Heard], ids: Tensor, options: PairOptions
    ) -> tuple[dict[int, Places], list[Heard]]:
        """Where the tokens of each row are heard: in a row that its CTC head has no room for, by attention."""
        found: dict[int, Places] = {}
        told = list(heard)
        if options.times != "attention" and shares_vocabulary(self.model):
            for row, each in enumerate(heard):
                if each.tokens:
                    try:
                        found[row] = times.by_ctc(row, each.tokens)
                    except InputError as error:
                        doubt = f"times by attention, since the CTC head cannot tell them ({error})"
                        told[row] = attrs.evolve(each, warnings=(*each.warnings, doubt))
        left = [row for row, each in enumerate(heard) if each.tokens and row not in found]
        if left:
            # For each token that was written, the end too, the decoder was fed the one before.
            fed = [min(len(heard[row].tokens) + 1, ids.shape[1] - 1) for row in left]
            heads = options.generation.alignment_heads
            found.update(zip(left, times.by_attention(left, ids[left], fed, heads), strict=True))
        return found, told
