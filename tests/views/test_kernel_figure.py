"""What kernels do to a picture: numbers beside outputs, and the patch below a marked cell."""

import pytest
import torch
from matplotlib.patches import Rectangle

from cnnlab.datasets.pictures import scene, smiley
from cnnlab.networks.kernels import CLASSICAL, MOUTH_CORNER, Kernel
from cnnlab.views.kernel_figure import kernels_figure


def test_all_kernels_on_the_scene(check_texts) -> None:
    figure = kernels_figure(scene(), CLASSICAL, "edge")
    texts = check_texts(figure)
    assert "sobel x" in texts and "divided by 16" in texts and texts.count("-4") == 1
    assert len(figure.axes) == 2 * (len(CLASSICAL) + 1), "the input with its legend, each kernel with its output"


def test_the_smiley_shows_its_numbers(check_texts) -> None:
    texts = check_texts(kernels_figure(smiley(), {"mouth_corner": MOUTH_CORNER}, "valid", {"mouth_corner": (3, 1)}))
    assert texts.count("4") == 1 and texts.count("2") == 3


def test_a_large_kernel_of_fractions(check_texts) -> None:
    kernel = Kernel(tuple(tuple(0.125 * (j - i) for j in range(7)) for i in range(7)), "given")
    texts = check_texts(kernels_figure(scene()[:1], {"kernel_1": kernel}, "zero", {"kernel_1": (190, 0)}))
    assert texts.count("0") == 7 and texts.count("-0.75") == 1


@pytest.mark.parametrize("border", ["valid", "edge", "zero"])
@pytest.mark.parametrize("size", [3, 5])
def test_the_marked_patch_is_what_the_cell_is_made_of(border: str, size: int) -> None:
    image = torch.randint(0, 256, (1, 30, 40), dtype=torch.uint8)
    kernel = Kernel(tuple((1.0,) * size for _ in range(size)), "given")
    row, column = 7, 9
    figure = kernels_figure(image, {"sum": kernel}, border, {"sum": (row, column)})
    drawn = {ax.get_title(): ax for ax in figure.axes}
    (patch,) = [p for p in drawn["input, grey, 30x40"].patches if isinstance(p, Rectangle)]
    (cell,) = [p for p in drawn["sum"].patches if isinstance(p, Rectangle)]
    assert (cell.get_x() + 0.5, cell.get_y() + 0.5, cell.get_width()) == (column, row, 1)
    left, top = int(patch.get_x() + 0.5), int(patch.get_y() + 0.5)
    assert patch.get_width() == patch.get_height() == size
    covered = image[0, top : top + size, left : left + size].double().sum() / 255
    output = torch.nn.functional.conv2d(
        image[None].double() / 255, torch.ones(1, 1, size, size).double(), padding=0 if border == "valid" else size // 2
    )
    assert output[0, 0, row, column].item() == pytest.approx(covered.item())


def test_outputs_with_both_signs_are_white_at_zero_and_others_are_pictures() -> None:
    image = torch.full((3, 20, 20), 51, dtype=torch.uint8)
    kernels = {"sobel_x": CLASSICAL["sobel_x"], "sharpen": CLASSICAL["sharpen"]}
    drawn = {ax.get_title(): ax.images[0] for ax in kernels_figure(image, kernels, "edge").axes if ax.images}
    assert drawn["sobel x"].get_array().tolist() == [[0.0] * 20] * 20
    low, high = drawn["sobel x"].get_clim()
    assert low == -high
    assert drawn["sharpen"].get_array().shape == (20, 20, 3)
    assert float(drawn["sharpen"].get_array().max()) == pytest.approx(0.2, abs=1e-6), "51 of 255, unchanged"
    assert "input, colour, 20x20" in drawn
