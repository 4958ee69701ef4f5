"""The five numbers of an image by hand, and which images are told to be unlike a training set."""

import math

import numpy as np
import pytest
import torch

from cnnlab.datasets.digits import digits
from cnnlab.datasets.look import FEW, WIDER, looks, outside, ranges


def _by_hand(image: np.ndarray) -> dict[str, float]:
    """Pixel by pixel, of (C, H, W)."""
    c, h, w = image.shape
    cells = [(k, i, j) for k in range(c) for i in range(h) for j in range(w)]
    x = {cell: image[cell] / 255 for cell in cells}
    mean = sum(x.values()) / len(cells)
    std = math.sqrt(sum((value - mean) ** 2 for value in x.values()) / len(cells))
    edge = [x[k, i, j] for k, i, j in cells if i in (0, h - 1) or j in (0, w - 1)]
    right = [abs(x[k, i, j + 1] - x[k, i, j]) for k, i, j in cells if j + 1 < w]
    down = [abs(x[k, i + 1, j] - x[k, i, j]) for k, i, j in cells if i + 1 < h]
    found = {
        "brightness": mean,
        "border": sum(edge) / len(edge),
        "contrast": std,
        "roughness": (sum(right) / len(right) + sum(down) / len(down)) / 2 / std,
    }
    if c == 3:
        pixels = [[x[k, i, j] for k in range(3)] for i in range(h) for j in range(w)]
        found["colour"] = sum(max(pixel) - min(pixel) for pixel in pixels) / len(pixels)
    return found


@pytest.mark.parametrize("shape", [(1, 5, 7), (3, 6, 4)])
def test_the_numbers_are_those_by_hand(shape: tuple[int, int, int]) -> None:
    images = torch.randint(0, 256, (3, *shape), dtype=torch.uint8)
    found = looks(images)
    for at, image in enumerate(images.numpy()):
        expected = _by_hand(image)
        assert {name: values[at].item() for name, values in found.items()} == pytest.approx(expected, rel=1e-9)


def test_of_a_large_image_every_nth_pixel_is_looked_at() -> None:
    image = torch.randint(0, 256, (1, 1, 130, 20), dtype=torch.uint8)
    assert looks(image)["brightness"].item() == pytest.approx(_by_hand(image[0, :, ::3, ::3].numpy())["brightness"])


def test_a_range_is_that_of_the_images_and_somewhat_wider() -> None:
    """Of 100 images in one grey each, the tails of 0.05 % are between the two darkest and the two brightest."""
    greys = torch.arange(100, 200, dtype=torch.uint8).view(-1, 1, 1, 1).expand(-1, 1, 4, 4)
    low, high = ranges(greys)["brightness"]
    first, last = (100 + 99 * 0.0005) / 255, (199 - 99 * 0.0005) / 255
    wider = (WIDER + FEW / 10) * (last - first)
    assert (low, high) == pytest.approx((first - wider, last + wider))


@pytest.fixture(scope="module")
def usual() -> dict[str, tuple[float, float]]:
    return ranges(digits().train.images)


def test_of_its_own_test_images_hardly_one_is_called_unlike(usual) -> None:
    data = digits()
    for split in (data.validation, data.test):
        unlike = sum(bool(outside(image, usual)) for image in split.images)
        assert unlike / len(split) < 0.01


def test_its_negatives_and_even_pages_are_called_unlike(usual) -> None:
    images = digits().test.images
    assert all("border" in outside(255 - image, usual) for image in images)
    for grey in (0, 128, 255):
        assert "contrast" in outside(torch.full((1, 28, 28), grey, dtype=torch.uint8), usual)


def test_noise_is_rougher_and_the_farthest_number_comes_first(usual) -> None:
    noise = torch.randint(0, 256, (1, 28, 28), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    found = outside(noise, usual)
    assert "roughness" in found and found["roughness"] == pytest.approx(looks(noise[None])["roughness"].item())
    width = {name: high - low for name, (low, high) in usual.items()}
    far = [max(usual[name][0] - value, value - usual[name][1]) / width[name] for name, value in found.items()]
    assert far == sorted(far, reverse=True) and len(far) > 1


def test_a_number_without_a_range_is_not_compared() -> None:
    assert outside(torch.zeros(1, 4, 4, dtype=torch.uint8), {}) == {}
