"""Each change against the slow way to do it."""

import math

import pytest
import torch
from torch import Tensor

from cnnlab.evaluation.transforms import background, permutation, permute, rotate, shift, squash, variants


@pytest.fixture
def images() -> Tensor:
    return torch.randn(3, 2, 7, 9, generator=torch.Generator().manual_seed(0))


def naive_background(picture: Tensor) -> float:
    h, w = picture.shape
    ring = sorted(float(picture[i, j]) for i in range(h) for j in range(w) if i in (0, h - 1) or j in (0, w - 1))
    return ring[(len(ring) - 1) // 2]


def naive_warp(images: Tensor, source) -> Tensor:
    """Pixel by pixel: `source(row, column)` from the centre says where to read, bilinear, background outside."""
    n, c, h, w = images.shape
    result = torch.zeros_like(images)
    for a in range(n):
        for b in range(c):
            picture, behind = images[a, b], naive_background(images[a, b])

            def at(i: int, j: int, picture: Tensor = picture, behind: float = behind) -> float:
                return float(picture[i, j]) if 0 <= i < h and 0 <= j < w else behind

            for i in range(h):
                for j in range(w):
                    y, x = source(i - (h - 1) / 2, j - (w - 1) / 2)
                    y, x = y + (h - 1) / 2, x + (w - 1) / 2
                    y0, x0 = math.floor(y), math.floor(x)
                    dy, dx = y - y0, x - x0
                    result[a, b, i, j] = (
                        (1 - dy) * (1 - dx) * at(y0, x0)
                        + (1 - dy) * dx * at(y0, x0 + 1)
                        + dy * (1 - dx) * at(y0 + 1, x0)
                        + dy * dx * at(y0 + 1, x0 + 1)
                    )
    return result


def test_background_is_the_median_of_the_border(images: Tensor) -> None:
    expected = [[naive_background(picture) for picture in image] for image in images]
    torch.testing.assert_close(background(images)[..., 0, 0], torch.tensor(expected))


@pytest.mark.parametrize(("down", "right"), [(0, 0), (1, 0), (-2, 0), (0, 3), (0, -8), (-6, 5)])
def test_shift_against_the_naive_one(images: Tensor, down: int, right: int) -> None:
    expected = naive_warp(images, lambda y, x: (y - down, x - right))
    torch.testing.assert_close(shift(images, down, right), expected, atol=1e-6, rtol=1e-6)


@pytest.mark.parametrize("degrees", [10.0, -30.0, 90.0, 180.0])
def test_rotation_against_the_naive_one(images: Tensor, degrees: float) -> None:
    t = math.radians(degrees)
    # Anticlockwise on a screen, whose rows count downwards: the source lies clockwise of the target.
    expected = naive_warp(images, lambda y, x: (y * math.cos(t) + x * math.sin(t), x * math.cos(t) - y * math.sin(t)))
    torch.testing.assert_close(rotate(images, degrees), expected, atol=2e-5, rtol=1e-4)


def test_a_quarter_turn_is_rot90_and_right_undoes_left() -> None:
    images = torch.randn(2, 3, 8, 8)
    torch.testing.assert_close(rotate(images, 90), torch.rot90(images, 1, (2, 3)), atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(rotate(rotate(images, 90), -90), images, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize(("height", "width"), [(0.5, 1.0), (1.0, 0.75), (0.9, 0.6)])
def test_squash_against_the_naive_one(images: Tensor, height: float, width: float) -> None:
    expected = naive_warp(images, lambda y, x: (y / height, x / width))
    torch.testing.assert_close(squash(images, height, width), expected, atol=1e-5, rtol=1e-4)


def test_variants_name_every_direction() -> None:
    found = [(v.kind, v.amount, v.words) for v in variants([2], [30], [0.5])]
    assert found == [
        ("shift", 2, "2 px up"),
        ("shift", 2, "2 px down"),
        ("shift", 2, "2 px left"),
        ("shift", 2, "2 px right"),
        ("rotation", 30, "30° left"),
        ("rotation", 30, "30° right"),
        ("squash", 0.5, "height x 0.5"),
        ("squash", 0.5, "width x 0.5"),
    ]


def test_variants_do_what_they_say() -> None:
    spot = torch.zeros(1, 1, 9, 9)
    spot[..., 4, 4] = 1
    moved = {v.words: v.change(spot)[0, 0].argmax().item() for v in variants([3])}
    assert {words: divmod(int(at), 9) for words, at in moved.items()} == {
        "3 px up": (1, 4),
        "3 px down": (7, 4),
        "3 px left": (4, 1),
        "3 px right": (4, 7),
    }


def test_a_permutation_moves_every_pixel_of_all_images_and_channels_alike(images: Tensor) -> None:
    changed = permute(images)
    h, w = images.shape[-2:]
    place = {float(v): i for i, v in enumerate(images[0, 0].flatten())}
    order = [place[float(v)] for v in changed[0, 0].flatten()]
    assert sorted(order) == list(range(h * w)) and sum(i == j for i, j in enumerate(order)) < h * w / 4
    for a in range(len(images)):
        for b in range(images.shape[1]):
            for i, source in enumerate(order):
                assert changed[a, b, i // w, i % w] == images[a, b, source // w, source % w]


def test_the_permutation_is_fixed_and_has_no_amount(images: Tensor) -> None:
    first = permute(images)
    torch.manual_seed(5)
    assert torch.equal(permutation().change(images[1:]), first[1:]) and permutation().name == "permute"
    assert {v.name for v in variants([2], [10], [0.5])} == {"shift=2", "rotation=10", "squash=0.5"}
