"""What the tests of the two clusters share, and those of pages in a browser."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

SMALL = ["dataset.size=12", "model.channels=[4,8]", "model.convs_per_block=1", "trainer.max_steps=30"]
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), None)
DRIVER = shutil.which("chromedriver")


@pytest.fixture
def cluster_sweep(tmp_path) -> Callable[..., list[str]]:
    """The command of a sweep of small runs, to be typed in tmp_path, into the folder `sweep`."""
    return lambda *arguments: [sys.executable, "-m", "cnnlab.train", "-m", *arguments, *SMALL, "hydra.sweep.dir=sweep"]


@pytest.fixture
def stalling(tmp_path) -> Callable[[int], list[str]]:
    """`stalling(times)`: what adds the data set `stalls`, whose first `times` attempts hang, to a command."""
    (tmp_path / "mine" / "dataset").mkdir(parents=True)
    (tmp_path / "counter").mkdir()
    shutil.copy(Path(__file__).with_name("stalls.py"), tmp_path / "mine")

    def stalling(times: int) -> list[str]:
        settings = f"{{_target_: stalls.stalls, counter: {tmp_path / 'counter'}, times: {times}, size: 12}}\n"
        (tmp_path / "mine" / "dataset" / "stalls.yaml").write_text(settings)
        return ["--config-dir", "mine", "dataset=digits,stalls"]

    return stalling


@pytest.fixture
def same_as_alone(tmp_path) -> Callable[[Path, int], None]:
    """`same_as_alone(folder, seed)`: a job's numbers are those of the single run, bit for bit, but for times."""

    def numbers(folder: Path) -> dict[str, Any]:
        results = json.loads((folder / "results.json").read_text())
        return {key: value for key, value in results.items() if not key.startswith(("time/", "telemetry/"))}

    def same_as_alone(folder: Path, seed: int) -> None:
        command = [sys.executable, "-m", "cnnlab.train", *SMALL, f"seed={seed}", "hydra.run.dir=alone"]
        one_thread = os.environ | {"OMP_NUM_THREADS": "1"}
        subprocess.run(command, env=one_thread, cwd=tmp_path, check=True, capture_output=True, timeout=120)
        assert numbers(folder) == numbers(tmp_path / "alone") and "test/loss" in numbers(folder)

    return same_as_alone


@pytest.fixture
def save_picture() -> Callable[[Any, Path], int]:
    """`save_picture(page, path)`: what the browser shows; returns the bytes of the file."""

    def save_picture(page: Any, path: Path) -> int:
        from PIL import Image

        page.save_screenshot(str(path))
        with Image.open(path) as picture:
            picture.convert("RGB").save(path, optimize=True)  # in all colours: arms are told apart by them
        return path.stat().st_size

    return save_picture


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Iterator:
    """A browser that reaches nothing but files."""
    if CHROMIUM is None or DRIVER is None:
        pytest.skip("needs chromium and chromedriver on the PATH")
    webdriver = pytest.importorskip("selenium.webdriver", reason="needs selenium: pip install 'cnnlab[browser]'")
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for argument in (
        *("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars"),
        *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
        "--host-resolver-rules=MAP * ~NOTFOUND",  # no name has an address
        f"--user-data-dir={tmp_path_factory.mktemp('profile')}",
    ):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(executable_path=DRIVER))
    try:
        yield driver
    finally:
        driver.quit()


@pytest.fixture(scope="session")
def luminance() -> Callable[[str], float]:
    return _luminance


def _luminance(colour: str) -> float:
    """Relative luminance of `rgb(r, g, b)`, as WCAG 2 defines it."""
    parts = [int(part) / 255 for part in colour[colour.index("(") + 1 : -1].split(",")[:3]]
    red, green, blue = (p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
