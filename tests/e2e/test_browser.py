"""The dashboards in a real browser: what the pages show, and the pictures of them in docs/ (make screenshots)."""

import io
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from cnnlab.telemetry.by_depth import LOGARITHMIC, SECTION

DOCS = Path(__file__).resolve().parents[2] / "docs"
LARGEST = 300_000  # bytes of a picture in docs/
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), None)
DRIVER = shutil.which("chromedriver")

pytestmark = [
    pytest.mark.browser,
    pytest.mark.timeout(900),
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


def _train(*arguments: str) -> None:
    environment = {**os.environ, "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "1")}
    command = [sys.executable, "-m", "cnnlab.train", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, env=environment)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def one(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one run of the default network, which learned."""
    folder = tmp_path_factory.mktemp("one") / "outputs" / "runs"
    _train("trainer.epochs=10", "telemetry.every=10", f"hydra.run.dir={folder}/stacked3x3_he_digits_seed0")
    (results,) = folder.glob("*/results.json")
    assert json.loads(results.read_text())["test/accuracy"] > 0.9
    return folder


@pytest.fixture(scope="module")
def sweep(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight runs of 22 layers: four initializers, each with two activations."""
    folder = tmp_path_factory.mktemp("sweep") / "outputs" / "sweeps"
    fixed = {"model": "plain", "optimizer": "adamw", "trainer.max_steps": 200, "telemetry.every": 20}
    _train(
        *("-m", "init=zeros,normal,xavier,he", "model.activation=relu,tanh", f"hydra.sweep.dir={folder}"),
        *(f"{key}={value}" for key, value in fixed.items()),
        f"hydra.job.config.override_dirname.exclude_keys=[{','.join(fixed)}]",
    )
    return folder


class Server:
    """TensorBoard on a port of the loopback device that is free."""

    def __init__(self, folder: Path):
        short = f"{folder.parent.name}/{folder.name}"  # the page shows it
        arguments = ["--logdir", short, "--host", "127.0.0.1", "--port", "0", "--load_fast", "false"]
        command = [sys.executable, "-m", "tensorboard.main", *arguments]
        self.log = (folder.parent / "tensorboard.log").open("w+")
        self.process = subprocess.Popen(command, cwd=folder.parents[1], stdout=self.log, stderr=self.log)

    def __enter__(self) -> str:
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline and self.process.poll() is None:
            self.log.seek(0)
            if found := re.search(r"http://127\.0\.0\.1:\d+", self.log.read()):
                return found.group()
            time.sleep(0.2)
        self.__exit__()
        raise AssertionError("TensorBoard did not say where it listens")

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        self.process.wait(timeout=30)
        self.log.close()


class Page:
    """What the browser shows, with shadow roots looked into."""

    def __init__(self, driver):
        self.driver = driver

    def widen_the_list_of_runs(self, url: str, percent: int) -> None:
        """As with the mouse; TensorBoard keeps it in the browser."""
        self.driver.get(url)
        self.driver.execute_script(
            "localStorage.setItem('_tb_global_settings', JSON.stringify({sideBarWidthInPercent: arguments[0]}))",
            percent,
        )

    def open(self, url: str, *awaited: str, width: int = 1400, height: int = 900) -> str:
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

    def text(self) -> str:
        return self.driver.execute_script(TEXT)

    def visible(self, selector: str) -> list:
        return self.driver.execute_script(FIND, selector)

    def save(self, name: str, left: int = 0, top: int = 0, right: int = 1400, bottom: int = 900) -> None:
        """Crop what is shown to docs/`name`."""
        shown = Image.open(io.BytesIO(self.driver.get_screenshot_as_png())).convert("RGB")
        path = DOCS / name
        shown.crop((left, top, min(right, shown.width), min(bottom, shown.height))).save(path, optimize=True)
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


def _names(sweep: Path) -> list[str]:
    names = [path.name for path in sweep.iterdir() if path.is_dir()]
    assert len(names) == 8
    return names


def test_the_first_page_opens_on_accuracy_and_loss(page: Page, one_url: str) -> None:
    text = page.open(one_url, "Accuracy/train", "Loss/validation", height=1300)
    order = [text.index(tag) for tag in ("Accuracy/train", "Accuracy/validation", "Loss/train", "Loss/validation")]
    assert order == sorted(order)
    assert len(page.visible("card-view")) == 4, "the other sections are folded"
    page.save("dashboard_timeseries.png", right=1144, bottom=1300)


def test_the_linked_view_shows_signal_and_gradient_against_depth(page: Page, one_url: str) -> None:
    shown = f"{LOGARITHMIC}/gradient_std_log10@init", "/theory"
    text = page.open(f"{one_url}/?tagFilter=log10&smoothing=0#timeseries", *shown)
    assert "4 cards" in text and len(page.visible("line-chart")) == 4
    text = page.open(f"{one_url}/?tagFilter=by_depth&smoothing=0#timeseries", f"{SECTION}/activation_dead@init")
    assert len(page.visible("card-view")) > 4


def test_what_the_axis_of_a_chart_is_stands_over_it(page: Page, one_url: str) -> None:
    text = page.open(f"{one_url}/#scalars", SECTION, LOGARITHMIC, height=1500)
    assert "by_depth" in text


def test_custom_scalars_hold_learning_and_the_band_of_theory(page: Page, one_url: str) -> None:
    text = page.open(f"{one_url}/#custom_scalars", "Learning", "band of theory", "Matches (1)", height=1000)
    assert "do not match" not in text and "Matches (0)" not in text
    assert len(page.visible("vz-line-chart2, vz-line-chart")) >= 4
    page.save("dashboard_layers.png", left=0, top=64, right=1100, bottom=860)


def test_images_show_heat_maps_kernels_maps_mistakes_and_theory(page: Page, one_url: str) -> None:
    text = page.open(f"{one_url}/#images", "pictures/first_kernels", "pictures/by_depth", height=3300)
    assert "mistakes/confusion" in text and "pictures/maps/" in text and "pictures/all_layers/gradient_std" in text
    images = page.visible("img")
    assert len(images) > 4
    assert all(page.driver.execute_script("return arguments[0].naturalWidth", image) > 0 for image in images)
    assert {page.driver.execute_script("return arguments[0].width", image) for image in images} == {350}, "as drawn"
    page.save("dashboard_pictures.png", left=350, top=64, right=1110, bottom=2560)


def test_histograms_have_a_card_per_layer(page: Page, one_url: str) -> None:
    page.open(f"{one_url}/#histograms", "histogram/activation/01_block1.conv1")
    assert len(page.visible("vz-histogram-timeseries")) >= 4


def test_a_sweep_has_a_curve_per_run_against_depth(page: Page, sweep_url: str, sweep: Path) -> None:
    url = f"{sweep_url}/?tagFilter=log10&smoothing=0#timeseries"
    page.widen_the_list_of_runs(sweep_url, 24)
    text = page.open(url, f"{LOGARITHMIC}/gradient_std_log10@init", *_names(sweep), width=1536, height=1080)
    assert "4 cards" in text and len(page.visible("line-chart")) == 4
    page.save("dashboard_sweep_depth.png", right=1280, bottom=1080)


def test_a_sweep_has_a_row_per_run_with_what_it_varies(page: Page, sweep_url: str, sweep: Path) -> None:
    text = page.open(f"{sweep_url}/#hparams", "test accuracy", "tanh", *_names(sweep))
    assert "trainer.max_steps" not in text and text.count(" xavier ") >= 2
    heads = {cell.text: cell.rect for cell in page.visible(".table-header")}
    inside = [name for name, rect in heads.items() if rect["x"] + rect["width"] <= 1400]
    assert {"init", "model.activation", "test accuracy", "test loss", "validation accuracy"} <= set(inside)
    page.save("dashboard_hparams.png", bottom=500)


def test_the_custom_scalars_of_a_sweep_have_a_curve_per_run(page: Page, sweep_url: str) -> None:
    text = page.open(f"{sweep_url}/#custom_scalars", "one curve per run", "Matches (8)", height=1300)
    assert "do not match" not in text and "Matches (0)" not in text
    page.save("dashboard_sweep_curves.png", top=64, right=1100, bottom=1170)


def test_the_diagnosis_is_a_text_of_the_run(page: Page, sweep_url: str) -> None:
    text = page.open(f"{sweep_url}/#text&regexInput=normal.*relu", "Vanishing forward.", "Likely cause")
    assert "init=he" in text and "init=xavier" not in text  # what to try, and no other run
    page.save("dashboard_diagnosis.png", top=64, bottom=640)
