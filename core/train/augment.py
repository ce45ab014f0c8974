"""Varying recordings so that a few speakers and one microphone sound like more.

Everything here runs ahead of the model on 16 kHz or so, and costs a few milliseconds a second of a batch.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from speechgraft.config import Settings, config_class, field, non_negative, positive, probability, rule

Samples = NDArray[np.float32]
Range = tuple[float, float]

_NOISE_SECONDS = 20
_SLOPES = (0.0, 0.5, 1.0)
"""Exponents of the noises' amplitude over frequency: white, pink, brown."""


@config_class
class Augment(Settings):
    """What is varied, and within which limits; each utterance draws its own values.

    Ranges are (lowest, highest). The same generator state gives the same samples.

    Raises:
        ConfigError: A value has the wrong type or is impossible, or a keyword is unknown.
    """

    speed: Range = field(default=(0.9, 1.1), validator=positive)
    """Speed, pitch and formants together, as a tape played faster (above 1) or slower."""

    gain_db: Range = field(default=(-12.0, 3.0))
    """Level."""

    noise_snr_db: Range = field(default=(5.0, 40.0))
    """Signal-to-noise ratio where noise is added."""

    noise: float = field(default=0.7, validator=probability)
    """Share of the utterances that noise is added to: white, pink or brown."""

    tilt: float = field(default=0.5, validator=probability)
    """Greatest weight of a first-order filter that makes a voice brighter or duller."""

    silence: float = field(default=0.2, validator=non_negative)
    """Most seconds of silence put before and behind."""

    @rule
    def speed_is_a_range(self) -> str | None:
        """The lowest comes first."""
        return _no_range("speed", self.speed)

    @rule
    def gain_is_a_range(self) -> str | None:
        """The lowest comes first."""
        return _no_range("gain_db", self.gain_db)

    @rule
    def noise_is_a_range(self) -> str | None:
        """The lowest comes first."""
        return _no_range("noise_snr_db", self.noise_snr_db)

    def length(self, seconds: float, rng: np.random.Generator) -> float:
        """Seconds that `__call__`, with a generator in the state of this one, makes of an utterance."""
        speed, before, behind = self._drawn_times(rng)
        return seconds / speed + before + behind

    def __call__(self, samples: Samples, rate: int, rng: np.random.Generator) -> Samples:
        """One variation of an utterance. *Shapes:* (samples,) to (other samples,), at `rate` a second."""
        speed, *silences = self._drawn_times(rng)
        samples = _tilted(change_speed(samples, speed), rng.uniform(-self.tilt, self.tilt))
        before, behind = (int(seconds * rate) for seconds in silences)
        level = 10 ** (rng.uniform(*self.gain_db) / 20)
        varied = np.zeros(before + len(samples) + behind, np.float32)
        np.multiply(samples, np.float32(level), out=varied[before : before + len(samples)])
        if rng.random() < self.noise:
            loudness = level * float(np.sqrt(np.square(samples).mean()))
            _add_noise(varied, loudness * 10 ** (-rng.uniform(*self.noise_snr_db) / 20), rate, rng)
        return varied

    def _drawn_times(self, rng: np.random.Generator) -> tuple[float, float, float]:
        """Speed, and seconds of silence before and behind: drawn first, as batches are made by length."""
        before, behind = rng.uniform(0.0, self.silence, 2)
        return float(rng.uniform(*self.speed)), float(before), float(behind)


def _no_range(name: str, ends: Range) -> str | None:
    return f"{name}: expected (lowest, highest), got {ends}" if ends[0] > ends[1] else None


def change_speed(samples: Samples, speed: float) -> Samples:
    """Play faster (above 1) or slower, by linear interpolation. *Shapes:* (samples,) to (samples / speed,).

    On speech at 16 kHz what this loses lies above the telephone band.
    """
    if speed == 1.0 or len(samples) < 2:
        return samples
    places = np.arange(max(1, int((len(samples) - 1) / speed))) * speed
    left = places.astype(np.int64)
    share = (places - left).astype(np.float32)
    return samples[left] * (1 - share) + samples[left + 1] * share


def _tilted(samples: Samples, weight: float) -> Samples:
    """Each sample plus a share of the one before, at the same loudness for white sound."""
    tilted = samples.copy()
    tilted[1:] += np.float32(weight) * samples[:-1]
    tilted *= np.float32(1 / np.sqrt(1 + weight**2))
    return tilted


def _add_noise(samples: Samples, loudness: float, rate: int, rng: np.random.Generator) -> None:
    """Add noise of a root mean square of `loudness`, in place."""
    store = _noises(rate)[int(rng.integers(len(_SLOPES)))]
    start, weight = int(rng.integers(len(store))), np.float32(loudness)
    for begin in range(-start, len(samples), len(store)):  # the noise repeats
        part = samples[max(begin, 0) : begin + len(store)]
        first = max(-begin, 0)
        part += weight * store[first : first + len(part)]


@lru_cache(maxsize=4)
def _noises(rate: int) -> tuple[Samples, ...]:
    """Noises of root mean square 1 that repeat without a seam, one for each slope.

    They are made once, as making them costs more than all the rest.
    """
    size = _NOISE_SECONDS * rate
    white = np.fft.rfft(np.random.default_rng(0).standard_normal(size))
    # Flat below 40 Hz, where a microphone passes little.
    frequencies = np.maximum(np.fft.rfftfreq(size, 1 / rate), 40.0)
    shaped = (np.fft.irfft(white / frequencies**slope, size) for slope in _SLOPES)
    return tuple((noise / noise.std()).astype(np.float32) for noise in shaped)
