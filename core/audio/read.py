"""Reading an audio file of any rate and channel count into mono samples of one rate."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING

import attrs
import numpy as np
from numpy.typing import ArrayLike, NDArray

from speechgraft.audio.containers import missing_bytes
from speechgraft.errors import InputError

if TYPE_CHECKING:
    import soundfile

AudioSource = str | os.PathLike[str] | bytes | IO[bytes]
"""A path, the bytes of a whole file, or a file opened for reading bytes."""

AUDIO_SUFFIXES = (".wav", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".aif", ".aiff", ".au", ".caf")
"""Endings of the files that are looked for in a folder."""

# Rates outside these are damaged headers; resampling from 1 Hz would make a small file huge.
_RATES = (1_000, 768_000)


@attrs.frozen(eq=False)
class Audio:
    """One channel of sound."""

    samples: NDArray[np.float32]
    """(samples,), full scale is -1 to 1."""

    rate: int
    """Samples a second."""

    source: str
    """Where it came from, as messages name it."""

    @property
    def seconds(self) -> float:
        """How long it lasts."""
        return len(self.samples) / self.rate

    def at(self, rate: int) -> Audio:
        """The same sound at another rate.

        Raises:
            InputError: So short that no sample is left.
        """
        return attrs.evolve(self, samples=_resample(self.samples, self.rate, rate, self.source), rate=rate)

    @classmethod
    def of(cls, samples: ArrayLike, rate: int, source: str = "<array>") -> Audio:
        """Sound that is in memory. *Shapes:* `samples` (samples,), full scale is -1 to 1.

        Raises:
            InputError: No row of finite numbers.
        """
        try:
            array = np.asarray(samples, dtype=np.float32)
        except (TypeError, ValueError) as error:
            raise InputError(f"{source}: not a row of numbers ({error})") from None
        if array.ndim != 1:
            raise InputError(f"{source}: shape {array.shape}, expected (samples,) of one channel")
        _check_samples(array, rate, source)
        return cls(array, rate, source)


def read_audio(source: AudioSource, rate: int = 16_000, *, max_seconds: float | None = None) -> Audio:
    """Read wav, flac, ogg, mp3 and the other formats of libsndfile, mixed to mono, resampled to `rate`.

    Args:
        source: A path, the bytes of a whole file, or a binary file (which need not be seekable).
        rate: Samples a second wanted.
        max_seconds: Refuse longer audio; known from the header, before anything is decoded.

    Raises:
        InputError: The file is missing, empty, no audio, cut short (where a wav or aiff header tells),
            too long, or holds values that are not finite numbers.
    """
    name = source_name(source)
    with _opened(source, name) as file:
        samples, found_rate = _decode(file, name, max_seconds)
    return Audio(samples, found_rate, name).at(rate)


def source_name(source: object) -> str:
    """How messages name a source: its path, the name of an open file, or `<bytes>`."""
    if isinstance(source, str | os.PathLike):
        return os.fspath(source)
    if isinstance(source, bytes):
        return "<bytes>"
    name = getattr(source, "name", None)
    return name if isinstance(name, str) else f"<{type(source).__name__}>"


@contextmanager
def _opened(source: AudioSource, name: str) -> Iterator[IO[bytes]]:
    if isinstance(source, str | os.PathLike):
        with _open(Path(source), name) as file:
            yield file
    elif isinstance(source, bytes):
        yield io.BytesIO(source)
    elif hasattr(source, "read"):
        yield _seekable(source, name)
    else:
        raise InputError(f"audio is read from a path, bytes or a binary file, not from {type(source).__name__}")


def _open(path: Path, name: str) -> IO[bytes]:
    try:
        return path.open("rb")
    except OSError as error:
        raise InputError(f"{name}: {_reason(error)}") from None


def _reason(error: OSError) -> str:
    if isinstance(error, FileNotFoundError):
        return "there is no such file"
    if isinstance(error, IsADirectoryError):
        return "this is a folder, expected an audio file"
    return f"cannot be read ({error.strerror or error})"


def _seekable(file: IO[bytes], name: str) -> IO[bytes]:
    if getattr(file, "seekable", lambda: False)():
        return file
    data = file.read()
    if not isinstance(data, bytes):
        raise InputError(f"{name}: opened as text, expected a file opened for reading bytes")
    return io.BytesIO(data)


def _decode(file: IO[bytes], name: str, max_seconds: float | None) -> tuple[NDArray[np.float32], int]:
    import soundfile

    _check_container(file, name)
    try:
        with soundfile.SoundFile(file) as sound:
            _check_header(sound, name, max_seconds)
            # Mixed in blocks, so that many channels of a long file need no more memory than one.
            blocks = sound.blocks(blocksize=1 << 20, dtype="float32", always_2d=True)
            mono = [block.mean(axis=1) if block.shape[1] > 1 else block[:, 0].copy() for block in blocks]
            found_rate = sound.samplerate
    except (soundfile.SoundFileError, TypeError, ValueError, OSError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{name}: not audio that can be decoded ({_cause(error)})") from None
    samples = np.concatenate(mono) if mono else np.zeros(0, np.float32)
    _check_samples(samples, found_rate, name)
    return samples, found_rate


def _cause(error: Exception) -> str:
    text = getattr(error, "error_string", None) or str(error)
    return text.strip().removeprefix("Error : ").rstrip(".")


def _check_container(file: IO[bytes], name: str) -> None:
    start = file.tell()
    first = file.read(1)
    if not isinstance(first, bytes):
        raise InputError(f"{name}: opened as text, expected a file opened for reading bytes")
    if not first:
        raise InputError(f"{name}: the file is empty")
    file.seek(start)
    if short := missing_bytes(file):
        raise InputError(f"{name}: cut short: the header promises {short[0]} bytes of samples and {short[1]} are there")


def _check_header(sound: soundfile.SoundFile, name: str, max_seconds: float | None) -> None:
    low, high = _RATES
    if not low <= sound.samplerate <= high:
        raise InputError(f"{name}: a sampling rate of {sound.samplerate} Hz, expected {low} to {high} Hz")
    seconds = sound.frames / sound.samplerate
    if max_seconds is not None and seconds > max_seconds:
        raise InputError(f"{name}: {seconds:.1f} s long, more than the {max_seconds:g} s allowed (max_seconds)")


def _check_samples(samples: NDArray[np.float32], rate: int, name: str) -> None:
    if not len(samples):
        raise InputError(f"{name}: there is not a single sample")
    bad = np.flatnonzero(~np.isfinite(samples))
    if len(bad):
        raise InputError(
            f"{name}: {len(bad)} of {len(samples)} samples are not finite numbers, "
            f"the first is {samples[bad[0]]} at {bad[0] / rate:.3f} s"
        )


def _resample(samples: NDArray[np.float32], found: int, wanted: int, name: str) -> NDArray[np.float32]:
    if found == wanted:
        return samples
    import soxr

    resampled = np.asarray(soxr.resample(samples, found, wanted), dtype=np.float32)
    if not len(resampled):
        raise InputError(f"{name}: {len(samples)} samples at {found} Hz are none at {wanted} Hz")
    return resampled
