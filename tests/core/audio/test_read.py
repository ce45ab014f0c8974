"""Audio files of every kind come out as mono samples of one rate; what is no audio is refused in one line."""

from __future__ import annotations

import io
import struct
import tempfile
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from speechgraft.audio import read_audio
from speechgraft.errors import InputError

FORMATS = {"WAV": "PCM_16", "FLAC": "PCM_16", "OGG": "VORBIS", "MP3": "MPEG_LAYER_III"}


def tone(seconds: float, rate: int, channels: int = 1) -> np.ndarray:
    """A 440 Hz tone of amplitude 0.5: (samples, channels)."""
    wave = 0.5 * np.sin(2 * np.pi * 440 * np.arange(int(seconds * rate)) / rate)
    return np.repeat(wave[:, None], channels, axis=1).astype(np.float32)


def encoded(samples: np.ndarray, rate: int, kind: str = "WAV", subtype: str | None = None) -> bytes:
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, rate, format=kind, subtype=subtype or FORMATS[kind])
    return buffer.getvalue()


def refusal(source: object, **options: float) -> str:
    """The message of the error, which is one line."""
    with pytest.raises(InputError) as caught:
        read_audio(source, **options)  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)
    return str(caught.value)


@settings(max_examples=25, deadline=None)
@given(
    kind=st.sampled_from(sorted(FORMATS)),
    found=st.sampled_from([8000, 16000, 22050, 44100, 48000]),
    wanted=st.sampled_from([8000, 16000]),
    channels=st.integers(1, 2),
)
def test_any_format_rate_and_channel_count_gives_the_same_sound(
    kind: str, found: int, wanted: int, channels: int
) -> None:
    audio = read_audio(encoded(tone(0.5, found, channels), found, kind), wanted)
    assert audio.samples.dtype == np.float32 and audio.samples.ndim == 1 and audio.rate == wanted
    # Lossy formats may add some silence of their own.
    assert audio.seconds == pytest.approx(0.5, abs=0.06 if kind in ("MP3", "OGG") else 1e-3)
    spectrum = np.abs(np.fft.rfft(audio.samples))
    assert np.fft.rfftfreq(len(audio.samples), 1 / wanted)[spectrum.argmax()] == pytest.approx(440, abs=4)
    assert np.sqrt(np.mean(audio.samples**2)) == pytest.approx(0.5 / np.sqrt(2), rel=0.1)


def test_channels_are_averaged() -> None:
    stereo = np.stack([np.full(100, 0.5), np.full(100, -0.25)], axis=1)
    assert read_audio(encoded(stereo, 16000)).samples == pytest.approx(np.full(100, 0.125), abs=1e-4)


class Pipe(io.RawIOBase):
    """What cannot seek, like standard input."""

    def __init__(self, data: bytes) -> None:
        self.inner = io.BytesIO(data)

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        return self.inner.read(size)


def test_path_bytes_file_and_pipe_are_the_same() -> None:
    data = encoded(tone(0.1, 16000), 16000)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "ü tone.wav"
        path.write_bytes(data)
        with path.open("rb") as file:
            read = [read_audio(source) for source in (path, str(path), data, io.BytesIO(data), Pipe(data), file)]
        assert read[0].source == str(path) and read[5].source == str(path)
    for audio in read[1:]:
        np.testing.assert_array_equal(audio.samples, read[0].samples)


@settings(max_examples=25, deadline=None)
@given(
    cut=st.integers(1, 3100),
    container=st.sampled_from([("WAV", "PCM_16"), ("WAV", "FLOAT"), ("AIFF", "PCM_16"), ("RF64", "PCM_16")]),
)
def test_a_file_that_was_cut_short_is_refused(cut: int, container: tuple[str, str]) -> None:
    whole = encoded(tone(0.1, 16000), 16000, *container)
    assert len(read_audio(whole).samples) == 1600
    assert "cut short" in refusal(whole[:-cut])


def noisy_flac() -> bytes:
    """Two seconds that do not pack well, in blocks of 4,096 samples."""
    samples = np.random.default_rng(0).normal(0, 0.1, 32_000).astype(np.float32)
    return encoded(samples, 16000, "FLAC")


@settings(max_examples=25, deadline=None)
@given(kept=st.floats(0.01, 0.99))
def test_a_flac_that_was_cut_short_says_how_far_it_goes(kept: float) -> None:
    whole = noisy_flac()
    told = refusal(whole[: int(kept * len(whole))])
    assert "<bytes>: cut short or damaged: " in told and " s of the 2.00 s that the header promises" in told
    assert float(told.split("damaged: ")[1].split(" s")[0]) <= 2 * kept


