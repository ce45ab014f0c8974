"""The wiring of a pair as a drawing: encoder, connector and decoder, with shapes on the arrows (SVG 1.1)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape, quoteattr

from attrs import frozen

from speechgraft.errors import IncompatiblePairError
from speechgraft.registry.sizes import Step, size

if TYPE_CHECKING:
    from speechgraft.registry.report import PairReport

_WIDTH, _HEIGHT = 1180, 470
_MIDDLE = 215
"""Where the arrows from input to memory lie."""

_LONGEST = 22
"""Letters of a name that a box has room for."""

_STYLE = (
    ".box{fill:#f3f6fb;stroke:#34527a;stroke-width:1.5}.fresh{fill:#fff3e0;stroke:#b45f06}"
    ".none{fill:#fff;stroke-dasharray:5 4}.line{stroke:#333;stroke-width:1.5;fill:none}.head{fill:#333}"
    "text{font-family:system-ui,'DejaVu Sans',sans-serif;font-size:13px;fill:#1a1a1a;text-anchor:middle}"
    ".name{font-size:17px;font-weight:600}.role,.axes{font-size:11px;fill:#505050}.left{text-anchor:start}"
)


@frozen
class Box:
    """A rectangle with lines of text, the first of them the part's role and the second its name."""

    x: int
    y: int
    width: int
    height: int
    look: str = "box"

    @property
    def middle(self) -> int:
        """The middle of its width."""
        return self.x + self.width // 2

    def drawn(self, *lines: tuple[str, str], top: int | None = None) -> Iterator[str]:
        """The rectangle with lines, each with its class, around its middle or from `top` on."""
        yield (
            f'<rect class="{self.look}" x="{self.x}" y="{self.y}" width="{self.width}" height="{self.height}" rx="8"/>'
        )
        first = self.y + (self.height - _LINE * (len(lines) - 1)) // 2 + 5 if top is None else top
        for place, (look, line) in enumerate(lines):
            yield _text(self.middle, first + place * _LINE, line, look)


_LINE = 20
"""From one line of text to the next."""

_INPUT = Box(20, 180, 120, 70)
_ENCODER = Box(280, 145, 190, 140)
_CONNECTOR = Box(610, 155, 180, 120)
_DECODER = Box(930, 80, 230, 300)
_INSET = 20
"""From the decoder's border to what is in it."""

_CTC = Box(280, 40, 190, 50, "box fresh")


def draw(report: PairReport) -> str:
    """A file of SVG with the wiring of a pair.

    What begins fresh whatever the checkpoints hold has a colour of its own. The drawing refers to nothing
    outside itself, holds no script, and can be set into a page of HTML as it is.

    Raises:
        IncompatiblePairError: The pair could not be built: there is no wiring to draw.
    """
    if report.encoder_size is None:
        told = f"{report.encoder} and {report.decoder} cannot be paired, so there is no wiring to draw:"
        raise IncompatiblePairError("\n".join([told, *report.problems]))
    title = f"{report.encoder} + {report.connector} + {report.decoder}"
    label = quoteattr(_printable(f"Wiring of {title}"))
    size_of = f'viewBox="0 0 {_WIDTH} {_HEIGHT}" width="{_WIDTH}" height="{_HEIGHT}"'
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size_of} role="img" aria-label={label}>',
        f"<title>{_clean(title)}</title>",
        f"<style>{_STYLE}</style>",
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="#fff"/>',
        *_speech(report),
        *_between(report),
        *_text_side(report),
        *_across(_CONNECTOR, _DECODER, *_shape(report, "memory"), title="memory", inside=_INSET),
        *_legend(report),
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def _speech(report: PairReport) -> Iterator[str]:
    """Input, encoder and, where there is one, the CTC head."""
    seconds = report.estimate.seconds if report.estimate is not None else None
    heard = [] if seconds is None else [("axes", f"{seconds:g} s of audio")]
    yield from _INPUT.drawn(("role", "input"), ("", str(report.input_kind)), *heard)
    unit = {"waveform": "sample", "features": "frame", "tokens": "token"}.get(str(report.input_kind), "input")
    stride = f"a frame every {unit}" if report.stride == 1 else f"a frame every {report.stride} {unit}s"
    count = _parameters(report, "encoder")
    yield from _ENCODER.drawn(("role", "encoder"), ("name", _short(report.encoder)), ("", count), ("axes", stride))
    yield from _across(_INPUT, _ENCODER, *_shape(report, "input"))
    if "ctc_head" in report.parameters:
        yield from _CTC.drawn(("", "CTC head"), ("axes", _parameters(report, "ctc_head")))
        yield from _up(_ENCODER.middle, _ENCODER.y, _CTC.y + _CTC.height)


def _between(report: PairReport) -> Iterator[str]:
    """The connector, and what goes in."""
    made = report.parameters.get("connector", 0)
    box = Box(_CONNECTOR.x, _CONNECTOR.y, _CONNECTOR.width, _CONNECTOR.height, "box fresh" if made else "box none")
    widths = f"{report.encoder_size:,} → {report.memory_size:,} wide" if made else "passes frames on"
    count = _parameters(report, "connector") if made else "no parameters"
    yield from box.drawn(("role", "connector"), ("name", _short(report.connector)), ("", count), ("axes", widths))
    yield from _across(_ENCODER, _CONNECTOR, *_shape(report, "frames"))


