"""Panels that figures share: what their pixels, numbers and frames are."""

from pathlib import Path

import pytest
import torch
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Circle, Rectangle
from matplotlib.text import Text
from PIL import Image

from cnnlab.views import panels
from cnnlab.views.mistakes import confusion_figure, mistaken_figure
from cnnlab.views.probabilities import probabilities_figure, variants_figure


@pytest.fixture
def ax() -> Axes:
    return Figure(figsize=(3, 2)).subplots()


def shown(ax: Axes, layer: int = 0) -> torch.Tensor:
    """(H, W, 4): the colours of an image as they are drawn, alpha last."""
    image = ax.images[layer]
    return torch.tensor(image.to_rgba(image.get_array()))


def test_a_figure_is_saved_as_png_also_into_a_new_folder(ax: Axes, tmp_path: Path) -> None:
    path = panels.save(ax.get_figure(), tmp_path / "deep" / "k.png")
    with Image.open(path) as picture:
        assert picture.format == "PNG" and picture.size == (3 * panels.DPI, 2 * panels.DPI)


def test_names_that_the_font_lacks_are_drawn_without_warnings(ax: Axes, tmp_path: Path) -> None:
    ax.set_title("猫 with a \t")
    assert panels.save(ax.get_figure(), tmp_path / "k.png").exists()


def test_a_picture_is_cut_to_black_and_white(ax: Axes) -> None:
    panels.picture(ax, torch.tensor([[[-0.5, 0.0, 0.5, 1.0, 7.0]]]))
    assert shown(ax)[0, :, 0].tolist() == pytest.approx([0, 0, 0.5, 1, 1], abs=0.01)
    assert not ax.get_xticks().size and not ax.get_yticks().size


def test_a_picture_in_colour_keeps_its_channels(ax: Axes) -> None:
    pixels = torch.rand(3, 2, 4)
    panels.picture(ax, pixels)
    assert torch.equal(torch.tensor(ax.images[0].get_array()), pixels.permute(1, 2, 0))


def test_red_is_above_zero_white_is_zero_and_blue_below(ax: Axes) -> None:
    panels.signed(ax, torch.tensor([[-2.0, 0.0, 2.0]]), 2.0)
    below, zero, above = shown(ax)[0, :, :3].tolist()
    assert below[2] > 2 * below[0] and above[0] > 2 * above[2]
    assert min(zero) > 0.95


@pytest.mark.parametrize("broken", [torch.nan, torch.inf, -torch.inf])
def test_what_is_not_finite_is_grey_and_nothing_else_is(ax: Axes, broken: float) -> None:
    panels.signed(ax, torch.tensor([[1.0, broken, 0.0]]), 1.0)
    over = shown(ax, 1)[0]
    assert over[1].tolist() == pytest.approx([*to_rgb("#ededed"), 1])
    assert over[:, 3].tolist() == [0, 1, 0], "transparent where the values are finite"


def test_a_map_of_zeros_is_white(ax: Axes) -> None:
    panels.signed(ax, torch.zeros(2, 2), 0.0)
    assert float(shown(ax).min()) > 0.95 and len(ax.images) == 1


def test_cells_carry_their_numbers_at_their_places(ax: Axes) -> None:
    panels.numbers(ax, [[1, -0.125], [0.0001234, 20]])
    said = {text.get_position(): text.get_text() for text in ax.texts}
    assert said == {(0, 0): "1", (1, 0): "-0.125", (0, 1): "0.000123", (1, 1): "20"}


def test_a_frame_encloses_its_cells_and_a_small_one_has_a_ring(ax: Axes) -> None:
    panels.picture(ax, torch.zeros(1, 100, 100))
    panels.mark(ax, row=40, column=20, size=3)
    panels.mark(ax, row=10, column=60, size=30)
    small, large = (p for p in ax.patches if isinstance(p, Rectangle))
    assert (small.get_x(), small.get_y(), small.get_width(), small.get_height()) == (19.5, 39.5, 3, 3)
    assert (large.get_x(), large.get_y(), large.get_width(), large.get_height()) == (59.5, 9.5, 30, 30)
    (ring,) = (p for p in ax.patches if isinstance(p, Circle))
    assert ring.center == (21, 41) and ring.radius > 2


@pytest.mark.parametrize(
    ("values", "size"), [([1.0, -3.0], 3.0), ([torch.nan, 2.0, -torch.inf], 2.0), ([torch.nan], 0.0), ([], 0.0)]
)
def test_the_largest_magnitude_is_that_of_finite_values(values: list[float], size: float) -> None:
    assert panels.largest(torch.tensor(values)) == size


def test_a_class_called_like_a_formula_is_drawn_as_it_is_written(tmp_path):
    """Left open or unknown to matplotlib, a formula raises when the figure is drawn."""
    names = ["$\\frac$", "$x_$", "a$b", "\\$c"]
    logits, labels = torch.randn(12, 4), torch.arange(12) % 4
    images = torch.randint(0, 255, (12, 1, 6, 6), dtype=torch.uint8)
    shares = logits[:2].softmax(1)
    figures = [
        confusion_figure(logits, labels, names),
        mistaken_figure(images, logits, labels, names),
        probabilities_figure(list(images[:2]), ["$1", "$2$"], shares, names, 3),
        variants_figure(list(images[:2]), ["as it is", "shifted"], shares, names, "$"),
    ]
    for i, figure in enumerate(figures):
        panels.save(figure, tmp_path / f"{i}.png")
    written = {text.get_text() for figure in figures for text in figure.findobj(Text)}
    assert any("$\\frac$" in text for text in written)


@pytest.mark.parametrize("channels", [1, 2, 3, 4, 6])
def test_a_picture_has_the_colours_of_its_first_three_channels(channels):
    """matplotlib takes a fourth channel for transparency, and refuses two."""
    ax = Figure().add_subplot()
    panels.picture(ax, torch.full((channels, 2, 2), 0.5))
    drawn = ax.images[0].get_array()
    assert drawn.shape == ((2, 2) if channels == 1 else (2, 2, 3))
