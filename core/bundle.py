"""The bundle: a model with its feature extractor and tokenizer, audio in, words out."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

import attrs
import numpy as np
import torch
from numpy.typing import NDArray

from speechgraft.audio import Audio, AudioSource, read_audio, source_name
from speechgraft.audio.ahead import length_batches, read_ahead, windows
from speechgraft.ctc import Timed
from speechgraft.errors import InputError, SpeechGraftError
from speechgraft.hearing import Heard, Hearing, evaluating, hearing_of, load_parts, shipped_folder

if TYPE_CHECKING:
    from speechgraft.registry import CTCModel
    from speechgraft.registry.catalog import Catalog
    from speechgraft.registry.models import PairModel
    from speechgraft.text import TextTokenizer

Source = AudioSource | Audio | NDArray[Any]
"""A path, the bytes of a file, a binary file, an `Audio`, or mono samples at the extractor's rate."""

SILENCE = 1e-4
"""Audio without a sample above this, of full scale 1, is silence: -80 dB, three steps of 16 bit."""

_SILENT = f"silence: no sample above {SILENCE:g} of full scale"

_WINDOW_SECONDS = 1200.0
_BATCH_SECONDS = 160

_TOKENIZER_FILES = (
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.json",
    "vocab.txt",
    "merges.txt",
)


@attrs.frozen
class Transcript:
    """What was said."""

    text: str
    """The words; empty for silence."""

    tokens: tuple[int, ...]
    """The ids behind them, without the token that starts and the one that ends."""

    seconds: float
    """How long the audio is."""

    source: str
    """Where the audio came from."""

    warnings: tuple[str, ...] = ()
    """What makes the text doubtful."""

    words: tuple[Timed, ...] | None = None
    """The words with the seconds in which they are said; `None` from a pair, whose decoder does not tell."""