def _text_side(report: PairReport) -> Iterator[str]:
    """The decoder with its attentions, the tokens that go in and the logits that come out."""
    yield from _DECODER.drawn(
        ("role", "decoder"),
        ("name", _short(report.decoder)),
        ("", _parameters(report, "decoder")),
        top=_DECODER.y + 24,
    )
    x, width = _DECODER.x + _INSET, _DECODER.width - 2 * _INSET
    fresh = report.cross_attention == "injected"
    kind = f"{report.cross_attention}: {_count(report.injected_parameters)} fresh" if fresh else report.cross_attention
    crossing = Box(x, _MIDDLE - 25, width, 50, "box fresh" if fresh else "box")
    yield from crossing.drawn(("", "cross-attention"), ("axes", str(kind)))
    yield from Box(x, _MIDDLE + 60, width, 34).drawn(("", "self-attention"))
    limit = "any length" if report.max_positions is None else f"at most {report.max_positions:,} tokens"
    yield _text(_DECODER.middle, _DECODER.y + _DECODER.height - 35, f"vocabulary of {report.vocab_size:,}", "axes")
    yield _text(_DECODER.middle, _DECODER.y + _DECODER.height - 17, limit, "axes")
    bottom = _DECODER.y + _DECODER.height
    yield from _up(_DECODER.middle, bottom + 40, bottom)
    yield from _beside(_DECODER.middle, bottom + 18, "tokens", report)
    yield from _up(_DECODER.middle, _DECODER.y, _DECODER.y - 40)
    yield from _beside(_DECODER.middle, _DECODER.y - 28, "logits", report)


def _legend(report: PairReport) -> Iterator[str]:
    y = _HEIGHT - 46
    yield f'<rect class="box fresh" x="20" y="{y - 11}" width="22" height="14" rx="3"/>'
    yield _text(50, y, "begins fresh, whatever the checkpoints of the two parts hold", "axes left")
    told = f"{report.total:,} parameters"
    if report.estimate is not None:
        training, generation = size(report.estimate.training), size(report.estimate.generation)
        told += f"; {training} to train with AdamW, {generation} to generate, estimated for one utterance"
    yield _text(20, y + 26, told, "left")


def _across(start: Box, end: Box, sizes: str, axes: str, *, title: str = "", inside: int = 0) -> Iterator[str]:
    """An arrow from one box to the next, with what goes over it."""
    x, to = start.x + start.width, end.x + inside
    middle = (x + end.x) // 2
    yield f'<path class="line" d="M{x} {_MIDDLE}H{to - 8}"/>'
    yield f'<path class="head" d="M{to} {_MIDDLE}l-10 -5v10z"/>'
    if title:
        yield _text(middle, _MIDDLE - 28, title, "role")
    yield _text(middle, _MIDDLE - 10, sizes)
    yield _text(middle, _MIDDLE + 19, axes, "axes")


def _up(x: int, start: int, end: int) -> Iterator[str]:
    yield f'<path class="line" d="M{x} {start}V{end + 8}"/>'
    yield f'<path class="head" d="M{x} {end}l-5 10h10z"/>'


def _beside(x: int, y: int, name: str, report: PairReport) -> Iterator[str]:
    """Left of an upright arrow what goes over it, right of it the shape."""
    sizes, _ = _shape(report, name)
    yield f'<text x="{x - 12}" y="{y}" style="text-anchor:end">{_clean(name)}</text>'
    yield _text(x + 12, y, sizes, "left")


def _shape(report: PairReport, name: str) -> tuple[str, str]:
    """Sizes and what they count; without an estimate the widths alone, which do not depend on the input."""
    steps: tuple[Step, ...] = () if report.estimate is None else report.estimate.steps
    for step in steps:
        if step.name == name:
            return f"({', '.join(f'{each:,}' for each in step.sizes)})", f"({', '.join(step.axes)})"
    widths = {"frames": report.encoder_size, "memory": report.memory_size, "tokens": report.decoder_size}
    if name == "logits":
        return f"{report.vocab_size:,} each", ""
    return (f"{widths[name]:,} wide", "") if name in widths else ("", "")


def _parameters(report: PairReport, part: str) -> str:
    return f"{_count(report.parameters[part])} parameters"


def _count(count: int) -> str:
    """A count with three digits or so.

    >>> _count(94_371_712), _count(41_000), _count(77)
    ('94.4 M', '41.0 k', '77')
    """
    for unit, letter in ((10**9, "G"), (10**6, "M"), (10**3, "k")):
        if count >= unit:
            return f"{count / unit:.1f} {letter}"
    return str(count)


def _short(name: str) -> str:
    return name if len(name) <= _LONGEST else f"{name[: _LONGEST - 1]}…"


def _text(x: int, y: int, line: str, look: str = "") -> str:
    classes = f' class="{look}"' if look else ""
    return f'<text{classes} x="{x}" y="{y}">{_clean(line)}</text>'


def _clean(text: str) -> str:
    return escape(_printable(text))


def _printable(text: str) -> str:
    """Without the control characters that XML has no way to write."""
    return "".join(letter if letter.isprintable() else " " for letter in text)
