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
from speechgraft.audio.samples import as_samples
from speechgraft.errors import InputError

if TYPE_CHECKING:
    import soundfile

AudioSource = str | os.PathLike[str] | bytes | IO[bytes]
"""A path, the bytes of a whole file, or a file opened for reading bytes."""

AUDIO_SUFFIXES = (".wav", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".aif", ".aiff", ".au", ".caf")
"""Endings of the files that are looked for in a folder."""

# Rates outside these are damaged headers; resampling from 1 Hz would make a small file huge.
_RATES = (1_000, 768_000)

# Of all channels together.
_SAMPLES_OF_A_BLOCK = 1 << 20

# The usual block of a FLAC file: how finely it is told where one breaks.
_FRAMES_OF_A_BLOCK = 4_096

# What the decoder gives for the length of a FLAC file that was written to a pipe.
_UNKNOWN_LENGTH = (1 << 63) - 1


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
        """Sound that is in memory. *Shapes:* `samples` (samples,).

        Full scale is -1 to 1, and for integers what their type holds; see `as_samples`.

        Raises:
            InputError: No row of finite numbers, or of integers of 64 bits.
        """
        array = as_samples(samples, source)
        _check_samples(array, rate, source)
        return cls(array, rate, source)


def read_audio(source: AudioSource, rate: int = 16_000, *, max_seconds: float | None = None) -> Audio:
    """Read wav, flac, ogg, mp3 and the other formats of libsndfile, mixed to mono, resampled to `rate`.

    Args:
        source: A path, the bytes of a whole file, or a binary file (which need not be seekable).
        rate: Samples a second wanted.
        max_seconds: Refuse longer audio; known from the header, before anything is decoded.

    Raises:
        InputError: The file is missing, empty, no audio, damaged or cut short (where its format tells: wav, aiff
            and flac do, mp3 and ogg may be read as far as they go), too long, of a length that its header
            does not say, or holds values that are not finite numbers.
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
    _check_container(file, name)
    start = file.tell()
    with _sound(file, name) as sound:
        _check_header(sound, name, max_seconds)
        found_rate: int = sound.samplerate
        try:
            samples = _mixed(sound)
        except _failures() as error:
            file.seek(start)
            raise InputError(f"{name}: {_break(file, name)}") from error
    _check_samples(samples, found_rate, name)
    return samples, found_rate


def _failures() -> tuple[type[Exception], ...]:
    """What the decoder raises for what it cannot read."""
    import soundfile

    return (soundfile.SoundFileError, TypeError, ValueError, OSError)


def _sound(file: IO[bytes], name: str) -> soundfile.SoundFile:
    import soundfile

    try:
        return soundfile.SoundFile(file)
    except _failures() as error:
        raise InputError(f"{name}: not audio that can be decoded ({_cause(error)})") from None


def _mixed(sound: soundfile.SoundFile) -> NDArray[np.float32]:
    """All samples as one channel: (samples,)."""
    # Mixed in blocks, so that many channels of a long file need no more memory than one. The first empty block is the
    # end, whatever length the header promises.
    frames, mono = max(1, _SAMPLES_OF_A_BLOCK // sound.channels), []
    while len(block := sound.read(frames, dtype="float32", always_2d=True)):
        mono.append(block.mean(axis=1) if block.shape[1] > 1 else block[:, 0].copy())
    return np.concatenate(mono) if mono else np.zeros(0, np.float32)


def _break(file: IO[bytes], name: str) -> str:
    """What is wrong with a file whose header is whole and whose samples are not."""
    with _sound(file, name) as sound:
        decoded, promised = 0, sound.frames / sound.samplerate
        try:
            while count := len(sound.read(_FRAMES_OF_A_BLOCK, dtype="float32", always_2d=True)):
                decoded += count
        except _failures():
            pass  # which is known: here it matters how far one comes
        read = decoded / sound.samplerate
    return f"cut short or damaged: {read:.2f} s of the {promised:.2f} s that the header promises can be decoded"


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
    if sound.frames == _UNKNOWN_LENGTH:
        raise InputError(f"{name}: the header does not say how long it is: write it to a file, not to a pipe")
    seconds = sound.frames / sound.samplerate
    if max_seconds is not None and seconds > max_seconds:
        raise InputError(f"{name}: {seconds:.1f} s long, more than the {max_seconds:g} s allowed (max_seconds)")


def _check_samples(samples: NDArray[np.float32], rate: int, name: str) -> None:
    if not len(samples):
        raise InputError(f"{name}: there is not a single sample: it is empty, or a file that was cut short")
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
