"""The dashboards in a real browser: what the pages show, and the pictures of them in docs/ (make pictures)."""

import io
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from PIL import Image

from cnnlab.telemetry.by_depth import LOGARITHMIC

DOCS = Path(__file__).resolve().parents[2] / "docs"
LARGEST = 300_000  # bytes of a picture in docs/
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), None)
DRIVER = shutil.which("chromedriver")

pytestmark = [
    pytest.mark.browser,
    pytest.mark.timeout(1900),
    pytest.mark.skipif(CHROMIUM is None or DRIVER is None, reason="needs chromium and chromedriver on the PATH"),
]

# TensorBoard is part Angular, part Polymer with shadow roots, into which a plain innerText does not look.
TEXT = """
const words = [];
(function walk(node) {
  if (node.nodeType === Node.TEXT_NODE && node.textContent.trim()) words.push(node.textContent.trim());
  if (node.shadowRoot) walk(node.shadowRoot);
  if (!['STYLE', 'SCRIPT', 'TEMPLATE', 'DOM-MODULE'].includes(node.nodeName)) node.childNodes.forEach(walk);
})(document.body);
return words.join(' ').replaceAll(' /', '/');
"""
FIND = """
const found = [], selector = arguments[0];
(function walk(node) {
  if (node.nodeType === Node.ELEMENT_NODE && node.matches(selector) && node.getClientRects().length) found.push(node);
  if (node.shadowRoot) walk(node.shadowRoot);
  node.childNodes.forEach(walk);
})(document.body);
return found;
"""


README = (DOCS.parent / "README.md").read_text()
SECTION = README[README.index("## Dashboards that answer") :].partition("\n## ")[0]
SWEEP, ONE = (
    next(line for line in block.splitlines() if ".train " in line)
    for block in re.findall(r"```bash\n(.*?)```", SECTION, re.DOTALL)
)
SIZES = ((1366, 768), (1024, 768))


def _type(command: str, folder: Path) -> Path:
    """The README's command, typed in `folder`."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    words = [sys.executable, *command.split()[1:]]
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, timeout=1800, env=environment)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="module")
def one(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _type(ONE, tmp_path_factory.mktemp("one"))


@pytest.fixture(scope="module")
def sweep(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _type(SWEEP, tmp_path_factory.mktemp("sweep"))


class Server:
    """`python -m cnnlab.dashboard`, typed in `folder`, on a port that is free."""

    def __init__(self, folder: Path):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        command = [sys.executable, "-m", "cnnlab.dashboard", "open=false", f"port={port}"]
        self.process = subprocess.Popen(
            command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )

    def __enter__(self) -> str:
        assert self.process.stdout is not None
        said = self.process.stdout.readline() + self.process.stdout.readline()
        found = re.search(r"http://127\.0\.0\.1:\d+", said)
        assert found, said
        return found.group()

    def __exit__(self, *_: object) -> None:
        self.process.send_signal(signal.SIGINT)
        assert self.process.wait(timeout=30) == 0
        self.process.stdout.close()  # type: ignore[union-attr]


class Page:
    """What the browser shows, with shadow roots looked into."""

    def __init__(self, driver):
        self.driver = driver

    def open(self, url: str, *awaited: str, width: int = 1366, height: int = 768) -> str:
        """The page's text as soon as it says everything that is `awaited` and nothing is drawn any more."""
        from selenium.webdriver.support.ui import WebDriverWait

        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        self.driver.get("about:blank")  # a change after the # alone would not load the page again
        self.driver.get(url)
        wait = WebDriverWait(self.driver, 60, poll_frequency=0.5)
        wait.until(lambda _: all(words in self.text() for words in awaited), f"{url} does not say {awaited}")
        last = b""

        def still(_: object) -> bool:
            nonlocal last
            before, last = last, self.driver.get_screenshot_as_png()
            return before == last

        wait.until(still, f"{url} does not come to rest")
        severe = [entry["message"] for entry in self.driver.get_log("browser") if entry["level"] == "SEVERE"]
        assert not [message for message in severe if "favicon" not in message]
        return self.text()

    @contextmanager
    def report(self) -> Iterator[None]:
        """Inside the tab's frame, where its links can be found."""
        self.driver.switch_to.frame(self.driver.find_element("css selector", "iframe"))
        try:
            yield
        finally:
            self.driver.switch_to.default_content()

    def follow(self, url: str, link: str, *awaited: str, width: int = 1366, height: int = 768) -> str:
        """From the report to where the link leads; the text there."""
        self.open(url, width=width, height=height)
        with self.report():
            (found,) = [a for a in self.driver.find_elements("css selector", ".links a") if a.text == link]
            address = found.get_attribute("href")
        return self.open(address, *awaited, width=width, height=height)

    def text(self) -> str:
        return self.driver.execute_script(TEXT)

    def visible(self, selector: str) -> list:
        return self.driver.execute_script(FIND, selector)

    def save(self, name: str) -> None:
        """What is shown as docs/`name`."""
        path = DOCS / name
        shown = Image.open(io.BytesIO(self.driver.get_screenshot_as_png())).convert("RGB")
        shown.save(path, optimize=True)  # in all colours: arms are told apart by them
        assert path.stat().st_size < LARGEST


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    webdriver = pytest.importorskip("selenium.webdriver", reason="needs selenium: pip install 'cnnlab[browser]'")
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for argument in (
        *("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars"),
        *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
        # Nothing but this machine has an address.
        "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
        f"--user-data-dir={tmp_path_factory.mktemp('profile')}",
    ):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(executable_path=DRIVER))
    try:
        yield Page(driver)
    finally:
        driver.quit()


