import pytest
import torch

from cnnlab.datasets.pictures import scene, smiley
from cnnlab.networks.kernels import CLASSICAL, MOUTH_CORNER, Kernel, apply
from cnnlab.views.arithmetic import arithmetic

WRITTEN = """\
mouth_corner, row 3, column 1
  patch     kernel     products
  0 0 1      0 0 1        0 0 1
  1 0 0  x   1 0 0  =     1 0 0
  0 1 1      0 1 1        0 1 1
sum: 1 + 1 + 1 + 1 = 4
4 of the 4 cells that the kernel looks for are there"""


def test_the_smileys_best_match_written_out() -> None:
    assert arithmetic(smiley(), "mouth_corner", MOUTH_CORNER, (3, 1), "valid") == WRITTEN


@pytest.mark.parametrize("name", CLASSICAL)
@pytest.mark.parametrize("cell", [(0, 0), (100, 60), (191, 191)])
def test_the_sum_is_the_outputs_cell(name: str, cell: tuple[int, int]) -> None:
    kernel = CLASSICAL[name]
    text = arithmetic(scene(), name, kernel, cell, "edge")
    values = apply(scene().double(), kernel.tensor().double())[:, cell[0], cell[1]].tolist()
    paragraphs = text.split("\n\n")
    assert [p.splitlines()[0].rsplit(", ")[-1] for p in paragraphs] == ["red", "green", "blue"]
    for paragraph, value in zip(paragraphs, values, strict=True):
        assert float(paragraph.replace(": ", " = ").rsplit(" = ", 1)[1]) == pytest.approx(value, rel=1e-3, abs=1e-4)


def test_even_kernels_and_fractions() -> None:
    image = torch.tensor([[[10, 20], [30, 40]]], dtype=torch.uint8)
    kernel = Kernel(((0.5, 0), (0, -0.25)), "given")
    text = arithmetic(image, "mine", kernel, (0, 0), "edge")
    assert text.splitlines()[-1] == "sum: 5 + (-10) = -5"
