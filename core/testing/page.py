"""The matrix as one page of HTML, which holds all it needs: a table, and behind each cell a report.

Cells are links to sections of the same page, and style shows the section that was chosen. So it works from the
keyboard, with the browser's back button and from a link to one report, all without a script.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from itertools import groupby

from speechgraft.testing.matrix import Combination, Outcome, Tried
from speechgraft.testing.properties import PROPERTIES

_STYLE = """
body{font:16px/1.5 system-ui,'DejaVu Sans',sans-serif;color:#1a1a1a;background:#fff;margin:2rem auto;max-width:80rem;
padding:0 1rem}
table{border-collapse:collapse;margin:1rem 0}caption{text-align:start;color:#505050;padding:.3rem 0}
th,td{border:1px solid #c5ccd6;padding:.3rem .6rem;text-align:start;vertical-align:top}
th{background:#f3f6fb;font-weight:600}td.cell{padding:0}
td.cell a{display:block;padding:.3rem .6rem;text-decoration:none}
a.holds{color:#0b5a2b;background:#e7f5ec}a.fails{color:#8a1010;background:#fdeaea;font-weight:600}
a:hover{text-decoration:underline}a:focus-visible{outline:3px solid #1f5fbf;outline-offset:-1px}
section{display:none;border-top:2px solid #c5ccd6;margin-top:2rem;padding-top:.5rem}
section:target{display:block}section:focus{outline:none}
pre{background:#f7f7f7;padding:.8rem;overflow-x:auto;font-size:.85rem;white-space:pre-wrap;overflow-wrap:anywhere}
svg{max-width:100%;height:auto}
@media print{section{display:block;break-before:page}}
"""

_POLICY = "default-src 'none'; style-src 'unsafe-inline'"


def page(tried: Sequence[Tried], level: str) -> str:
    """The page of everything that was tried at a level, in the order of `combinations`."""
    failing = sum(not each.ok for each in tried)
    title = f"{len(tried)} combinations, {failing} with problems" if failing else f"{len(tried)} combinations, all ok"
    places = {each.combination: place for place, each in enumerate(tried)}
    lines = [
        "<!DOCTYPE html>",
        '<html lang="en"><head><meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>speechgraft: {title}</title><style>{_STYLE}</style></head><body>",
        f"<main><h1>What goes with what: {title}</h1>",
        f"<p>Every property of pairs, tried at the level <b>{escape(level)}</b>. Choose a cell for its report.</p>",
        *_table(tried, places),
        *(line for place, each in enumerate(tried) for line in _section(each, place)),
        "</main></body></html>",
    ]
    return "\n".join(lines) + "\n"


def _table(tried: Sequence[Tried], places: dict[Combination, int]) -> Iterator[str]:
    """Encoders and connectors down, decoders across."""
    decoders = list(dict.fromkeys(each.combination.decoder for each in tried))
    found = {each.combination: each for each in tried}
    yield '<table id="matrix"><caption>Encoder and connector in rows, decoder in columns</caption>'
    heads = "".join(f'<th scope="col">{escape(name)}</th>' for name in ("encoder", "connector", *decoders))
    yield f"<thead><tr>{heads}</tr></thead>"
    rows = dict.fromkeys((each.combination.encoder, each.combination.connector) for each in tried)
    for encoder, group in groupby(rows, key=lambda row: row[0]):
        connectors = [connector for _, connector in group]
        yield "<tbody>"
        for connector in connectors:
            first = connector == connectors[0]
            head = f'<th scope="rowgroup" rowspan="{len(connectors)}">{escape(encoder)}</th>' if first else ""
            row = [found.get(Combination(encoder, connector, decoder)) for decoder in decoders]
            cells = "".join("<td></td>" if each is None else _cell(each, places[each.combination]) for each in row)
            yield f'<tr>{head}<th scope="row">{escape(connector)}</th>{cells}</tr>'
        yield "</tbody>"
    yield "</table>"


def _cell(tried: Tried, place: int) -> str:
    look = "holds" if tried.ok else "fails"
    label = escape(f"{tried.combination}: {tried.verdict}", quote=True)
    return (
        f'<td class="cell"><a class="{look}" href="#pair-{place}" aria-label="{label}">{escape(tried.verdict)}</a></td>'
    )


def _section(tried: Tried, place: int) -> Iterator[str]:
    """The report of one combination: its drawing, its sizes, and each property."""
    name = escape(str(tried.combination))
    yield f'<section id="pair-{place}" tabindex="-1" aria-labelledby="title-{place}">'
    yield f'<h2 id="title-{place}">{name}</h2><p><a href="#matrix">Back to the matrix</a></p>'
    if tried.report.encoder_size is not None:
        yield tried.report.to_svg()
    yield f"<h3>With the default configs</h3><pre>{escape(str(tried.report))}</pre>"
    yield "<h3>Properties</h3><table><thead><tr>"
    yield "".join(f'<th scope="col">{head}</th>' for head in ("property", "says", "found", "seconds"))
    yield "</tr></thead><tbody>"
    yield from (_outcome(each) for each in tried.outcomes)
    yield "</tbody></table></section>"


def _outcome(outcome: Outcome) -> str:
    known = PROPERTIES.get(outcome.property)
    says = "" if known is None else escape(known.says)
    found = "holds" if outcome.problem is None else f"<pre>{escape(outcome.problem)}</pre>"
    name = escape(outcome.property)
    return f'<tr><th scope="row">{name}</th><td>{says}</td><td>{found}</td><td>{outcome.seconds:.1f}</td></tr>'
