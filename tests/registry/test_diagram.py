"""The drawing of a pair is well-formed, refers to nothing, and shows what the report says."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree

import pytest
from attrs import evolve

from speechgraft.errors import IncompatiblePairError
from speechgraft.registry import PairReport, check, default_catalog

SVG = "{http://www.w3.org/2000/svg}"


def report_of(encoder: str, decoder: str, **options: Any) -> PairReport:
    catalog = default_catalog()
    parts = {"encoder": dict(catalog.encoder(encoder).tiny), "decoder": dict(catalog.decoder(decoder).tiny)}
    return check(encoder, decoder, seconds=0.05, **parts, **options)


def texts(drawing: str) -> list[str]:
    return [each.text or "" for each in ElementTree.fromstring(drawing).iter(f"{SVG}text")]


@pytest.mark.parametrize("encoder", list(default_catalog().encoders))
@pytest.mark.parametrize("decoder", list(default_catalog().decoders))
def test_shapes_stand_on_the_arrows(encoder: str, decoder: str) -> None:
    report = report_of(encoder, decoder, connector="mlp", ctc_vocab_size=9)
    drawn = texts(report.to_svg())
    assert report.estimate is not None
    for step in report.estimate.steps:
        assert f"({', '.join(f'{size:,}' for size in step.sizes)})" in drawn
    assert {encoder, decoder, "mlp", "CTC head", report.input_kind} <= set(drawn)
    assert any(line.startswith(report.cross_attention or "") for line in drawn)


def test_only_what_begins_fresh_has_its_colour() -> None:
    def fresh(drawing: str) -> int:
        return sum("fresh" in each.get("class", "") for each in ElementTree.fromstring(drawing).iter(f"{SVG}rect"))

    assert fresh(report_of("wav2vec2", "bart").to_svg()) == 1  # the legend
    assert fresh(report_of("wav2vec2", "bert").to_svg()) == 2
    assert fresh(report_of("wav2vec2", "bert", connector="conv", ctc_vocab_size=9).to_svg()) == 4


def test_nothing_leaves_the_drawing_and_no_line_is_wider_than_its_box() -> None:
    drawing = evolve(report_of("wav2vec2", "bert"), encoder="e" * 60, decoder="d" * 60, connector="c" * 60).to_svg()
    root = ElementTree.fromstring(drawing)
    width, height = (float(root.get(name, "nan")) for name in ("width", "height"))
    for each in root.iter(f"{SVG}rect"):
        x, y = float(each.get("x", "0")), float(each.get("y", "0"))
        assert x >= 0 and x + float(each.get("width", "nan")) <= width
        assert y >= 0 and y + float(each.get("height", "nan")) <= height
    names = [each.text or "" for each in root.iter(f"{SVG}text") if each.get("class") == "name"]
    assert len(names) == 3 and all(len(name) <= 22 and name.endswith("…") for name in names)


def test_it_is_escaped_and_refers_to_nothing_outside() -> None:
    bad = "<script>\"&\x0b'</script>"
    drawing = evolve(report_of("wav2vec2", "bert"), encoder=bad, decoder=bad, connector=bad, input_kind=bad).to_svg()
    root = ElementTree.fromstring(drawing)
    assert not list(root.iter(f"{SVG}script"))
    assert bad.replace("\x0b", " ") in [each.text for each in root.iter(f"{SVG}text")]
    told = drawing.replace("http://www.w3.org/2000/svg", "")
    assert "http" not in told and "href" not in told and "url(" not in told


def test_without_an_estimate_widths_alone_are_told() -> None:
    report = evolve(report_of("wav2vec2", "bert"), estimate=None)
    drawn = texts(report.to_svg())
    assert f"{report.memory_size} wide" in drawn
    assert not any("estimated" in line for line in drawn)


def test_what_cannot_be_built_cannot_be_drawn() -> None:
    with pytest.raises(IncompatiblePairError, match="no wiring to draw"):
        check("wav2vec2", "bert", encoder={"hidden_size": 0}).to_svg()
