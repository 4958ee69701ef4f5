"""The strongest cell against looking at every one, and the edges of what lies inside."""

import pytest
import torch

from cnnlab.common.errors import InputError
from cnnlab.datasets.pictures import smiley
from cnnlab.inference.cells import inside, strongest
from cnnlab.networks.kernels import CLASSICAL, MOUTH_CORNER, Kernel


def test_the_smileys_best_match() -> None:
    assert strongest(smiley(), MOUTH_CORNER, "valid") == (3, 1)


@pytest.mark.parametrize("name", ["sobel_x", "outline", "emboss"])
def test_the_strongest_is_that_of_looking_at_every_cell(name: str) -> None:
    image = torch.randint(0, 256, (3, 6, 9), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))
    kernel = CLASSICAL[name]
    sizes = {}
    for row in range(6 - 2):
        for column in range(9 - 2):
            patch = image[:, row : row + 3, column : column + 3].tolist()
            products = (patch[c][i][j] * kernel.values[i][j] for c in range(3) for i in range(3) for j in range(3))
            sizes[row, column] = abs(sum(products))
    assert strongest(image, kernel, "valid") == max(sizes, key=sizes.__getitem__)


def test_a_strong_negative_answer_counts_and_channels_of_opposite_sign_cancel() -> None:
    image = torch.zeros(2, 3, 4, dtype=torch.uint8)
    image[0, 0, 0] = image[1, 2, 3] = 9
    image[:, 1, 1] = 5
    assert strongest(image, Kernel(((-1,),), "given"), "edge") == (1, 1)
    image[1, 1, 1] = 0
    assert strongest(image, Kernel(((-1,),), "given"), "edge") == (0, 0), "of equals the first"


@pytest.mark.parametrize(("border", "cell"), [("edge", (2, 0)), ("zero", (1, 1)), ("valid", (0, 0))])
def test_the_border_decides_which_cells_there_are(border: str, cell: tuple[int, int]) -> None:
    # Sums of 3x3 pixels: continued edges count the bright corner four times, black ones leave the middle the most.
    image = torch.tensor([[[1, 1, 1], [1, 1, 1], [2, 1, 1]]], dtype=torch.uint8)
    assert strongest(image, Kernel(((1, 1, 1),) * 3, "given"), border) == cell


@pytest.mark.parametrize(
    ("border", "cell", "allowed"),
    [
        *(("valid", (4, 4), True), ("valid", (5, 0), False), ("valid", (0, 5), False)),
        *(("edge", (6, 6), True), ("zero", (6, 6), True), ("edge", (7, 0), False), ("edge", (0, -1), False)),
    ],
)
def test_a_cell_outside_is_refused(border: str, cell: tuple[int, int], allowed: bool) -> None:
    if allowed:
        assert inside(smiley(), MOUTH_CORNER, cell, border) == cell
    else:
        with pytest.raises(InputError, match=rf"cell=\[{cell[0]},{cell[1]}\] is outside the output"):
            inside(smiley(), MOUTH_CORNER, cell, border)


def test_the_cell_that_is_proposed_instead_lies_inside() -> None:
    with pytest.raises(InputError, match=r"5x5 cells, counted from 0.\nUse cell=\[2,2\]"):
        inside(smiley(), MOUTH_CORNER, (5, 0), "valid")
