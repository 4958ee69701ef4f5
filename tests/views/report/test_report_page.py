"""The page: self-contained, small, and whole whatever the runs are called."""

import re
from html.parser import HTMLParser
from itertools import product

import pytest

from cnnlab.claims.study import Study
from cnnlab.views.report.report_page import html_report

VOID = {"meta", "link", "br", "path", "use", "rect"}


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open, self.heads, self.buttons, self.arms, self.now = [], [], [], set(), ""

    def handle_starttag(self, tag, attrs):
        known = dict(attrs)
        self.arms.add(known.get("data-arm"))
        if "data-hides" in known:
            self.buttons.append(known["data-hides"])
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] in ("h1", "h2"):
            self.heads.append(data)


def _read(page: str) -> _Reader:
    reader = _Reader()
    reader.feed(page)
    assert reader.open == []
    return reader


def test_two_arms_of_six_seeds(make_sweep, tmp_path):
    arms = {"single5x5": [0.90 + i / 500 for i in range(6)], "stacked3x3": [0.93 + i / 500 for i in range(6)]}
    study = Study.of([make_sweep(arms)])
    page = html_report(study)
    found = _read(page)
    assert len(page.encode()) < 1_000_000
    assert found.heads[0] == study.answer.replace(" %", "\u00a0%")
    assert found.heads[1:] == [
        *("Every run", "Diagnosis", "Signal and gradient against depth", "Learning curves", "Differences"),
        *("Cost of each arm", "To repeat", "Dashboards", "Circumstances"),
    ], "what has nothing to show is left out: equal costs, one axis of words"
    assert page.count("<dt>sd</dt>") == page.count("<dt>points</dt>") == page.count("<dt>n</dt>") == 1
    assert found.buttons == ["0", "1"] and {"0", "1"} <= found.arms
    assert f"python -m cnnlab.dashboard {tmp_path}/sweep" in page


def test_of_one_run_the_diagnosis_comes_first(make_sweep):
    told = {"diagnosis/first": "dead_units", "diagnosis/dead_units": "99 % are dead.", "test/accuracy": 0.1}
    told |= {"diagnosis/dead_units/because": "a bias below 0", "diagnosis/dead_units/override": "init.bias=0"}
    study = Study.of([make_sweep({"": [told]}, axes=())])
    page = html_report(study)
    assert _read(page).heads[0].startswith("This run: 10.00") and _read(page).heads[1] == "Diagnosis"
    assert page.index("99 % are dead.") < page.index("a bias below 0") < page.index(">init.bias=0<")


def test_as_a_part_of_the_dashboards_it_has_links_into_them(make_sweep):
    page = html_report(Study.of([make_sweep({"a": [0.9]})]), {"all <runs>": "/?a=1&b=2#timeseries"})
    assert '<a href="/?a=1&amp;b=2#timeseries" target="_top">all &lt;runs&gt;</a>' in page
    assert "Dashboards" not in _read(page).heads


def test_nothing_is_fetched(make_sweep):
    page = html_report(Study.of([make_sweep({"a": [0.9, 0.8], "b": [0.7]})]))
    assert not re.search(r"<(script|img|iframe|link)[^>]+(src|href)=\"(?!data:)", page)
    assert not re.search(r"@import|url\((?!#)|fetch\(|XMLHttpRequest", page)
    assert "prefers-color-scheme: dark" in page and "@media print" in page


def test_a_grid_of_sixteen_arms_has_every_figure(make_sweep):
    arms = {f"{i},{lr}": [0.5, 0.6, "failed"] for i, lr in product(("he", "xavier", "normal", "zeros"), (1, 2, 3, 4))}
    page = html_report(Study.of([make_sweep(arms, axes=("init", "lr"))]))
    found = _read(page)
    assert {"Over each setting", "Both settings at once", "Runs that did not complete"} <= set(found.heads)
    assert found.buttons == ["0", "1", "2", "3"] and "the other 105 of 120 pairs" in page


def test_a_page_of_sixty_arms_stays_small(make_sweep):
    page = html_report(Study.of([make_sweep({f"an arm with a long name {i}": [i / 100, 0.5] for i in range(60)})]))
    assert len(page.encode()) < 1_000_000 and "of 1770 pairs" not in page and "The best 40 arms." in page


@pytest.mark.parametrize("arms", [{"a": ["failed", "queued"]}, {"a": [0.5]}, {"a": [0.5], "b": ["queued"]}])
def test_a_sweep_with_next_to_nothing_is_a_page_all_the_same(make_sweep, arms):
    assert "Circumstances" in _read(html_report(Study.of([make_sweep(arms)]))).heads


def test_names_are_text(make_sweep):
    page = html_report(Study.of([make_sweep({'<b>&"x': [0.9, 0.8], "漢字 $": [0.7, 0.6]}, name="<i>")]))
    _read(page)
    assert "<b>&" not in page and "<i>" not in page and "漢字 $" in page


def test_the_verdict_on_a_claim_is_on_top_with_its_figure(make_sweep):
    claim = {"sentence": "A suits <i>.", "arm": "a", "than": "b", "margin": 0.01, "guess": "holds"}
    study = Study.of([make_sweep({"a": [0.90, 0.91, 0.92], "b": [0.50, 0.51, 0.52]}, claim=claim)])
    page = html_report(study)
    found = _read(page)
    assert found.heads[:2] == ["“A suits <i>.”", study.answer.replace(" %", "\u00a0%")]
    assert "<i>" not in page and 'style="--tone: var(--good)"' in page
    assert page.index("You guessed") < page.index("smaller than what matters") < page.index("a beats b")
