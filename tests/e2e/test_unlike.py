"""How often predict calls a picture unlike the training images: of their own test images, and of others, as files.

Printed by `python -m pytest -m "slow or not slow" -s tests/e2e/test_unlike.py` (CNNLAB_DATA=folder), in November 2026:

| called unlike, of 1,000 files, of digits 359 | digits | MNIST | CIFAR-10 |
| --- | --- | --- | --- |
| own test images | 0.0 % | 0.0 % | 0.1 % |
| their negatives | 100 % | 100 % | 0.1 % |
| white, black, grey and grainy pages | 100 % | 100 % | 100 % |
| photographs of CIFAR-10 | 98.9 % | 99.9 % | |
| MNIST | 100 % | | 0.0 % |

A photograph may be as bright or dark as any, so that a network for photographs cannot tell their negatives by this.
"""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from cnnlab.datasets.base import ImageSet
from cnnlab.datasets.digits import digits
from cnnlab.datasets.folder import image_folder
from cnnlab.datasets.look import ranges
from cnnlab.datasets.pictures import scene
from cnnlab.datasets.torchvision import mnist
from cnnlab.inference.prepare import prepare

ROOT = Path(__file__).resolve().parents[2]
MOST = 1000


def _files(images: Tensor, folder: Path) -> list[Path]:
    """As PNG files; uint8 (N, C, H, W)."""
    folder.mkdir(parents=True)
    paths = [folder / f"{i}.png" for i in range(len(images))]
    for path, image in zip(paths, images, strict=True):
        Image.fromarray(image.permute(1, 2, 0).squeeze(-1).numpy()).save(path)
    return paths


def _unlike(data: ImageSet, what: str, files: list[Path], invert: bool = False) -> float:
    """Share of the files that are called unlike the training images of `data`."""
    look = ranges(data.train.images)
    found = sum(bool(prepare(file, data.shape, look, invert).unlike) for file in files) / len(files)
    print(f"{data.name}: {what}: {100 * found:.2f} % of {len(files):,}")
    return found


def _even(folder: Path) -> list[Path]:
    """Pages of one colour, and white paper as a camera sees it, with grain."""
    grain = np.random.default_rng(0).normal(245, 2, (300, 200)).clip(0, 255).astype(np.uint8)
    pictures = [Image.new("RGB", (300, 200), colour) for colour in ("white", "black", "grey")]
    for i, picture in enumerate([*pictures, Image.fromarray(grain)]):
        picture.save(folder / f"even{i}.png")
    return sorted(folder.glob("even*.png"))


def test_of_the_digits_own_test_images_hardly_one_and_of_others_nearly_all(tmp_path: Path) -> None:
    data = digits()
    own = _files(data.test.images, tmp_path / "own")
    assert _unlike(data, "its test images", own) < 0.01
    assert _unlike(data, "its test images, enlarged", _files(digits(size=112).test.images, tmp_path / "large")) < 0.01
    assert _unlike(data, "their negatives", own, invert=True) == 1
    assert _unlike(data, "even pages", _even(tmp_path)) == 1
    pictures = [path for path in (ROOT / "docs").glob("*.png") if path.name != "seven.png"]
    assert _unlike(data, "the figures of docs/", pictures) == 1
    assert _unlike(data, "the drawn house", _files(scene()[None], tmp_path / "scene")) == 1
    assert _unlike(data, "docs/seven.png", [ROOT / "docs" / "seven.png"]) == 0


def test_the_seven_of_the_docs_is_a_test_image() -> None:
    with Image.open(ROOT / "docs" / "seven.png") as picture:
        pixels = torch.from_numpy(np.asarray(picture).copy())
    large = digits(size=112).test
    (place,) = [i for i, image in enumerate(large.images) if torch.equal(image[0], pixels)]
    assert int(large.labels[place]) == 7


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_of_real_images(tmp_path: Path, real_data: Path) -> None:
    strokes, photos = mnist(str(real_data)), image_folder(str(real_data / "cifar10-jpeg"), size=32)
    numbers = digits()
    jpegs = sorted((real_data / "cifar10-jpeg" / "test").rglob("*.*"))
    jpegs = jpegs[:: len(jpegs) // MOST][:MOST]
    pngs = _files(strokes.test.images[:MOST], tmp_path / "mnist")
    even = _even(tmp_path)
    assert _unlike(strokes, "its test images", pngs) < 0.01 and _unlike(photos, "its test images", jpegs) < 0.01
    assert _unlike(strokes, "their negatives", pngs, invert=True) > 0.99
    assert _unlike(strokes, "even pages", even) == _unlike(photos, "even pages", even) == 1
    assert _unlike(strokes, "photographs (CIFAR-10)", jpegs) > 0.95
    assert _unlike(numbers, "photographs (CIFAR-10)", jpegs) > 0.95
    assert _unlike(numbers, "MNIST", pngs) > 0.95
    _unlike(photos, "their negatives", jpegs, invert=True)
    _unlike(photos, "MNIST", pngs)