@pytest.fixture(scope="module")
def one_url(one: Path) -> Iterator[str]:
    with Server(one) as url:
        yield url


@pytest.fixture(scope="module")
def sweep_url(sweep: Path) -> Iterator[str]:
    with Server(sweep) as url:
        yield url


def _lowest(page: Page, words: str) -> float:
    """Of the element of the report that has these words, its lower edge in pixels from the window's top."""
    script = "return [...document.querySelectorAll('h1, h2, td, th')].filter(e => e.textContent.includes(arguments[0]))"
    with page.report():
        found = page.driver.execute_script(f"{script}.map(e => e.getBoundingClientRect().bottom)", words)
    frame = page.driver.find_element("css selector", "iframe").rect["y"]
    return frame + min(found)


@pytest.mark.parametrize("size", SIZES)
def test_a_sweep_opens_on_its_answer(page: Page, sweep_url: str, size: tuple[int, int]) -> None:
    page.open(sweep_url, width=size[0], height=size[1])
    with page.report():
        text = page.driver.find_element("css selector", "main").text
    assert re.search("has the highest mean test accuracy|beats", text)
    for words in ("highest mean test accuracy", "he, kernel_size=3", "zeros, kernel_size=5"):
        assert _lowest(page, words) < size[1], f"{words} is not in the window"
    if size == SIZES[0]:
        page.save("dashboard_sweep.png")


@pytest.mark.parametrize("size", SIZES)
def test_why_is_one_click_further(page: Page, sweep_url: str, size: tuple[int, int]) -> None:
    link = "signal and gradient against depth, mean of each arm"
    text = page.follow(sweep_url, link, f"{LOGARITHMIC}/activation_std_log10@init", width=size[0], height=size[1])
    assert "mean of he, kernel_size=3" in text and "seed=" not in text, "means alone"
    assert "6 cards" in text and len(page.visible("line-chart")) >= 2, "two statistics, twice, and theory"
    if size == SIZES[0]:
        page.save("dashboard_sweep_depth.png")


def test_every_run_is_named_by_what_it_differs_in(page: Page, sweep_url: str) -> None:
    text = page.follow(sweep_url, "learning curves, every run", "Accuracy/validation", "Loss/validation")
    assert "init=he,model.kernel_size=3,seed=0" in text and "optimizer=" not in text and "max_steps=" not in text
    charts = [chart.rect for chart in page.visible("line-chart")[:2]]
    assert all(chart["y"] + chart["height"] < 768 for chart in charts), "both are in the window"


def test_a_row_per_run_has_what_is_swept_and_the_test_accuracy(page: Page, sweep_url: str) -> None:
    text = page.follow(sweep_url, "a row per run: settings and results", "test accuracy", "xavier")
    assert "trainer.max_steps" not in text
    heads = {cell.text: cell.rect for cell in page.visible(".table-header")}
    inside = {name for name, rect in heads.items() if rect["x"] + rect["width"] <= 1366}
    assert {"init", "model.kernel_size", "seed", "test accuracy"} <= inside


def test_the_diagnosis_of_every_run_is_text(page: Page, sweep_url: str) -> None:
    text = page.follow(sweep_url, "diagnosis", "Likely cause")
    assert "diagnosis" in text and "Try" in text


@pytest.mark.parametrize("size", SIZES)
def test_one_run_opens_on_why_it_does_not_learn(page: Page, one_url: str, size: tuple[int, int]) -> None:
    page.open(one_url, width=size[0], height=size[1])
    for words in ("This run: ", "Vanishing forward", "init=xavier", "init=he"):
        assert _lowest(page, words) < size[1], f"{words} is not in the window"
    if size == SIZES[0]:
        page.save("dashboard_run.png")


def test_one_run_against_depth(page: Page, one_url: str) -> None:
    text = page.follow(one_url, "signal and gradient against depth", f"{LOGARITHMIC}/gradient_std_log10@init")
    assert "4 cards" in text


def test_custom_scalars_hold_layers_and_the_band_of_theory(page: Page, one_url: str) -> None:
    text = page.follow(one_url, "in the band of theory", "Learning", "band of theory", "Matches (1)")
    assert "do not match" not in text and "Matches (0)" not in text


def test_images_show_kernels_maps_mistakes_and_theory(page: Page, one_url: str) -> None:
    text = page.follow(one_url, "pictures", "pictures/by_depth", "mistakes/confusion", height=1500)
    images = page.visible("img")
    assert len(images) > 4 and "pictures/all_layers/activation_std" in text
    assert all(page.driver.execute_script("return arguments[0].naturalWidth", image) > 0 for image in images)


def test_heat_maps_of_every_layer_at_every_step_are_one_click_away(page: Page, one_url: str) -> None:
    text = page.follow(one_url, "every layer at every step", "pictures/all_layers/gradient_std", height=900)
    assert text.index("pictures/all_layers/activation_dead") < text.index("mistakes/confusion"), "the first group"
    assert len(page.visible("img")) >= 5
    page.save("dashboard_pictures.png")


def test_histograms_have_a_card_per_layer(page: Page, one_url: str) -> None:
    page.open(f"{one_url}/#histograms", "histogram/activation/01_block1.conv1")
    assert len(page.visible("vz-histogram-timeseries")) >= 4


def test_the_list_of_all_runs_opens(page: Page, one: Path) -> None:
    with Server(one) as url:
        page.open(f"{url}/#timeseries", "Loss/train")
        assert "xavier" in page.text()
