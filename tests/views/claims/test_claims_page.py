"""docs/claims.html: self-contained, small, and whole whatever claims say."""

import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from cnnlab.claims.claim import Claim
from cnnlab.views.claims.catalogue import ClaimEntry
from cnnlab.views.claims.claims_page import claims_page

VOID = {"meta", "link", "br", "path", "use", "rect", "input"}


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open, self.ids, self.links, self.filters, self.texts = [], [], [], [], []

    def handle_starttag(self, tag, attrs):
        known = dict(attrs)
        self.ids += [known["id"]] if "id" in known else []
        self.links += [known["href"]] if tag == "a" else []
        self.filters += [known["data-only"]] if "data-only" in known else []
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data.strip())


def _read(page: str) -> _Reader:
    reader = _Reader()
    reader.feed(page)
    assert reader.open == []
    return reader


@pytest.fixture
def entry(verdict):
    found = verdict()
    return ClaimEntry(
        "he", found.claim, "python -m cnnlab.train -m experiment=he", "at 22", found, 6, 60.0, {"gpu": "x"}
    )


def test_a_card_and_a_section_a_claim(entry):
    other = ClaimEntry("b", Claim("B.", ("test/loss",), ("b",), of="beyond", lecture=True), "python -m b", "maybe")
    page = claims_page([entry, other, replace(entry, name="again", report=Path("x/report.html"))], {"gpu": "none"})
    found = _read(page)
    cards = [link[1:] for link in found.links if link.startswith("#") and link != "#"]
    assert cards == ["he", "again", "b"] and set(cards) <= set(found.ids)
    assert found.filters == ["", "holds only when", "not run"] and "x/report.html" in found.links
    assert len(found.ids) == len(set(found.ids)), "also between figures"
    for text in ("“He suits relu.”", "holds only when", "22 layers", "Expected: at 22", "Expected: maybe", "(lecture)"):
        assert text in found.texts, text
    assert page.count("data-copies>") == 3 and page.count('<figure class="scroll evidence">') == 2


def test_nothing_is_fetched_and_it_is_dark_light_and_printed(entry):
    page = claims_page([entry], {})
    assert not re.search(r"<(script|img|iframe|link)[^>]+(src|href)=\"(?!data:)", page)
    assert not re.search(r"@import|url\((?!#)|fetch\(|XMLHttpRequest", page)
    assert "prefers-color-scheme: dark" in page and "@media print" in page


def test_a_page_of_many_claims_stays_small(verdict, comparison):
    found = verdict(*[comparison(place=f"{i} layers") for i in range(14)])
    page = claims_page([ClaimEntry(f"c{i}", found.claim, "x", verdict=found) for i in range(6)], {})
    assert len(page.encode()) < 6 * 2_000_000 / 45


def test_sentences_are_text(entry):
    claim = Claim('<b>&"x.', ("test/loss",), ("b",))
    _read(page := claims_page([replace(entry, claim=claim, command="a && <i>")], {"<u>": "<u>"}))
    assert not re.search("<b>&|<i>|<u>", page)
