"""Pictures: the right cells with the right shades, for any channel count and size, also of NaN."""

import math

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from cnnlab.networks.convnet import ConvNet
from cnnlab.views import tiles as p

MAGENTA = torch.tensor(p.BROKEN)


def _shade(sheet: torch.Tensor, row: int, column: int, cell: tuple[int, int], size: int) -> torch.Tensor:
    """The colour of one weight's square in the tile at (row, column); `size` is the kernel's side."""
    zoom = max(1, math.ceil(p.SIDE / size))
    tile = size * zoom + p.GAP
    return sheet[:, p.GAP + row * tile + cell[0] * zoom, p.GAP + column * tile + cell[1] * zoom]


def test_colour_kernels_have_their_own_scale_and_grey_for_zero():
    weight = torch.zeros(5, 3, 3, 3)
    weight[0, 0, 1, 2], weight[1, 2, 0, 0], weight[1, 1, 0, 0] = 0.01, -8.0, 4.0
    sheet = p.kernels(weight)
    assert _shade(sheet, 0, 0, (1, 2), 3).tolist() == [1, 0.5, 0.5]
    assert _shade(sheet, 0, 1, (0, 0), 3).tolist() == [0.5, 0.75, 0]
    assert _shade(sheet, 1, 1, (0, 0), 3).tolist() == [0.5] * 3  # the fifth kernel is all zero
    assert sheet.dtype == torch.float32 and sheet[:, 0, 0].tolist() == [1, 1, 1]


@pytest.mark.parametrize(
    ("c_out", "c_in", "size"), [(1, 1, 1), (16, 1, 5), (8, 2, 4), (70, 32, 3), (3, 4, 28), (4, 3, 7)]
)
def test_kernels_of_any_shape(c_out, c_in, size):
    weight = torch.randn(c_out, c_in, size, size)
    sheet = p.kernels(weight)
    assert sheet.shape[0] == 3 and sheet.min() >= 0 and sheet.max() <= 1
    if c_in not in (1, 3):  # a row an output channel, naively
        scale = weight[1].abs().max()
        shade = 0.5 + 0.5 * weight[1, 1, 0, size - 1] / scale
        assert _shade(sheet, 1, 1, (0, size - 1), size).tolist() == pytest.approx([shade.item()] * 3, abs=1e-6)


@pytest.mark.parametrize("scale", [1e-42, 3e38])
def test_scales_at_the_ends_of_float32(scale):
    sheet = p.kernels(torch.tensor([[[[1.0, -1.0]]]]) * scale)
    assert sheet.isfinite().all() and sheet.min() < 0.5 < sheet[:, p.GAP, p.GAP].min()


def test_what_is_no_number_is_magenta_and_spoils_nothing_else():
    weight = torch.tensor([[[[1.0, math.nan], [math.inf, -1.0]]]])
    sheet = p.kernels(weight)
    assert sheet.isfinite().all()
    assert torch.equal(_shade(sheet, 0, 0, (0, 1), 2), MAGENTA) and torch.equal(_shade(sheet, 0, 0, (1, 0), 2), MAGENTA)
    assert _shade(sheet, 0, 0, (1, 1), 2).tolist() == [0, 0, 0]
    assert torch.equal(_shade(p.maps(torch.full((1, 30, 30), math.nan)), 0, 0, (3, 3), 30), MAGENTA)


def test_maps_are_black_at_zero_or_grey_where_values_are_negative():
    positive = p.maps(torch.tensor([[[0.0, 1.0]], [[2.0, 4.0]]]))
    assert _shade(positive, 0, 0, (0, 0), 2)[0] == 0 and _shade(positive, 0, 0, (0, 1), 2)[0] == 0.25
    signed = p.maps(torch.tensor([[[0.0, 1.0]], [[-2.0, 4.0]]]))
    assert _shade(signed, 0, 0, (0, 0), 2)[0] == 0.5 and _shade(signed, 0, 1, (0, 0), 2)[0] == 0.25


def test_a_title_stands_above_the_picture_of_which_no_cell_is_lost():
    pixels = torch.zeros(3, 60, 70)
    pixels[0, 10:20, 30:40] = 1
    drawn = p.Sheet(pixels, "grey is 0").titled("Kernels, step 3")
    assert drawn.dtype == np.uint8 and drawn.shape == (3, 300 + 24, 350)
    below = drawn[:, 24:]
    assert (below[0, 50:100, 150:200] == 255).all() and below[0].sum() == 50 * 50 * 255 and not below[1:].any()
    ink = (drawn[:, :24] < 128).all(0)
    assert ink.any() and not ink[:, 250:].any()


