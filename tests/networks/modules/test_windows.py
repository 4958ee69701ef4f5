"""Receptive field, jump and centre against a gradient probe: which pixels can move a cell at all."""

import pytest
import torch
from torch import Tensor, nn

from cnnlab.networks.convnet import ConvNet
from cnnlab.networks.geometry import Row, rows
from cnnlab.networks.modules.windows import Field, Window, padding

SIDE = 64


def sensitive_pixels(features: nn.Module, cell: tuple[int, int]) -> Tensor:
    """(H, W) true where a pixel moves the cell, for any of many images: max pooling passes on one cell an image."""
    torch.manual_seed(0)
    features = features.double().eval()
    for parameter in features.parameters():  # positive throughout: nothing cancels and no relu is off
        nn.init.uniform_(parameter, 0.5 / parameter[0].numel(), 1.5 / parameter[0].numel())
    images = torch.rand(32, 1, SIDE, SIDE, dtype=torch.float64, requires_grad=True)
    features(images)[:, :, cell[0], cell[1]].sum().backward()
    assert images.grad is not None
    return (images.grad != 0).any(dim=0)[0]


def bounds(pixels: Tensor, axis: int) -> tuple[int, int]:
    hit = pixels.any(dim=1 - axis).nonzero()
    return int(hit.min()), int(hit.max())


def expected(row: Row, cell: int, axis: int) -> tuple[int, int]:
    """First and last pixel by formula, cut at the border of the image."""
    assert row.receptive_field and row.jump and row.centre
    middle, reach = row.centre[axis] + cell * row.jump[axis], (row.receptive_field[axis] - 1) / 2
    assert (middle - reach).is_integer()
    return max(0, int(middle - reach)), min(SIDE - 1, int(middle + reach))


def blocks(network: nn.Module, depth: int) -> nn.Sequential:
    return nn.Sequential(*list(network.children())[:depth])


def check(network: nn.Module, depth: int) -> None:
    """Probe two cells around the middle of the map after the first `depth` children."""
    features = blocks(network, depth)
    row = rows(features, (1, SIDE, SIDE))[-1]
    for step in (0, 1):
        cell = (row.output[1] // 2 - step, row.output[2] // 2 - step)
        pixels = sensitive_pixels(features, cell)
        for axis in (0, 1):
            assert bounds(pixels, axis) == expected(row, cell[axis], axis), f"cell {cell}, axis {axis}"


@pytest.mark.parametrize("pool", ["max", "mean", "sum", "none"])
@pytest.mark.parametrize("padding", ["same", "valid"])
@pytest.mark.parametrize("kernel_size", [1, 2, 3, 4, 5])
def test_fields_equal_the_gradient_probe(kernel_size: int, padding: str, pool: str) -> None:
    knobs = {"channels": (2, 2), "kernel_size": kernel_size, "padding": padding, "pool": pool, "head": ()}
    check(ConvNet((1, SIDE, SIDE), 3, convs_per_block=(2, 1), **knobs), depth=2)


@pytest.mark.parametrize("pool", ["max", "mean", "none"])
@pytest.mark.parametrize("kernel_size", [3, 4])
@pytest.mark.parametrize("stride", [(2, 1), (1, 2), (3, 2)])
def test_fields_under_strides_equal_the_gradient_probe(stride: tuple[int, int], kernel_size: int, pool: str) -> None:
    knobs = {"channels": (2, 2), "kernel_size": kernel_size, "convs_per_block": 1, "pool": (pool, "none")}
    check(ConvNet((1, SIDE, SIDE), 3, stride=stride, **knobs, head=()), depth=2)


@pytest.mark.parametrize(
    "layers",
    [
        [nn.Conv2d(1, 2, (3, 5), stride=(1, 2), padding=(1, 0)), nn.ReLU(), nn.MaxPool2d(3, 2, 1)],
        [nn.Conv2d(1, 2, 3, dilation=3), nn.Tanh(), nn.AvgPool2d((2, 1))],
        [nn.Conv2d(1, 2, 5, padding="same"), nn.Sigmoid(), nn.AdaptiveAvgPool2d(16)],
        [nn.ZeroPad2d((3, 0, 1, 2)), nn.Conv2d(1, 2, 4), nn.BatchNorm2d(2, affine=False), nn.MaxPool2d(2, dilation=2)],
    ],
)
def test_fields_of_a_users_layers_equal_the_gradient_probe(layers: list[nn.Module]) -> None:
    check(nn.Sequential(*layers), depth=len(layers))


def test_at_the_corner_the_field_is_cut_by_the_border() -> None:
    network = ConvNet((1, SIDE, SIDE), 3, channels=(2,), kernel_size=5, convs_per_block=2, pool="none", head=())
    pixels = sensitive_pixels(blocks(network, 1), (0, 0))
    assert bounds(pixels, 0) == bounds(pixels, 1) == (0, 4)


@pytest.mark.parametrize("kernel_size", [2, 4, 6])
def test_even_same_kernels_shift_by_half_a_pixel_a_layer(kernel_size: int) -> None:
    knobs = {"channels": (1,), "convs_per_block": 12, "pool": "none", "activation": "none", "head": ()}
    network = ConvNet((1, SIDE, SIDE), 3, kernel_size=kernel_size, **knobs)
    found = [row for row in rows(network, (1, SIDE, SIDE)) if row.kind == "convolution"]
    assert [row.centre for row in found] == [(i / 2, i / 2) for i in range(1, 13)]

    with torch.no_grad():  # a point of light, blurred twelve times, moves up and left by six pixels
        for conv in (m for m in network.modules() if isinstance(m, nn.Conv2d)):
            conv.weight.fill_(1 / kernel_size**2)
            nn.init.zeros_(conv.bias)  # pyright: ignore[reportArgumentType]
        image = torch.zeros(1, 1, 2 * SIDE, 2 * SIDE)
        image[..., SIDE, SIDE] = 1
        light = network[0](image)[0, 0]
    position = torch.arange(2 * SIDE, dtype=torch.float32)
    for axis in (0, 1):
        centroid = (light.sum(dim=1 - axis) * position).sum() / light.sum()
        torch.testing.assert_close(centroid.item(), SIDE - 6.0, atol=0.05, rtol=0)


def test_odd_kernels_stay_centred() -> None:
    network = ConvNet((1, SIDE, SIDE), 3, channels=(1,), kernel_size=5, convs_per_block=6, pool="none", head=())
    assert {row.centre for row in rows(blocks(network, 1), (1, SIDE, SIDE))} == {(0.0, 0.0)}


def test_field_recursion_by_hand() -> None:
    # 3x3 same, 2x2 pooling, 3x3 same: 3, then 3 + 1, then 4 + 2 * 2 pixels; centres 0, 0.5, 0.5.
    conv, pool = Window((3, 3), before=(1, 1), after=(1, 1)), Window((2, 2), stride=(2, 2))
    assert Field().through(conv, 0).through(pool, 0).through(conv, 0) == Field(size=8, jump=2, centre=0.5)


def test_padding_of_a_name_and_of_numbers() -> None:
    assert padding(nn.Conv2d(1, 1, (2, 5), padding="same")) == ((0, 2), (1, 2))
    assert padding(nn.Conv2d(1, 1, 5, padding="valid")) == ((0, 0), (0, 0))
    assert padding(nn.Conv2d(1, 1, 5, padding=(1, 2))) == ((1, 2), (1, 2))
