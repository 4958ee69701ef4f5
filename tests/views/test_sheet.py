import pytest
import torch
import torchvision
from rich.console import Console
from torch import Tensor, nn
from torch.nn import functional as F

from cnnlab.common.errors import InputError
from cnnlab.designs.design import design
from cnnlab.networks.convnet import ConvNet
from cnnlab.views.sheet import render_sheet, sheet

SHAPE = (1, 28, 28)


def text(network: nn.Module, width: int = 80, measure: bool = False, shape: tuple = SHAPE, **options) -> str:
    console = Console(width=width)
    with console.capture() as captured:
        console.print(render_sheet(design("it", network, shape, measure), width, **options))
    return captured.get()


def test_a_row_a_layer_with_its_numbers() -> None:
    said = text(ConvNet(SHAPE, 10), measure=True).splitlines()
    cells = [line.split() for line in said]
    assert ["conv1", "3x3", "16x28x28", "3", "1", "0", "144+16", "784", "113k", "3.1", "3.1"] in cells
    assert ["relu", "16x28x28", "3", "1", "0", "49.0", "49.0"] in cells
    assert ["max", "pool", "2x2", "32x7x7", "16", "4", "1.5", "12.2", "12.2"] in cells
    assert ["fc1", "64", "all", "100,352+64", "1", "100k", "6.1", "6.1"] in cells
    assert any("117,434 (117,264 weights, 170 biases)" in line for line in said)
    assert any("205.4 KiB per image, predicted (205.4 KiB measured)" in line for line in said)
    assert any("16x16 of 28x28 pixels for a cell of the last map" in line for line in said)


@pytest.mark.parametrize("width", [80, 120])
@pytest.mark.parametrize("measure", [False, True])
def test_no_cell_is_cut_on_a_terminal(width: int, measure: bool) -> None:
    network = ConvNet((3, 32, 32), 10, channels=(64, 128), kernel_size=4, stride=2, norm="batch", dropout=0.5)
    said = text(network, width, measure, (3, 32, 32))
    assert "…" not in said
    assert max(map(len, said.splitlines())) <= width


def test_long_blocks_show_their_ends_unless_asked_for_all() -> None:
    network = ConvNet((1, 199, 199), 2, channels=(1,), convs_per_block=99, padding="valid", pool="none", head=())
    short, full = text(network, shape=(1, 199, 199)), text(network, shape=(1, 199, 199), full=True)
    assert "... 186 more full=true" in short
    assert all(f"conv{i} " in short for i in (1, 3, 97, 99))
    assert "conv50 " not in short
    assert all(f"conv{i} " in full for i in range(1, 100))


def test_even_kernels_are_told_to_drift() -> None:
    said = text(ConvNet(SHAPE, 10, kernel_size=4, channels=(2,), pool="none"))
    assert "1 px below and 1 px right of" in " ".join(said.split())
    assert "drift" not in text(ConvNet(SHAPE, 10))


def test_a_network_without_a_map() -> None:
    assert "28x28 of 28x28 pixels for the first fully connected layer" in text(ConvNet(SHAPE, 10, channels=(), head=()))


class Own(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv, self.out = nn.Conv2d(1, 2, 3), nn.Linear(2, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.out((F.relu(self.conv(x)) * self.conv(x)).mean((2, 3)))


def test_what_is_not_known_is_said() -> None:
    said = " ".join(text(Own()).split())
    assert "mul is a function without a formula" in said and "unknown from there on" in said
    assert "measure=true measures it" in said
    assert "per image, measured" in " ".join(text(Own(), measure=True).split())


def test_parameters_outside_of_layers_and_functions_between_them_are_told() -> None:
    class Scaled(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.relu, self.fc = nn.Conv2d(1, 2, 3), nn.ReLU(), nn.Linear(2, 10)
            self.scale = nn.Parameter(torch.ones(7))

        def forward(self, x: Tensor) -> Tensor:
            return self.fc(F.relu(self.relu(self.conv(x)) * self.scale[0]).mean((2, 3)))

    said = text(Scaled())
    assert "57 (38 weights, 12 biases, 7 in no layer)" in said
    assert "2 known; what has no formula is not counted" in said
    assert "3, at most 2 in a row" in text(torchvision.models.squeezenet.Fire(1, 2, 4, 4))
    assert "6 in a row" not in said and "5 in a row" in text(ConvNet(SHAPE, 10))


def test_a_layer_that_runs_again_shows_what_all_its_calls_save_once() -> None:
    relu = nn.ReLU()
    network = nn.Sequential(nn.Conv2d(1, 2, 3), relu, nn.Conv2d(2, 2, 3), relu, nn.Flatten(), nn.Linear(1152, 10))
    cells = [line.split() for line in text(network, 120, measure=True).splitlines()]
    first, again = ([row for row in cells if row[: len(label)] == label] for label in (["relu"], ["relu", "(2)"]))
    assert len(again) == 1 and len(first) == 2
    kib = (2 * 26 * 26 + 2 * 24 * 24) * 4 / 1024
    assert float(first[0][-1]) == pytest.approx(kib, abs=0.06)
    assert again[0][-1] == "4.5"  # predicted of this call, and nothing measured beside it


@pytest.mark.parametrize("shape", [(3, 32), 32, (1, 3, 32, 32)])
def test_a_shape_that_is_none_of_images_is_refused(shape):
    with pytest.raises(InputError, match=r"as in sheet\(network, \(3, 32, 32\)\)"):
        sheet(nn.Conv2d(3, 4, 3), shape)
