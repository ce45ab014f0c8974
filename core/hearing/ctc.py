"""A model with a CTC head, as the Transcriber asks it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import attrs
from torch import Tensor

from speechgraft.contracts import lengths_of
from speechgraft.ctc import LanguageModel, Reading, WordFusion, beam_search, greedy, samples_per_frame, transcript
from speechgraft.errors import InputError, did_you_mean
from speechgraft.hearing.contract import Batch, Heard, Hearing, Listener, Times, check_times
from speechgraft.text import CTCTokenizer, TextTokenizer

if TYPE_CHECKING:
    from speechgraft.registry import CTCModel

BEAMS = 32
"""Prefixes that are followed where there is a language model and the call does not say."""


def _beams(options: CTCOptions, attribute: attrs.Attribute[Any], value: Any) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise InputError(f"num_beams={value!r}, expected a positive integer")


def _knows_words(options: CTCOptions, attribute: attrs.Attribute[Any], value: Any) -> None:
    if value is not None and not isinstance(value, LanguageModel):
        raise InputError(f"language_model={value!r}, expected a LanguageModel (load_language_model reads a file)")


def _usual_beams(options: CTCOptions) -> int:
    return 1 if options.language_model is None else BEAMS


@attrs.frozen(kw_only=True)
class CTCOptions:
    """How CTC scores are read.

    Raises:
        InputError: What cannot be meant.
    """

    language_model: LanguageModel | None = attrs.field(default=None, validator=_knows_words)
    """What knows words, see `speechgraft.ctc.load_language_model`."""

    num_beams: int = attrs.field(validator=_beams, default=attrs.Factory(_usual_beams, takes_self=True))
    """Prefixes that a beam search follows; 1 reads greedily. By default 1, with a language model `BEAMS`."""

    alpha: float = 0.5
    """Weight of the language model, see `WordFusion`."""

    beta: float = 1.0
    """Added for each word where there is a language model, see `WordFusion`."""

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> CTCOptions:
        """The options of a call.

        Raises:
            InputError: One is unknown, impossible, or has nothing to act on.
        """
        known = [attribute.name for attribute in attrs.fields(cls)]
        for name in given:
            if name not in known:
                raise InputError(f"a CTC model takes no option {name!r}{did_you_mean(name, known)}")
        options = cls(**given)
        if options.language_model is None:
            for name in ("alpha", "beta"):
                if name in given:
                    raise InputError(f"{name}={given[name]!r} weighs a language model, and there is none")
        elif options.num_beams == 1:
            raise InputError("num_beams=1 reads greedily, where a language model has no say: pass 2 or more")
        return options


class CTCHearing(Hearing):
    """A model with a CTC head: its scores are read greedily or by beam search. Options are those of `CTCOptions`.

    Args:
        model: The model.
        tokenizer: Whose `pad` token is the blank.
        rate: Samples a second of what the model hears.

    Raises:
        InputError: The encoder takes no waveform; the tokenizer is none of characters or has other tokens.
    """

    def __init__(self, model: CTCModel, tokenizer: TextTokenizer, rate: int) -> None:
        if model.encoder.input_kind != "waveform":
            raise InputError(f"{type(model.encoder).__name__} takes {model.encoder.input_kind}: times need a waveform")
        if not isinstance(tokenizer, CTCTokenizer):
            raise InputError(f"a CTC model is read with a CTCTokenizer, not with a {type(tokenizer).__name__}")
        self.model = model
        self.blank = _blank(tokenizer, model.config.vocab_size)
        self.alphabet = tokenizer.alphabet(model.config.vocab_size)
        self.seconds_per_frame = samples_per_frame(model.encoder) / rate

    def options(self, given: Mapping[str, Any], times: Times | None = None) -> CTCOptions:
        """See `CTCOptions`. Words always come with their seconds, which cost nothing here.

        Raises:
            InputError: Times are asked for by the attention of a decoder, which there is not.
        """
        check_times(times)
        if times == "attention":
            raise InputError("times='attention' needs a decoder, and this is a CTC model: 'words' or 'ctc'")
        return CTCOptions.of(given)

    def silence(self, options: CTCOptions) -> Heard:
        """See `Hearing.silence`."""
        return Heard(words=())

    def hear(self, batch: Batch, options: CTCOptions, listener: Listener | None = None) -> list[Heard]:
        """See `Hearing.hear`. Text appears when all of a batch is read: it has no order in time before."""
        output = self.model(batch.values, attention_mask=batch.mask, return_dict=True)
        readings = self._read(output.logits, lengths_of(output.frame_mask), options)
        heard = [self._heard(reading) for reading in readings]
        if listener is not None:
            for row, each in enumerate(heard):
                if each.text:
                    listener.say(row, each.text)
        return heard

    def _read(self, logits: Tensor, lengths: Tensor, options: CTCOptions) -> list[Reading]:
        if options.num_beams == 1:
            return greedy(logits, lengths, blank=self.blank)
        model = options.language_model
        words = None if model is None else WordFusion(model, self.alphabet, options.alpha, options.beta)
        rows = beam_search(logits, lengths, blank=self.blank, width=options.num_beams, words=words)
        return [best for best, *_ in rows]

    def _heard(self, reading: Reading) -> Heard:
        said = transcript(reading, self.alphabet, seconds_per_frame=self.seconds_per_frame)
        return Heard(said.text, reading.tokens, said.words)


def _blank(tokenizer: CTCTokenizer, size: int) -> int:
    blank = tokenizer.pad_token_id
    if blank is None or blank >= size:
        raise InputError(f"the tokenizer's blank is token {blank}, but the model has scores for {size} tokens")
    return blank
