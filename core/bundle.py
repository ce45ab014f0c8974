"""The bundle: a model with its feature extractor and tokenizer, audio in, words out."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

import torch

from speechgraft.errors import InputError
from speechgraft.generation.streaming import Outlet, in_background
from speechgraft.hearing import Times, hearing_of, load_parts, shipped_folder
from speechgraft.hearing.call import Call
from speechgraft.hearing.results import Failure, Transcript
from speechgraft.hearing.sources import Reader, Source, listed
from speechgraft.processing import Wav2Vec2Processor

if TYPE_CHECKING:
    from speechgraft.registry import CTCModel
    from speechgraft.registry.catalog import Catalog
    from speechgraft.registry.models import PairModel
    from speechgraft.text import TextTokenizer

__all__ = ["Failure", "Source", "Transcriber", "Transcript", "check_hears"]

_PROCESSOR_FILES = (
    "processor_config.json",
    "preprocessor_config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.json",
    "vocab.txt",
    "merges.txt",
)


class Transcriber:
    """A model, its feature extractor and its tokenizer, which were trained together.

    Args:
        model: A pair whose encoder takes audio, or a CTC model, `Wav2Vec2ForCTC` and its like.
        extractor: Makes batches of it: `Wav2Vec2FeatureExtractor`, or what the encoder's plugin brings.
        tokenizer: Writes the tokens.

    Raises:
        InputError: The encoder takes tokens: there is nothing to hear with.
    """

    def __init__(self, model: PairModel | CTCModel, extractor: Any, tokenizer: TextTokenizer) -> None:
        check_hears(model.encoder.config.model_type, model.encoder.input_kind)
        self.model = model
        self.extractor = extractor
        self.tokenizer = tokenizer

    @classmethod
    def from_pretrained(
        cls,
        dir_or_id: str | os.PathLike[str] | None = None,
        *,
        dtype: torch.dtype | Literal["auto"] = torch.float32,
        device: torch.device | str = "cpu",
        catalog: Catalog | None = None,
        **place: Any,
    ) -> Self:
        """Load all three from a folder or a repository on the hub: a pair, or a CTC model such as `Wav2Vec2ForCTC`.

        Args:
            dir_or_id: Where; `None` is the model for spoken English digits that ships with speechgraft.
            dtype: Of the parameters; `"auto"` is what the file has.
            device: Where the model runs.
            catalog: Where encoder and decoder are looked up; by default what is installed.
            **place: `revision`, `subfolder`, `token`, `cache_dir`, `local_files_only`, for the hub.

        Raises:
            CheckpointError: A file is missing or broken.
            ConfigError: All that is wrong with a config.
        """
        from speechgraft.checkpoint import locate

        folder = shipped_folder() if dir_or_id is None else locate(dir_or_id, **place)
        return cls(*load_parts(folder, dtype=dtype, device=device, catalog=catalog))

    def save_pretrained(self, folder: str | os.PathLike[str]) -> None:
        """Write all three into a folder, which is exchanged as a whole: an interrupted save changes nothing.

        Raises:
            CheckpointError: The folder cannot be written.
            InputError: `transformers.Trainer` has just written weights of another model there.
        """
        from speechgraft.checkpoint import replacing
        from speechgraft.registry.folders import refuse_trained_elsewhere

        refuse_trained_elsewhere(Path(folder), self.model.state_dict())

        # Files of a tokenizer that was there before would be read in place of this one's.
        with replacing(Path(folder), without=_PROCESSOR_FILES) as scratch:
            self.model.save_pretrained(scratch)
            self.processor.save_pretrained(scratch)

    @property
    def processor(self) -> Wav2Vec2Processor:
        """Extractor and tokenizer as one, under the name that published code has for that."""
        return Wav2Vec2Processor(self.extractor, self.tokenizer)

    def __call__(
        self,
        source: Source,
        *,
        max_seconds: float | None = 300.0,
        times: Times | None = None,
        **generation: Any,
    ) -> Transcript:
        """Transcribe one recording.

        Args:
            source: See `Source`.
            max_seconds: The longest audio that is taken, `None` for any.
            times: Whether a pair tells the seconds of its words: `"words"` by its CTC head where it has one that
                shares the decoder's vocabulary, else by what the decoder attends to; `"ctc"` or `"attention"` say
                which. A CTC model always does.
            **generation: Of a pair, fields of `GenerationConfig`, such as `max_new_tokens`, in place of the model's, or
                `generation_config`, `generator`, `prefix_allowed_tokens_fn`, `logits_processor`, `stopping_criteria`
                and `fusion`, as its `generate` takes them; they see the rows that go through the model together. Of
                a CTC model, `num_beams` and `language_model` with its weights `alpha` and `beta`, see `CTCOptions`.

        Raises:
            InputError: The audio cannot be read, is too long, or too short for the model; the model gives no numbers;
                options contradict each other.
            RoutingError: An option of a pair is unknown.
            ConfigError: An option is impossible.
        """
        [transcript] = self.batch([source], batch_size=1, max_seconds=max_seconds, times=times, **generation)
        return transcript

    def batch(
        self,
        sources: Iterable[Source],
        *,
        batch_size: int = 8,
        max_seconds: float | None = 300.0,
        on_error: Callable[[Failure], None] | None = None,
        times: Times | None = None,
        **generation: Any,
    ) -> Iterator[Transcript]:
        """Transcribe many recordings, in the order given, with the words that each has alone.

        Recordings of like length share a batch, and the next ones are read while the model works.

        Args:
            sources: See `Source`.
            batch_size: The most recordings that go through the model at once.
            max_seconds: The longest audio that is taken, `None` for any.
            on_error: Told of each recording that cannot be transcribed, which is then left out; `None` raises.
            times: As in a single call.
            **generation: As in a single call.

        Raises:
            InputError: `batch_size` is not positive; or see `__call__`.
        """
        return self._finished(self._call(sources, batch_size, max_seconds, times, generation), on_error)

    def _finished(self, call: Call, on_error: Callable[[Failure], None] | None) -> Iterator[Transcript]:
        with closing(call.heard(self.model, self.extractor, None)) as items:
            for item in items:
                if isinstance(item, Transcript):
                    yield item
                elif on_error is None:
                    raise item.error
                else:
                    on_error(item)

    def stream(
        self,
        sources: Source | Iterable[Source],
        *,
        batch_size: int = 8,
        max_seconds: float | None = 300.0,
        on_error: Callable[[Failure], None] | None = None,
        on_end: Callable[[int, Transcript], None] | None = None,
        times: Times | None = None,
        **generation: Any,
    ) -> Generator[tuple[int, str], None, None]:
        """Transcribe, and give text as it appears: pairs of a recording's place, from 0, and its new text.

        New text is never taken back; all that a recording has, joined, is its transcript's text. Greedily and by
        sampling each token is told, of a beam search what all that can still win has in common. Recordings of one
        batch appear side by side. A CTC model's text appears when it is complete.

        The model works in a thread of its own. Closing the iterator ends that at the next step.

        Args:
            sources: One or several, see `Source`.
            batch_size: As in `batch`.
            max_seconds: As in `batch`.
            on_error: As in `batch`.
            on_end: Told of each recording that is done, by its place, with its whole transcript.
            times: As in a single call.
            **generation: As in a single call.

        Raises:
            InputError: As in `batch`.
        """
        call = self._call(listed(sources), batch_size, max_seconds, times, generation)
        return self._told(call, on_error, on_end)

    def _told(
        self,
        call: Call,
        on_error: Callable[[Failure], None] | None,
        on_end: Callable[[int, Transcript], None] | None,
    ) -> Generator[tuple[int, str], None, None]:
        def work(outlet: Outlet[tuple[int, str] | Transcript | Failure]) -> None:
            with closing(call.heard(self.model, self.extractor, outlet)) as items:
                for item in items:
                    outlet.put(item)

        place = 0  # transcripts and failures come in the order of the sources
        with closing(in_background(work)) as items:
            for item in items:
                if isinstance(item, tuple):
                    yield item
                    continue
                if isinstance(item, Transcript):
                    if on_end is not None:
                        on_end(place, item)
                elif on_error is None:
                    raise item.error
                else:
                    on_error(item)
                place += 1

    def _call(
        self,
        sources: Iterable[Source],
        batch_size: int,
        max_seconds: float | None,
        times: Times | None,
        generation: dict[str, Any],
    ) -> Call:
        """What was asked for, checked."""
        if batch_size < 1:
            raise InputError(f"batch_size={batch_size}, expected a positive number")
        encoder, rate = self.model.encoder, self.extractor.sampling_rate
        least = encoder.minimum_length if encoder.input_kind == "waveform" else 0
        hearing = hearing_of(self.model, self.tokenizer, rate)
        return Call(sources, batch_size, Reader(rate, least, max_seconds), hearing, hearing.options(generation, times))


def check_hears(encoder: str, input_kind: str) -> None:
    """Refuse an encoder of text.

    Raises:
        InputError: It takes `"tokens"`.
    """
    if input_kind == "tokens":
        raise InputError(
            f"encoder {encoder!r} takes tokens, but there is audio to encode: choose one of another input kind, "
            "see `speechgraft encoders`"
        )
