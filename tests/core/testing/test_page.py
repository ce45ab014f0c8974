"""The page is well-formed, whole, escaped, refers to nothing outside, and can be used from the keyboard."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path

import pytest
from attrs import evolve

from speechgraft.registry import PairReport, check, default_catalog
from speechgraft.testing.matrix import Combination, Outcome, Tried
from speechgraft.testing.page import page

BAD = '<script>alert("1")</script>&\''
VOID = {"meta", "br"}


class Read(HTMLParser):
    """Every element with its attributes, the texts, and whether all that is opened is closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


@pytest.fixture(scope="module")
def report() -> PairReport:
    catalog = default_catalog()
    parts = {"encoder": dict(catalog.encoder("sew").tiny), "decoder": dict(catalog.decoder("gpt2").tiny)}
    return check("sew", "gpt2", seconds=0.05, **parts)


@pytest.fixture(scope="module")
def tried(report: PairReport) -> list[Tried]:
    fine, broken = Outcome("P03_batch_invariance", None, 0.5), Outcome("P11_search", f"found: {BAD}", 1.0)
    unfit = evolve(report, encoder_size=None).with_problems(f"$.encoder: {BAD}")
    return [
        Tried(Combination("sew", "linear", "gpt2"), report, (fine,)),
        Tried(Combination("sew", "linear", "bert"), report, (fine, broken)),
        Tried(Combination("sew", "conv", "gpt2"), unfit, (fine,)),
        Tried(Combination(BAD, "linear", "gpt2"), evolve(report, encoder=BAD), (fine,)),
    ]


def test_each_cell_leads_to_its_own_report(tried: list[Tried]) -> None:
    read = Read(page(tried, "quick"))
    ids = Counter(attributes["id"] for _, attributes in read.elements if "id" in attributes)
    assert set(ids.values()) == {1}
    cells = [link for link in read.all("a") if "class" in link]
    assert [cell["class"] for cell in cells] == ["holds", "fails", "fails", "holds"]
    assert [cell["href"] for cell in cells] == [f"#{section['id']}" for section in read.all("section")]
    assert all((link["href"] or "")[1:] in ids for link in read.all("a"))
    assert cells[1]["aria-label"] == "sew + linear + bert: P11"
    assert all(section["aria-labelledby"] in ids and section["tabindex"] == "-1" for section in read.all("section"))


def test_a_report_holds_all_that_was_found(tried: list[Tried]) -> None:
    text = "".join(Read(page(tried, "quick")).texts)
    assert "4 combinations, 2 with problems" in text
    assert f"found: {BAD}" in text
    assert f"$.encoder: {BAD}" in text
    assert all(str(each.report) in text for each in tried)
    assert "1 combinations, all ok" in page(tried[:1], "quick")


def test_it_is_escaped_and_needs_nothing_from_outside(tried: list[Tried]) -> None:
    read = Read(page(tried, BAD))
    assert read.all("script") == []
    for tag, attributes in read.elements:
        assert tag not in {"link", "img", "iframe", "object", "script", "base", "form"}
        assert not any(name.startswith("on") or name == "src" for name in attributes)
        assert (attributes.get("href") or "#").startswith("#")
    [policy] = [meta["content"] for meta in read.all("meta") if "http-equiv" in meta]
    assert policy == "default-src 'none'; style-src 'unsafe-inline'"
    assert "url(" not in page(tried, "quick") and "@import" not in page(tried, "quick")


def test_heads_say_what_they_are_for(tried: list[Tried]) -> None:
    read = Read(page(tried, "quick"))
    assert [head.get("rowspan") for head in read.all("th") if head["scope"] == "rowgroup"] == ["2", "1"]
    assert all("scope" in head for head in read.all("th"))
    assert read.all("html")[0]["lang"] == "en"


CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)

# Looks at the page as a browser lays it out, with the last of its sections chosen, and writes what it sees.
PROBE = """
<script>
addEventListener("load", () => {
  const shown = () => [...document.querySelectorAll("section")].filter(s => s.offsetHeight > 0).map(s => s.id);
  const links = [...document.querySelectorAll("td.cell a")];
  const before = shown();
  links[1].focus();
  const focused = document.activeElement === links[1];
  links[1].click();
  setTimeout(() => {
    const drawn = document.querySelector("section:target svg").getBoundingClientRect();
    const seen = {before, focused, after: shown(), tabs: links.every(a => a.tabIndex === 0),
      drawn: drawn.width > 300 && drawn.height > 100, wide: document.documentElement.scrollWidth <= innerWidth,
      alerted: window.alerted === true};
    document.body.innerHTML = "<pre id=seen>" + JSON.stringify(seen) + "</pre>";
  }, 100);
});
window.alert = () => { window.alerted = true; };
</script></body>"""


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed to show the page in")
def test_a_browser_shows_the_report_of_the_cell_that_was_chosen(tried: list[Tried], tmp_path: Path) -> None:
    text = page(tried, "quick").replace("default-src 'none'", "default-src 'none'; script-src 'unsafe-inline'")
    file = tmp_path / "page.html"
    file.write_text(text.replace("</body>", PROBE), encoding="utf-8")
    command = [str(CHROMIUM), "--headless", "--no-sandbox", "--disable-gpu", "--window-size=1300,900"]
    command += [f"--user-data-dir={tmp_path / 'profile'}", "--virtual-time-budget=5000", "--dump-dom", file.as_uri()]
    dom = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout
    seen = json.loads(dom.partition('<pre id="seen">')[2].partition("</pre>")[0])
    assert seen == {
        "before": [],
        "focused": True,
        "after": ["pair-1"],
        "tabs": True,
        "drawn": True,
        "wide": True,
        "alerted": False,
    }
