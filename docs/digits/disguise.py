"""Make one speaker sound like others, one room and microphone like others."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import soxr

Samples = npt.NDArray[np.float32]

RATE = 16_000
WINDOW = 512
HOP = 128
CEPSTRUM = 32
"""Cepstral coefficients that make the envelope: periods shorter than 2 ms are formants, longer ones are pitch."""


@dataclass(frozen=True)
class Disguise:
    """What is changed about a voice; 1.0 changes nothing."""

    rate: float
    """Pitch, formants and tempo together, as a tape played faster."""
    formants: float
    """Position of the formants alone, as a shorter vocal tract."""
    stretch: float
    """Duration alone."""

    @classmethod
    def draw(cls, rng: np.random.Generator, *, formants: bool = True) -> Disguise:
        """A random disguise; without `formants` only the duration and the tape's speed."""
        return cls(
            rate=float(rng.uniform(0.87, 1.15)),
            formants=float(rng.uniform(0.86, 1.16)) if formants and rng.random() < 0.7 else 1.0,
            stretch=float(rng.uniform(0.8, 1.3)) if rng.random() < 0.6 else 1.0,
        )

    def __call__(self, samples: Samples) -> Samples:
        """The disguised samples, *Shape:* (samples,) -> (other samples,)."""
        samples = np.asarray(soxr.resample(samples, RATE * self.rate, RATE), dtype=np.float32)
        if self.formants != 1.0:
            samples = shift_formants(samples, self.formants)
        return stretch(samples, self.stretch) if self.stretch != 1.0 else samples


def frames_of(samples: Samples) -> npt.NDArray[np.float32]:
    """Overlapping windows, *Shape:* (frames, WINDOW); the samples are padded by a window on either side."""
    padded = np.pad(samples, (WINDOW, WINDOW))
    return np.lib.stride_tricks.sliding_window_view(padded, WINDOW)[::HOP]


def shift_formants(samples: Samples, factor: float) -> Samples:
    """Move the spectral envelope to `factor` times its frequencies; pitch and duration stay.

    The envelope is the spectrum's smooth part (cepstral smoothing); each frame is filtered by new over old envelope.
    """
    window = np.hanning(WINDOW + 1)[:WINDOW]
    spectrum = np.fft.rfft(frames_of(samples) * window)  # (frames, bins)
    cepstrum = np.fft.irfft(np.log(np.abs(spectrum) + 1e-3))
    cepstrum[:, CEPSTRUM : WINDOW - CEPSTRUM + 1] = 0
    envelope = np.fft.rfft(cepstrum).real
    bins = np.arange(WINDOW // 2 + 1)
    source = np.clip(bins / factor, 0, WINDOW // 2)
    low = np.minimum(source.astype(int), WINDOW // 2 - 1)
    moved = envelope[:, low] + (source - low) * (envelope[:, low + 1] - envelope[:, low])
    frames = np.fft.irfft(spectrum * np.exp(np.clip(moved - envelope, -3, 3))) * window
    joined = np.zeros(len(frames) * HOP + WINDOW)
    for number, frame in enumerate(frames):
        joined[number * HOP : number * HOP + WINDOW] += frame
    return np.asarray(joined[WINDOW : WINDOW + len(samples)] / 1.5, dtype=np.float32)


def stretch(samples: Samples, factor: float) -> Samples:
    """Make the samples `factor` times as long at the same pitch (WSOLA: Verhelst and Roelands, 1993).

    Each window is taken where it best continues the one before, at most `reach` samples off its place.
    """
    window, reach = np.hanning(WINDOW + 1)[:WINDOW], 160
    hop = WINDOW // 2
    padded = np.pad(samples, (reach, 2 * WINDOW + 2 * reach))
    joined = np.zeros(int(len(samples) * factor) + 2 * WINDOW)
    start = reach
    for number in range(int(len(samples) * factor) // hop + 1):
        joined[number * hop : number * hop + WINDOW] += window * padded[start : start + WINDOW]
        wanted = padded[start + hop : start + hop + WINDOW]
        place = int((number + 1) * hop / factor)
        found = np.correlate(padded[place : place + WINDOW + 2 * reach], wanted, mode="valid")
        start = place + int(found.argmax())
    return np.asarray(joined[: int(len(samples) * factor)], dtype=np.float32)


def colour(samples: Samples, rng: np.random.Generator) -> Samples:
    """Another microphone: a smooth random frequency response, at times with a telephone's upper end of 4 kHz."""
    spectrum = np.fft.rfft(samples)
    octaves = np.log2(np.linspace(50, RATE / 2, len(spectrum)))
    knots = np.linspace(octaves[0], octaves[-1], 6)
    gain = 10 ** (np.interp(octaves, knots, rng.uniform(-8, 8, len(knots))) / 20)
    if rng.random() < 0.5:
        gain[len(gain) // 2 :] *= 0.003
    return np.asarray(np.fft.irfft(spectrum * gain, len(samples)), dtype=np.float32)


def reverberate(samples: Samples, rng: np.random.Generator) -> Samples:
    """A small room: the direct sound and noise that decays by 60 dB in 0.1 to 0.35 s."""
    length = int(rng.uniform(0.1, 0.35) * RATE)
    tail = rng.standard_normal(length) * 10 ** (-3 * np.arange(length) / length)
    tail *= rng.uniform(0.1, 0.6) / np.sqrt((tail**2).sum())
    tail[0] = 1.0
    size = len(samples) + length
    return np.asarray(
        np.fft.irfft(np.fft.rfft(samples, size) * np.fft.rfft(tail, size), size)[: len(samples)],
        np.float32,
    )
