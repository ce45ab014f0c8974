"""What comes out at each step of a pair, and the memory that it takes: numbers of a trial run, without torch."""

from __future__ import annotations

from attrs import frozen

TOKENS_PER_SECOND = 4
"""Tokens of text in a second of speech: about 150 words a minute, of three tokens for every two words."""

HOW = (
    "estimated by running one utterance on meta tensors and adding up the tensors that live at once, in eager mode, "
    "with dropout and without SpecAugment or LayerDrop; attention that never holds its weights, gradient "
    "checkpointing and lower precision take less, the allocator's reserve and prepared copies of weights more"
)
"""What the numbers of an `Estimate` rest on."""

_UNITS = ("B", "KB", "MB", "GB", "TB")


@frozen
class Step:
    """What comes out of one step for one utterance."""

    name: str
    """What it is: `"input"`, `"frames"`, `"memory"`, `"tokens"` or `"logits"`."""

    sizes: tuple[int, ...]
    """Its sizes, the batch first, which is one."""

    axes: tuple[str, ...]
    """What each size counts."""

    def __str__(self) -> str:
        sizes = zip(self.sizes, self.axes, strict=True)
        return "(" + ", ".join(f"{size:,} {axis}" for size, axis in sizes) + ")"


@frozen(kw_only=True)
class Estimate:
    """Sizes and memory for one utterance; all memory is in bytes.

    `HOW` says how it is estimated.
    """

    seconds: float | None
    """Seconds of audio that the numbers are for: those that were asked for or, where the encoder takes none so short
    or so long, the nearest that it takes. `None` where the encoder takes text."""

    tokens: int
    """Tokens of the text that goes with it."""

    dtype: str
    """Type of the parameters that the numbers are for, such as `"float32"`."""

    steps: tuple[Step, ...]
    """What comes out at each step."""

    frames_per_second: float | None
    """Frames of the encoder in a second of audio; `None` where the encoder takes text."""

    memory_frames_per_second: float | None
    """Frames of the memory in a second of audio; `None` where the encoder takes text."""

    weights: int
    """All parameters."""

    gradients: int
    """One for each parameter that is trained."""

    moments: int
    """The two running means of AdamW (Loshchilov and Hutter 2019) for each parameter that is trained."""

    activations: int
    """What a forward pass of one utterance keeps for the backward pass, at its peak."""

    working: int
    """The peak of what greedy generation holds beside the weights, one utterance at a time."""

    cache: int
    """Keys and values kept from token to token, of all this the part that each beam and utterance adds to."""

    @property
    def training(self) -> int:
        """A step of AdamW on one utterance; each further one adds `activations`."""
        return self.weights + self.gradients + self.moments + self.activations

    @property
    def generation(self) -> int:
        """Greedy generation for one utterance."""
        return self.weights + self.working


def size(count: int) -> str:
    """Bytes for people, in powers of 1024.

    >>> size(3 * 2**20), size(1500), size(12)
    ('3.0 MB', '1.5 KB', '12 B')
    """
    value, unit = float(count), 0
    while value >= 1024 and unit < len(_UNITS) - 1:
        value, unit = value / 1024, unit + 1
    return f"{count} B" if unit == 0 else f"{value:,.1f} {_UNITS[unit]}"
