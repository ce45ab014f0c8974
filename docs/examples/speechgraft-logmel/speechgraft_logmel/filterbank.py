"""Log-mel features: the logarithms of a spectrum's energies in bands that are spaced as people hear pitch."""

from __future__ import annotations

import torch
from torch import Tensor

_FLOOR = 1e-10
"""The least energy that a logarithm is taken of: 100 dB below full scale."""


def hertz_to_mel(hertz: Tensor) -> Tensor:
    """Pitch of frequencies, in mel (O'Shaughnessy 1987, page 150)."""
    return 2595.0 * torch.log10(1.0 + hertz / 700.0)


def mel_to_hertz(mel: Tensor) -> Tensor:
    """Frequencies of pitches, the inverse of `hertz_to_mel`."""
    return 700.0 * (10.0 ** (mel / 2595.0) - 1.0)


def mel_filters(bins: int, n_fft: int, rate: int, low: float, high: float) -> Tensor:
    """Triangles over the frequencies of a Fourier transform, evenly spaced in mel, each as wide as two spaces.

    *Shapes:* to (n_fft // 2 + 1, bins), float64.

    Args:
        bins: How many.
        n_fft: Samples of the transform.
        rate: Samples a second.
        low: Where the first begins, in hertz.
        high: Where the last ends, in hertz.
    """
    ends = hertz_to_mel(torch.tensor([low, high], dtype=torch.float64))
    steps = torch.linspace(0.0, 1.0, bins + 2, dtype=torch.float64)
    corners = mel_to_hertz(ends[0] + (ends[1] - ends[0]) * steps)
    frequencies = torch.arange(n_fft // 2 + 1, dtype=torch.float64)[:, None] * rate / n_fft
    left, middle, right = corners[:-2], corners[1:-1], corners[2:]
    rising, falling = (frequencies - left) / (middle - left), (right - frequencies) / (right - middle)
    return torch.minimum(rising, falling).clamp(min=0.0)


def frame_count(samples: int, window: int, hop: int) -> int:
    """Frames of so many samples: windows that lie within them; of fewer than a window's, one."""
    return 1 + max(samples - window, 0) // hop


def log_mel(samples: Tensor, filters: Tensor, *, n_fft: int, window: int, hop: int) -> Tensor:
    """Logarithms of the energy in each band, of windows that lie within the samples.

    No window reaches beyond an utterance, so that what stands behind it in a batch changes nothing. One that is
    shorter than a window is filled up with zeros.

    *Shapes:* `samples` (samples,), `filters` (n_fft // 2 + 1, bins), to (frames, bins).

    Args:
        samples: Of one utterance, within -1 and 1.
        filters: See `mel_filters`.
        n_fft: Samples of the transform, no fewer than the window's; it is filled up with zeros.
        window: Samples of a window (Hann).
        hop: Samples from one window to the next.
    """
    if len(samples) < window:
        samples = torch.nn.functional.pad(samples, (0, window - len(samples)))
    taper = torch.hann_window(window, dtype=samples.dtype, device=samples.device)
    windows = samples.unfold(0, window, hop) * taper  # (frames, window)
    power = torch.fft.rfft(windows, n_fft).abs().square()  # (frames, n_fft // 2 + 1)
    energies: Tensor = power @ filters.to(power)  # (frames, bins)
    return energies.clamp(min=_FLOOR).log()