def test_a_picture_that_is_wider_than_a_card_keeps_its_pixels():
    pixels = torch.rand(3, 5, 700)
    drawn = p.Sheet(pixels, "words").titled("title")
    assert drawn.shape[2] == 700
    assert np.array_equal(drawn[:, -5:], (255 * pixels.numpy()).astype(np.uint8))


def test_activations_called_as_functions_are_drawn_too():
    class Functional(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(1, 4, 3)

        def forward(self, x):
            return F.relu(self.conv(x))

    network, image = Functional(), torch.randn(1, 12, 12)
    found = p.feature_maps(network, image)
    assert list(found) == ["conv", "relu"]
    assert torch.equal(found["relu"].pixels, p.maps(network(image[None])[0]))


def test_feature_maps_follow_the_image_through_each_block():
    torch.manual_seed(0)
    net = ConvNet((1, 12, 12), 3, channels=(4, 20), norm="batch", dropout=0.5).train()
    image, before = torch.randn(1, 12, 12), {k: v.clone() for k, v in net.state_dict().items()}
    random = torch.get_rng_state()
    found = p.feature_maps(net, image)
    convs = (
        "block1.conv1",
        "block1.activation1",
        "block2.conv1",
        "block2.activation1",
        "block2.conv2",
        "block2.activation2",
    )
    assert tuple(found) == convs
    net.eval()
    expected = net.block1.activation1(net.block1.norm1(net.block1.conv1(image[None])))[0].detach()
    net.train()
    assert torch.equal(found["block1.activation1"].pixels, p.maps(expected))
    assert found["block1.activation1"].words == "all 4, on one scale; black is 0"
    assert found["block2.conv1"].words == "16 of 20, on one scale; grey is 0"
    # 20 channels of 6x6, the first 16 drawn in four rows
    assert found["block2.conv1"].pixels.shape == (3, 4 * (24 + p.GAP) + p.GAP, 4 * (24 + p.GAP) + p.GAP)
    assert net.training and torch.equal(random, torch.get_rng_state())
    assert all(torch.equal(v, net.state_dict()[k]) for k, v in before.items())
    assert not any(m._forward_hooks for m in net.modules())


def test_networks_of_other_people():
    flat = nn.Sequential(
        nn.Conv2d(3, 2, 3), nn.Identity(), nn.Conv2d(2, 2, 3), nn.Tanh(), nn.Flatten(), nn.LazyLinear(2)
    )
    flat(torch.zeros(1, 3, 8, 8))
    assert list(p.feature_maps(flat, torch.zeros(3, 8, 8))) == ["0", "2", "3"]
    linear = nn.Sequential(nn.Flatten(), nn.Linear(64, 2))
    assert p.feature_maps(linear, torch.zeros(1, 8, 8)) == {} and p.first_kernels(linear) is None
    kernels = p.first_kernels(flat)
    assert kernels is not None and torch.equal(kernels.pixels, p.kernels(flat[0].weight))
    assert kernels.words == "all 2, each scaled by its largest weight; grey is 0"


def test_the_image_as_it_looks():
    sheet = p.picture(torch.tensor([[[-1.0, 0.0], [1.0, 3.0]]]))
    assert [_shade(sheet, 0, 0, (i, j), 2)[0].item() for i in (0, 1) for j in (0, 1)] == [0, 0.25, 0.5, 1]
    assert p.picture(torch.zeros(3, 8, 8)).isfinite().all()


@pytest.mark.parametrize(("channels", "colours"), [(1, 1), (2, 3), (3, 3), (4, 3), (6, 3)])
def test_images_of_any_number_of_channels_are_drawn(channels, colours):
    image = torch.rand(channels, 5, 6, generator=torch.Generator().manual_seed(0))
    assert p.in_colour(image).shape == (colours, 5, 6)
    assert torch.equal(p.in_colour(image)[: min(channels, 3)], image[:3])
    drawn = p.picture(image)
    assert drawn.shape[0] == 3 and drawn.isfinite().all()