def test_a_flac_that_is_damaged_or_a_header_alone_says_so() -> None:
    whole = noisy_flac()
    damaged = bytearray(whole)
    damaged[len(whole) // 2] ^= 255
    assert "damaged: 0.51 s of the 2.00 s" in refusal(bytes(damaged))
    assert "damaged: 0.00 s of the 2.00 s" in refusal(whole[:86])
    endless = bytearray(whole)
    endless[21] &= 0xF0  # the number of samples, 36 bits of the header: 0 stands for unknown
    endless[22:26] = bytes(4)
    assert "the header does not say how long it is" in refusal(bytes(endless), max_seconds=300)


def test_a_wav_that_was_written_to_a_pipe_has_no_length_and_is_read() -> None:
    whole = bytearray(encoded(tone(0.1, 16000), 16000))
    place = whole.index(b"data") + 4
    whole[place : place + 4] = struct.pack("<I", 0xFFFFFFFF)
    assert len(read_audio(bytes(whole)).samples) == 1600


def test_too_long_is_known_from_the_header_alone(tmp_path: Path) -> None:
    path = tmp_path / "ten hours.wav"
    size = 10 * 3600 * 16000 * 2
    header = encoded(tone(0, 16000), 16000)[:44]
    header = header[:4] + struct.pack("<I", size + 36) + header[8:40] + struct.pack("<I", size)
    with path.open("wb") as file:
        file.write(header)
        file.truncate(44 + size)  # sparse: no disk is used
    assert "36000.0 s long, more than the 300 s allowed" in refusal(path, max_seconds=300)


def test_what_is_no_audio_is_refused(tmp_path: Path) -> None:
    samples = tone(0.1, 16000)
    samples[40] = np.nan
    samples[50] = np.inf
    (tmp_path / "a.raw").write_bytes(b"\1\2" * 500)
    cases = {
        "there is no such file": tmp_path / "absent.wav",
        "this is a folder": tmp_path,
        "the file is empty": b"",
        "not audio that can be decoded": b"these are words" * 100,
        "2 of 1600 samples are not finite numbers, the first is nan at 0.003 s": encoded(
            samples, 16000, "WAV", "FLOAT"
        ),
        "there is not a single sample: it is empty": encoded(tone(0, 16000), 16000),
        "opened as text": io.StringIO("words"),
        "not from int": 3,
        "not audio": tmp_path / "a.raw",
        "a sampling rate of 1 Hz": encoded(samples, 1),
    }
    for expected, source in cases.items():
        assert expected in refusal(source)


@settings(max_examples=60, deadline=None)
@given(data=st.binary(max_size=300), keep=st.integers(0, 60))
def test_no_bytes_at_all_raise_anything_else(data: bytes, keep: int) -> None:
    try:
        read_audio(encoded(tone(0.01, 16000), 16000)[:keep] + data)
    except InputError as error:
        assert "\n" not in str(error)


def test_a_real_recording(request: pytest.FixtureRequest) -> None:
    path = request.config.rootpath.parent / "shared" / "speech" / "jfk.flac"
    if not path.exists():
        pytest.skip("no real recording beside this checkout")
    audio = read_audio(path)
    assert audio.seconds == pytest.approx(11.0, abs=0.01) and 0.05 < np.abs(audio.samples).max() <= 1


def test_a_thousand_channels_take_no_more_memory_at_once_than_one(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    read = soundfile.SoundFile.read

    def noted(self: Any, frames: int, **options: Any) -> Any:
        asked.append(frames * self.channels)
        return read(self, frames, **options)

    monkeypatch.setattr(soundfile.SoundFile, "read", noted)
    for channels in (1, 1_000):
        assert len(read_audio(encoded(np.zeros((50, channels), np.float32), 16_000, "WAV")).samples) == 50
    assert 2**19 < max(asked) <= 2**20


def test_a_header_that_promises_days_takes_the_memory_of_what_is_there() -> None:
    whole = encoded(tone(0.5, 16_000, 2), 16_000, "MP3")
    tag = max(whole.find(b"Xing"), whole.find(b"Info"))
    assert tag > 0 and whole[tag + 7] & 1  # the number of frames comes next
    lying = whole[: tag + 8] + struct.pack(">I", 2**23) + whole[tag + 12 :]
    expected = len(read_audio(whole).samples)
    tracemalloc.start()
    found = len(read_audio(lying).samples)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert abs(found - expected) <= 2_400 and peak < 2**26
