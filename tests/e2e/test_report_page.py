"""The report's page in a real browser: hovering, hiding an arm, dark and light; and its picture in docs/."""

import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

DOCS = Path(__file__).resolve().parents[2] / "docs"
LARGEST = 300_000  # bytes of a picture in docs/

pytestmark = [pytest.mark.browser, pytest.mark.timeout(900)]

# What is shown of an arm, and the colours of text on paper.
SHOWN = """
const parts = [...document.querySelectorAll(`[data-arm='${arguments[0]}']`)];
return parts.filter(part => part.getClientRects().length).length;
"""
COLOURS = """
const text = getComputedStyle(document.querySelector(arguments[0]));
return [text.fill === 'rgb(0, 0, 0)' ? text.color : text.fill, getComputedStyle(document.body).backgroundColor];
"""


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of the sweep on top of the README."""
    folder = tmp_path_factory.mktemp("sweeps")
    (sweep,) = re.findall(r'make train ARGS="(-m .*)"', (DOCS.parent / "README.md").read_text())
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "cnnlab.train", *sweep.split()]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=850, env=environment)
    assert done.returncode == 0, done.stderr
    (report,) = folder.glob("outputs/sweeps/*/report.html")
    (report.parent / "printed.txt").write_text(done.stdout)
    return report


def test_the_sweep_ends_as_the_readme_shows(report) -> None:
    """But for the numbers' digits, which are of the machine; the same words, in the same order."""
    readme = (DOCS.parent / "README.md").read_text()
    (block,) = re.findall(r"It ends with:\n\n```text\n(he beats.*?)```", readme, re.DOTALL)
    printed = _words((report.parent / "printed.txt").read_text())
    assert all(part in printed for part in _words(block).split(" ... "))


def _words(text: str) -> str:
    return " ".join(re.sub(r"[\d.]+", "#", text.replace("...", " … ")).split()).replace("…", "...")


@pytest.fixture(params=["light", "dark"])
def page(driver, report: Path, request: pytest.FixtureRequest):
    """The open page, on light or dark paper."""
    scheme = {"features": [{"name": "prefers-color-scheme", "value": request.param}]}
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", scheme)
    size = {"width": 1100, "height": 1250, "deviceScaleFactor": 1, "mobile": False}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    driver.get_log("performance")  # what the browser's own first page fetched
    driver.get(report.as_uri())
    while driver.execute_script("return document.readyState") != "complete":
        time.sleep(0.1)
    driver.scheme = request.param
    return driver


def test_nothing_fails_and_nothing_is_fetched(page) -> None:
    assert not [entry["message"] for entry in page.get_log("browser") if entry["level"] == "SEVERE"]
    sent = [e["message"] for e in page.get_log("performance") if "Network.requestWillBeSent" in e["message"]]
    sent = [message for message in sent if '"documentURL":"chrome://' not in message]  # of the browser's own first page
    assert sent and all('"url":"file:' in message or '"url":"data:' in message for message in sent)


def test_text_stands_out_from_the_paper(page, luminance) -> None:
    for selector in ("h1", "td", "svg text", "figcaption"):
        text, paper = (luminance(colour) for colour in page.execute_script(COLOURS, selector))
        light, dark = max(text, paper), min(text, paper)
        assert (light + 0.05) / (dark + 0.05) > 4.5, f"{selector}, {page.scheme}: WCAG's contrast"
        assert (paper > 0.5) == (page.scheme == "light")


def test_a_click_hides_an_arm_in_all_figures_and_another_shows_it(page) -> None:
    before = [page.execute_script(SHOWN, arm) for arm in (0, 1)]
    button = page.find_element("css selector", "[data-hides='0']")
    button.click()
    assert [page.execute_script(SHOWN, arm) for arm in (0, 1)] == [0, before[1]] and before[0] > 20
    button.click()
    assert [page.execute_script(SHOWN, arm) for arm in (0, 1)] == before


def test_hovering_tells_the_run(page) -> None:
    from selenium.webdriver import ActionChains

    dot = page.find_element("css selector", "[data-tip*='seed 3']")
    ActionChains(page).move_to_element(dot).perform()
    tip = page.find_element("id", "tip")
    assert tip.is_displayed() and "seed 3" in tip.text and "%" in tip.text
    ActionChains(page).move_to_element(page.find_element("css selector", "h1")).perform()
    assert not tip.is_displayed()


def test_it_is_no_wider_than_a_narrow_window(page) -> None:
    page.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride", {"width": 500, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    )
    assert page.execute_script("return document.documentElement.scrollWidth") <= 500


def test_its_picture(page, save_picture) -> None:
    assert save_picture(page, DOCS / f"report_{page.scheme}.png") < LARGEST
