"""The claims' page in a real browser: filters, search, dark and light, narrow, copied commands."""

from dataclasses import replace
from pathlib import Path

import pytest

from cnnlab.claims.claim import Claim
from cnnlab.claims.compared import Comparison
from cnnlab.claims.decision import holm
from cnnlab.claims.verdict import Verdict
from cnnlab.views.claims.catalogue import ClaimEntry
from cnnlab.views.claims.claims_page import claims_page

DOCS = Path(__file__).resolve().parents[2] / "docs"
LARGEST = 300_000  # bytes of a picture in docs/
pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

CARDS = (
    "return [...document.querySelectorAll('.card')].filter(c => c.getClientRects().length).map(c => c.hash.slice(1))"
)
SECTIONS = "return [...document.querySelectorAll('.claim')].filter(c => c.getClientRects().length).map(c => c.id)"
OVERLAPS = """
const boxes = [...document.querySelectorAll('.card > *, .claim > h3, .claim > p, .claim dl, .command')]
  .filter(box => box.checkVisibility({contentVisibilityAuto: true}));
const found = [];
for (const [i, a] of boxes.entries()) for (const b of boxes.slice(i + 1)) {
  const x = a.getBoundingClientRect(), y = b.getBoundingClientRect();
  const across = x.left < y.right - 1 && y.left < x.right - 1, down = x.top < y.bottom - 1 && y.top < x.bottom - 1;
  if (x.width && y.width && across && down)
    found.push([a.textContent, b.textContent]);
}
return found;
"""
CONTRAST = """
return [...document.querySelectorAll('.badge, .card b, .card span, .note, summary, td, svg text')].map(part => {
  const style = getComputedStyle(part);
  return [part.textContent.trim().slice(0, 30), part.closest('svg') ? style.fill : style.color,
          getComputedStyle(document.body).backgroundColor];
});
"""


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of a claim of every verdict."""
    claim = Claim("He suits relu.", ("test/accuracy",), ("xavier",), ("he",), margin=0.01, lecture=True)
    usual = Comparison("test/accuracy", "he", "xavier", n=6, margin=0.01, p=1e-6)

    def entry(outcome: str, value: float, *more: Comparison) -> ClaimEntry:
        own = replace(usual, outcome=outcome, value=value, interval=(value - 0.006, value + 0.006), place="8 layers")
        found = tuple(holm([replace(own, left=0.5 + value, right=0.5), *more]))
        sentence = f"A sentence of some length about {outcome}."
        verdict = Verdict(replace(claim, sentence=sentence), found, len(found))
        name = verdict.word.replace(" ", "_")
        return ClaimEntry(name, verdict.claim, f"python -m cnnlab.train -m experiment={name}", "?", verdict, 12, 60.0)

    deep = replace(usual, outcome="holds", place="22 layers", value=0.8, interval=(0.79, 0.81), left=0.9, right=0.1)
    values = {"holds": 0.05, "does not hold": -0.05, "no difference that matters": 0.0, "inconclusive": 0.01}
    entries = [entry(outcome, value) for outcome, value in values.items()]
    entries += [entry("no difference that matters", 0.0, deep), ClaimEntry("not_run", replace(claim, of="beyond"), "x")]
    path = tmp_path_factory.mktemp("docs") / "claims.html"
    path.write_text(claims_page(entries, {"false_verdicts": "0 of 40"}))
    return path


@pytest.fixture(params=["light", "dark"])
def page(driver, path: Path, request: pytest.FixtureRequest):
    """The open page, on light or dark paper."""
    scheme = {"features": [{"name": "prefers-color-scheme", "value": request.param}]}
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", scheme)
    _resize(driver, 1100)
    driver.get_log("performance")
    driver.get(path.as_uri())
    return driver


def _resize(driver, width: int) -> None:
    size = {"width": width, "height": 1000, "deviceScaleFactor": 1, "mobile": False}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)


def test_nothing_fails_and_nothing_is_fetched(page) -> None:
    assert not [entry["message"] for entry in page.get_log("browser") if entry["level"] == "SEVERE"]
    sent = [e["message"] for e in page.get_log("performance") if "Network.requestWillBeSent" in e["message"]]
    assert sent and all('"url":"file:' in message or '"url":"data:' in message for message in sent)


def test_filters_and_search_leave_what_is_like_that(page) -> None:
    everything = page.execute_script(CARDS)
    assert len(everything) == 6 and everything == page.execute_script(SECTIONS)
    page.find_element("css selector", "[data-only='does not hold']").click()
    assert page.execute_script(CARDS) == page.execute_script(SECTIONS) == ["does_not_hold"]
    page.find_element("css selector", "[data-only='']").click()
    search = page.find_element("css selector", "nav input")
    search.send_keys("SENTENCE matters")
    assert page.execute_script(CARDS) == ["no_difference_that_matters", "holds_only_when"]
    search.send_keys(" elephant")
    assert page.execute_script(CARDS) == [] and page.find_element("id", "none").is_displayed()


def test_a_card_leads_to_its_section_below_the_filters(page) -> None:
    page.find_element("css selector", ".card[href='#holds_only_when']").click()
    heading = page.find_element("css selector", "#holds_only_when h3")
    top = page.execute_script("return arguments[0].getBoundingClientRect().top", heading)
    bottom = page.execute_script("return document.querySelector('nav').getBoundingClientRect().bottom")
    assert bottom - 1 <= top < 1000


def test_the_command_is_copied_or_selected(page) -> None:
    page.find_element("css selector", "#holds [data-copies]").click()
    assert page.execute_script("return getSelection().toString().trim()").endswith("experiment=holds")


@pytest.mark.parametrize("width", [1100, 400])
def test_nothing_overlaps_or_runs_out(page, width) -> None:
    _resize(page, width)
    assert page.execute_script("return document.documentElement.scrollWidth") <= width
    assert page.execute_script(OVERLAPS) == []


def test_text_stands_out_from_the_paper(page, luminance) -> None:
    for text, ink, paper in page.execute_script(CONTRAST):
        light, dark = sorted((luminance(ink), luminance(paper)), reverse=True)
        assert (light + 0.05) / (dark + 0.05) > 4.5, f"{text}: WCAG's contrast"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_committed_page_and_its_picture(driver, scheme: str, save_picture) -> None:
    """The claims that this checkout was handed in with: docs/claims.html, by `make claims`."""
    feature = {"name": "prefers-color-scheme", "value": scheme}
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})
    _resize(driver, 1100)
    driver.get((DOCS / "claims.html").as_uri())
    assert len(driver.execute_script(CARDS)) >= 38 and driver.execute_script(OVERLAPS) == []
    assert save_picture(driver, DOCS / f"claims_{scheme}.png") < LARGEST
