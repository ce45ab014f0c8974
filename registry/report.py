"""What `check` says about a pair."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from attrs import asdict, evolve, field, frozen

from speechgraft.errors import IncompatiblePairError, counted
from speechgraft.registry.entries import DEFAULT_CONNECTOR
from speechgraft.registry.frozen import FrozenMapping
from speechgraft.registry.routes import Routes
from speechgraft.registry.sizes import HOW, Estimate, size

_UNITS = {"waveform": "samples", "features": "frames", "tokens": "tokens"}


def _frozen_counts(values: Mapping[str, int]) -> FrozenMapping[str, int]:
    return FrozenMapping(values)


@frozen(kw_only=True)
class PairReport:
    """How an encoder and a decoder would be wired, and what stands against it.

    Sizes are `None`, and counts empty, where a problem kept the pair from being built.
    `str(report)` is a table for people.
    """

    encoder: str
    """The encoder's name in the catalog."""

    decoder: str
    """The decoder's name in the catalog."""

    input_kind: str | None = None
    """`"waveform"`, `"features"` or `"tokens"`."""

    stride: int | None = None
    """Inputs (samples, frames or tokens) from one encoder frame to the next, with this config."""

    minimum_length: int | None = None
    """The shortest input that gives a frame."""

    encoder_size: int | None = None
    """Width of the encoder's frames."""

    memory_size: int | None = None
    """Width of the memory that the decoder attends to."""

    decoder_size: int | None = None
    """Width of the decoder's token embeddings."""

    connector: str = DEFAULT_CONNECTOR
    """The name in the catalog of what stands between the two."""

    memory_stride: int | None = None
    """Inputs from one frame of the memory to the next, where the connector has shortened it."""

    projection: tuple[int, int] | None = None
    """Widths from and to of the published linear layer between the parts; `None` where there is none."""

    cross_attention: str | None = None
    """`"native"`, or `"injected"` where the decoder was pretrained without it."""

    injected_parameters: int = 0
    """Parameters of the decoder that begin fresh whatever its checkpoint holds."""

    vocab_size: int | None = None
    """Tokens of the decoder's vocabulary."""

    max_positions: int | None = None
    """The most tokens of a text; `None`: nothing limits them."""

    parameters: Mapping[str, int] = field(factory=dict, converter=_frozen_counts, hash=False)
    """How many there are of each part: `encoder`, `connector` where it has any, `decoder`, `ctc_head`."""

    unset_tokens: tuple[str, ...] = ()
    """Special tokens that no config sets yet, and training or generation needs."""

    routes: Routes | None = None
    """Where each option of the pair goes."""

    estimate: Estimate | None = None
    """Sizes at each step and memory, where they were asked for and the pair runs without values."""

    notes: tuple[str, ...] = ()
    """What is worth knowing and stands against nothing."""

    problems: tuple[str, ...] = ()
    """Why the pair cannot be built or run, one line each."""

    @property
    def ok(self) -> bool:
        """Whether nothing stands against the pair."""
        return not self.problems

    @property
    def total(self) -> int:
        """Parameters of all parts."""
        return sum(self.parameters.values())

    def with_problems(self, *problems: str) -> PairReport:
        """The same report with further problems."""
        return evolve(self, problems=(*self.problems, *problems))

    def to_dict(self) -> dict[str, Any]:
        """The report as an object of JSON."""
        told = asdict(self, filter=lambda attribute, _: attribute.name != "routes")
        if self.estimate is not None:
            told["estimate"].update(training=self.estimate.training, generation=self.estimate.generation, how=HOW)
        routes = None if self.routes is None else self.routes.to_dict()
        parameters = dict(self.parameters)
        return {**told, "parameters": parameters, "routes": routes, "total": self.total, "ok": self.ok}

    def explain_routing(self) -> None:
        """Print where each option goes, of factories and of `forward`.

        Raises:
            IncompatiblePairError: The pair could not be built, so that there is nowhere to go.
        """
        if self.routes is None:
            raise IncompatiblePairError("\n".join([f"{self._title}, so no option goes anywhere:", *self.problems]))
        print(self.routes)

    def to_svg(self) -> str:
        """The wiring as a drawing: see `speechgraft.registry.diagram`."""
        from speechgraft.registry.diagram import draw

        return draw(self)

    def __str__(self) -> str:
        rows = [*self._rows(), *(("note", note) for note in self.notes)]
        rows += [("problem", problem) for problem in self.problems]
        width = max((len(title) for title, _ in rows), default=0)
        return "\n".join([self._title, *(f"  {name.ljust(width)}  {text}" for name, text in rows)])

    @property
    def _title(self) -> str:
        return f"{self.encoder} + {self.decoder}: {'they fit' if self.ok else 'they cannot be paired'}"

    def _connected(self, unit: str) -> str:
        widths = f"{self.encoder_size} -> {self.memory_size}"
        if self.connector == DEFAULT_CONNECTOR:
            return f"linear, {widths}" if self.projection else "linear, no projection is needed"
        return f"{self.connector}, {widths}, a frame of memory every {self.memory_stride} {unit}"

    def _rows(self) -> Iterator[tuple[str, str]]:
        if self.encoder_size is None:
            return
        unit = _UNITS.get(self.input_kind or "", "inputs")
        least = counted(self.minimum_length or 0, unit.removesuffix("s"))
        yield "input", f"{self.input_kind}, at least {least}"
        stride = unit.removesuffix("s") if self.stride == 1 else f"{self.stride} {unit}"
        yield "encoder", f"frames of {self.encoder_size}, one every {stride}"
        yield "connector", self._connected(unit)
        limit = "any length" if self.max_positions is None else f"at most {self.max_positions} tokens"
        yield "decoder", f"{self.decoder_size} wide, vocabulary of {self.vocab_size}, {limit}"
        fresh = f", {self.injected_parameters:,} parameters begin fresh" if self.injected_parameters else ""
        yield "cross-attention", f"{self.cross_attention}{fresh}"
        yield "parameters", " + ".join(f"{count:,} {part}" for part, count in self.parameters.items())
        yield "in all", f"{self.total:,} parameters"
        if self.estimate is not None:
            yield from _estimated(self.estimate)
        if self.unset_tokens:
            yield "still to set", f"{', '.join(self.unset_tokens)}: options of the pair, or model.config.NAME = id"


def _estimated(found: Estimate) -> Iterator[tuple[str, str]]:
    """Rows of the sizes and the memory."""
    heard = "" if found.seconds is None else f"{found.seconds:g} s of audio, "
    yield "for example", f"one utterance: {heard}{counted(found.tokens, 'token')}"
    for step in found.steps:
        yield f"  {step.name}", str(step)
    if found.frames_per_second is not None:
        memory = f"{found.memory_frames_per_second:.4g} of memory"
        yield "a second of audio", f"{found.frames_per_second:.4g} frames, {memory}"
    adamw = f"gradients {size(found.gradients)} + moments {size(found.moments)}"
    kept = f"activations {size(found.activations)} an utterance"
    yield "weights", f"{size(found.weights)} in {found.dtype}"
    yield "training (AdamW)", f"{size(found.training)}: weights + {adamw} + {kept}"
    cache = f"{size(found.cache)} of it keys and values"
    yield "generation", f"{size(found.generation)}: weights + {size(found.working)} at its peak, {cache}"
    yield "memory is", HOW