@attrs.frozen
class Failure:
    """A source that could not be transcribed."""

    index: int
    """Its place among the sources, from 0."""

    source: str
    """Where it was to come from."""

    error: SpeechGraftError
    """Why."""


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
        """
        from speechgraft.checkpoint import replacing

        # Files of a tokenizer that was there before would be read in place of this one's.
        with replacing(Path(folder), without=_TOKENIZER_FILES) as scratch:
            self.model.save_pretrained(scratch)
            self.extractor.save_pretrained(scratch)
            self.tokenizer.save_pretrained(scratch)

    def __call__(self, source: Source, *, max_seconds: float | None = 300.0, **generation: Any) -> Transcript:
        """Transcribe one recording.

        Args:
            source: See `Source`.
            max_seconds: The longest audio that is taken, `None` for any.
            **generation: Of a pair, fields of `GenerationConfig`, such as `max_new_tokens`, in place of the model's;
                of a CTC model, `num_beams` and `language_model` with its weights `alpha` and `beta`, see `CTCOptions`.

        Raises:
            InputError: The audio cannot be read, is too long, or too short for the model.
        """
        [transcript] = self.batch([source], batch_size=1, max_seconds=max_seconds, **generation)
        return transcript

    def batch(
        self,
        sources: Iterable[Source],
        *,
        batch_size: int = 8,
        max_seconds: float | None = 300.0,
        on_error: Callable[[Failure], None] | None = None,
        **generation: Any,
    ) -> Iterator[Transcript]:
        """Transcribe many recordings, in the order given, with the words that each has alone.

        Recordings of like length share a batch, and the next ones are read while the model works.

        Args:
            sources: See `Source`.
            batch_size: The most recordings that go through the model at once.
            max_seconds: The longest audio that is taken, `None` for any.
            on_error: Told of each recording that cannot be transcribed, which is then left out; `None` raises.
            **generation: As in a single call.

        Raises:
            InputError: `batch_size` is not positive; or see `__call__`.
        """
        if batch_size < 1:
            raise InputError(f"batch_size={batch_size}, expected a positive number")
        hearing = hearing_of(self.model, self.tokenizer, self.extractor.sampling_rate)
        return self._batch(enumerate(sources), batch_size, max_seconds, on_error, hearing, hearing.options(generation))

    def _batch(
        self,
        sources: Iterable[tuple[int, Source]],
        batch_size: int,
        max_seconds: float | None,
        on_error: Callable[[Failure], None] | None,
        hearing: Hearing,
        options: Any,
    ) -> Iterator[Transcript]:
        read = read_ahead(sources, lambda source: self._read(*source, max_seconds), depth=2 * batch_size)
        for window in windows(read, _seconds, 4 * batch_size, _WINDOW_SECONDS):
            audios = [item for item in window if isinstance(item, Audio)]
            transcripts = self._transcribed(audios, batch_size, hearing, options)
            for item in window:
                if isinstance(item, Audio):
                    yield next(transcripts)
                elif on_error is None:
                    raise item.error
                else:
                    on_error(item)

    def _read(self, index: int, source: Source, max_seconds: float | None) -> Audio | Failure:
        try:
            audio = self._audio(source, max_seconds)
            if max_seconds is not None and audio.seconds > max_seconds:
                raise InputError(f"{audio.source}: {audio.seconds:.1f} s long, more than the {max_seconds:g} s allowed")
            self._check_long_enough(audio)
        except SpeechGraftError as error:
            name = source.source if isinstance(source, Audio) else source_name(source)
            return Failure(index, name, error)
        return audio

    def _audio(self, source: Source, max_seconds: float | None) -> Audio:
        rate: int = self.extractor.sampling_rate
        if isinstance(source, Audio):
            return source.at(rate)
        if isinstance(source, np.ndarray):
            return Audio.of(source, rate)
        return read_audio(source, rate, max_seconds=max_seconds)

    def _check_long_enough(self, audio: Audio) -> None:
        encoder = self.model.encoder
        if encoder.input_kind == "waveform" and len(audio.samples) < encoder.minimum_length:
            raise InputError(
                f"{audio.source}: {len(audio.samples)} samples at {audio.rate} Hz, "
                f"too short: the model needs at least {encoder.minimum_length}"
            )

    def _transcribed(
        self, audios: list[Audio], batch_size: int, hearing: Hearing, options: Any
    ) -> Iterator[Transcript]:
        transcripts = {
            place: _transcript(attrs.evolve(hearing.silence, warnings=(_SILENT,)), audio)
            for place, audio in enumerate(audios)
            if _is_silent(audio)
        }
        heard = [place for place in range(len(audios)) if place not in transcripts]
        area = _BATCH_SECONDS * self.extractor.sampling_rate
        for batch in length_batches([len(audios[place].samples) for place in heard], batch_size, area):
            places = [heard[number] for number in batch]
            with evaluating(self.model):
                rows = hearing.hear(*self._features([audios[place].samples for place in places]), options)
            for place, row in zip(places, rows, strict=True):
                transcripts[place] = _transcript(row, audios[place])
        return iter([transcripts[place] for place in range(len(audios))])

    def _features(self, samples: list[NDArray[np.float32]]) -> tuple[torch.Tensor, torch.Tensor]:
        """Inputs of the model and their mask."""
        # The mask is asked for whatever the extractor's settings say: it carries the lengths, and with
        # them a recording has the same words alone and beside a longer one.
        features = dict(
            self.extractor(
                samples,
                padding=True,
                return_attention_mask=True,
                return_tensors="pt",
                sampling_rate=self.extractor.sampling_rate,
            )
        )
        mask = features.pop("attention_mask")
        [values] = features.values()
        like = next(self.model.parameters())
        return values.to(like.device, like.dtype), mask.to(like.device)


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


def _seconds(item: Audio | Failure) -> float:
    return item.seconds if isinstance(item, Audio) else 0.0


def _is_silent(audio: Audio) -> bool:
    return bool(np.abs(audio.samples).max() <= SILENCE)


def _transcript(heard: Heard, audio: Audio) -> Transcript:
    return Transcript(heard.text, heard.tokens, audio.seconds, audio.source, heard.warnings, heard.words)
