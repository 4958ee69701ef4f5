"""No figure lets one text cover another or run out of the picture; what they show is counted."""

from itertools import combinations
from pathlib import Path

import pytest
import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.transforms import Bbox
from PIL import Image
from torch import nn

from cnnlab.datasets.pictures import scene, smiley
from cnnlab.inference.follow import follow
from cnnlab.networks.convnet import ConvNet
from cnnlab.networks.filters import name_filters
from cnnlab.networks.kernels import CLASSICAL, MOUTH_CORNER, Kernel
from cnnlab.views.filters_figure import filters_figure, filters_table
from cnnlab.views.journey_figure import follow_figure, step_images
from cnnlab.views.kernel_figure import kernels_figure
from cnnlab.views.panels import save
from cnnlab.views.probabilities import probabilities_figure, variants_figure

DIGITS = tuple("0123456789")
LONG = ("aeroplane with a very long name", "b", "coach", "dog")


def check_texts(figure: Figure) -> list[str]:
    """All texts; fails where two boxes share more than a hair, or one leaves the figure."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    boxes: list[tuple[str, Bbox]] = []
    for artist in figure.findobj(Text):
        assert isinstance(artist, Text)
        if artist.get_text().strip() and artist.get_visible():
            boxes.append((artist.get_text(), artist.get_window_extent(canvas.get_renderer())))
    for text, box in boxes:
        assert box.x0 >= -1 and box.y0 >= -1, f"{text!r} leaves the figure"
        assert box.x1 <= figure.bbox.x1 + 1 and box.y1 <= figure.bbox.y1 + 1, f"{text!r} leaves the figure"
    for (a, first), (b, second) in combinations(boxes, 2):
        shared = Bbox.intersection(first, second)
        assert shared is None or min(shared.width, shared.height) < 2, f"{a!r} covers {b!r}"
    return [text for text, _ in boxes]


def test_all_kernels_on_the_scene(tmp_path: Path) -> None:
    texts = check_texts(kernels_figure(scene(), CLASSICAL, "edge"))
    assert "sobel x" in texts and "divided by 16" in texts and texts.count("-4") == 1
    path = save(kernels_figure(scene(), {"identity": CLASSICAL["identity"]}, "valid"), tmp_path / "deep" / "k.png")
    with Image.open(path) as picture:
        assert picture.format == "PNG"


def test_the_smiley_shows_its_numbers() -> None:
    texts = check_texts(kernels_figure(smiley(), {"mouth_corner": MOUTH_CORNER}, "valid", {"mouth_corner": (3, 1)}))
    assert texts.count("4") == 1 and texts.count("2") == 3


def test_a_large_kernel_of_fractions() -> None:
    kernel = Kernel(tuple(tuple(-0.125 * (i - j) for j in range(7)) for i in range(7)), "given")
    check_texts(kernels_figure(scene()[:1], {"kernel_1": kernel}, "zero", {"kernel_1": (190, 0)}))


@pytest.mark.parametrize(("c_in", "count", "size"), [(1, 3, 3), (3, 20, 5), (1, 1, 1)])
def test_filters(c_in: int, count: int, size: int) -> None:
    filters = name_filters(nn.Conv2d(c_in, count, size))
    check_texts(filters_figure(filters))
    table = filters_table(filters)
    assert table.row_count == count and len(table.columns) == (5 if c_in > 1 else 4)


def journey_figure(classes: tuple[str, ...], shape: tuple[int, int, int] = (1, 14, 14), **knobs) -> list[str]:
    network = ConvNet(shape, len(classes), **knobs).eval()
    pixels = torch.randint(0, 256, shape, dtype=torch.uint8)
    journey = follow(network, pixels[None] / 255)
    return check_texts(follow_figure(journey, journey.logits.softmax(0), classes, pixels, "cat.png: dog"))


def test_follow_of_the_default_network() -> None:
    texts = journey_figure(DIGITS, channels=[16, 32])
    assert {"input", "block1.conv1", "block2.pool", "head.flatten", "head.logits"} <= set(texts)
    assert any("first 12 channels" in text for text in texts)


def test_follow_marks_partial_windows_and_bears_long_names() -> None:
    texts = journey_figure(LONG, (3, 13, 13), channels=[4, 4, 4], kernel_size=4, norm="batch", dropout=0.2, head=[])
    assert any("last row and column of cut windows" in text for text in texts)
    assert any(text.startswith("channel ") for text in texts)


def test_follow_of_a_deep_network_leaves_layers_out_and_says_so() -> None:
    texts = journey_figure(LONG, channels=[4], convs_per_block=30, head="average", activation="tanh")
    # 30 convolutions with their activations and 5 other steps (input, pool, average, flatten, logits): 9 layers fit.
    assert any("42 steps between are not drawn" in text for text in texts)
    assert {"block1.conv1", "block1.conv30", "block1.pool", "head.average", "head.logits"} <= set(texts)


def test_follow_without_convolution_and_with_broken_weights() -> None:
    journey_figure(DIGITS, channels=[], head=[])
    network = ConvNet((1, 8, 8), 4, channels=[4], head=[]).eval()
    nn.init.constant_(network.get_parameter("block1.conv1.weight"), torch.inf)
    pixels = torch.zeros(1, 8, 8, dtype=torch.uint8)
    journey = follow(network, pixels[None] / 255)
    check_texts(follow_figure(journey, torch.full((4,), 0.25), LONG, pixels, "nothing but nan"))
    assert all(bool(torch.isfinite(image).all()) for _, image in step_images(journey))


def test_follow_of_a_network_without_a_full_connection_at_the_end() -> None:
    network = nn.Sequential(nn.Conv2d(1, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    pixels = torch.zeros(1, 8, 8, dtype=torch.uint8)
    journey = follow(network, pixels[None] / 255)
    assert journey.votes is None
    check_texts(follow_figure(journey, journey.logits.softmax(0), LONG, pixels, "cat.png"))


def test_step_images_hold_every_channel() -> None:
    network = ConvNet((1, 16, 16), 4, channels=[6], convs_per_block=1, head=[])
    images = dict(step_images(follow(network, torch.randn(1, 1, 16, 16))))
    names = [
        "00_input",
        "01_block1.conv1",
        "02_block1.activation1",
        "03_block1.pool",
        "04_head.flatten",
        "05_head.logits",
    ]
    assert list(images) == [f"follow/{name}" for name in names]
    # 6 channels as 3 across and 2 down, each 16 cells enlarged 4 times, with 2 pixels between and around.
    assert images["follow/01_block1.conv1"].shape == (3, 2 * 66 + 2, 3 * 66 + 2)
    assert all(float(image.min()) >= 0 and float(image.max()) <= 1 for image in images.values())


@pytest.mark.parametrize("count", [1, 2, 5, 20])
def test_probabilities(count: int) -> None:
    shares = torch.rand(count, 4).softmax(1)
    pictures = [torch.randint(0, 256, (3, 12, 20), dtype=torch.uint8)] * count
    names = ["a_very_long_name_of_a_picture_file_somewhere.png"] * count
    texts = check_texts(probabilities_figure(pictures, names, shares, LONG, 3))
    assert texts.count("probabilities") == min(count, 16)


def test_variants() -> None:
    shares = torch.tensor([[0.1, 0.7, 0.1, 0.1], [0.6, 0.3, 0.1, 0.0], [0.2, 0.8, 0.0, 0.0]])
    words = ["unchanged", "2 px up", "height x 0.75"]
    texts = check_texts(variants_figure([torch.rand(1, 8, 8)] * 3, words, shares, LONG, "cat.png, shifted"))
    assert "taken for b in 1 of 2 changed versions; bars: probability of b" in texts
    assert "b 0.70" in texts and "aeroplane with … 0.60" in texts
