"""Moments through weights, against loops over taps and against autograd."""

from dataclasses import replace
from itertools import product

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from cnnlab.theory.convolution import convolved, returned, steps_above, taps_in_common, transposed
from cnnlab.theory.graph import IMAGE, Weights
from cnnlab.theory.maps import MomentMaps, kept, of_images
from cnnlab.theory.weights import WeightMoments

STEPS = kept([(0, 1), (1, 0), (1, -1)], (3, 3))


def _layer(size, kernel=(3, 3), stride=(1, 1), padding=(1, 1, 1, 1), groups=1, bias=False) -> Weights:
    module = nn.Conv2d(4, 8, kernel, stride, groups=groups, bias=bias)
    return Weights((IMAGE,), 8, size, "01", module, 4 // groups, 8 // groups, kernel, stride, padding, 1.0)


@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize("mean", [0.0, 0.3])
def test_products_are_sums_over_taps(groups, mean):
    """E h(p) h(q) = sum over taps of the variance times x(p + t) x(q + t), plus the product of the means."""
    image = torch.randn(1, 4, 5, 5, dtype=torch.float64)
    layer = _layer((3, 3), stride=(2, 2), groups=groups)
    variance = torch.rand(3, 3, dtype=torch.float64)
    moments = WeightMoments(torch.full((3, 3), mean, dtype=torch.float64), variance)
    # The steps between outputs are twice as long on the image.
    x = of_images(image, kept([(2 * a, 2 * b) for a, b in STEPS], (5, 5)))
    found = convolved(x, layer, moments, STEPS)

    padded, channels = F.pad(image[0], (1, 1, 1, 1)), 4 // groups
    mean_at = {
        (i, j): mean * channels * float(padded[:, 2 * i : 2 * i + 3, 2 * j : 2 * j + 3].mean(0).sum())
        for i in range(3)
        for j in range(3)
    }
    for k, (down, right) in enumerate(STEPS):
        for (i, j), own in mean_at.items():
            there = (i + down, j + right)
            if there not in mean_at:
                assert found.pairs[0, k, i, j] == 0
                continue
            a, b = (padded[:, 2 * y : 2 * y + 3, 2 * z : 2 * z + 3] for y, z in ((i, j), there))
            expected = channels * float((variance * (a * b).mean(0)).sum()) + own * mean_at[there]
            assert found.pairs[0, k, i, j].item() == pytest.approx(expected)


def test_taps_in_common():
    same = WeightMoments(torch.zeros(3, 3).double(), torch.ones(3, 3).double())
    # Each position of a 2x2 map sees four of nine taps: all, half or a quarter of them in common with the others.
    assert taps_in_common(_layer((2, 2)), same, (2, 2)) == pytest.approx(9 / 16)
    assert taps_in_common(_layer((3, 3), padding=(0, 0, 0, 0)), same, (5, 5)) == 1
    centre = WeightMoments(torch.zeros(3, 3).double(), F.pad(torch.ones(1, 1).double(), (1, 1, 1, 1)))
    assert taps_in_common(_layer((2, 2)), centre, (2, 2)) == 1, "a delta sees no border"


@pytest.mark.parametrize("stride", [(1, 1), (2, 3)])
@pytest.mark.parametrize("padding", [(0, 0, 0, 0), (1, 2, 0, 1)])
def test_what_goes_up_comes_down(stride, padding):
    box, x = torch.rand(1, 1, 3, 3).double(), torch.zeros(2, 1, 7, 8, dtype=torch.float64, requires_grad=True)
    y = F.conv2d(F.pad(x, padding), box, stride=stride)
    above = torch.rand_like(y)
    (y * above).sum().backward()
    layer = _layer((y.shape[-2], y.shape[-1]), stride=stride, padding=padding)
    assert torch.allclose(transposed(above.detach()[:, 0], box, layer, (7, 8)), x.grad[:, 0])


@pytest.mark.parametrize("stride", [(1, 1), (2, 3)])
def test_gradients_of_two_inputs_are_alike_by_the_taps_that_they_share(stride):
    """Against sums over taps of products of what each tap sends back; dropout multiplies the square alone."""
    size, padding, channels = (7, 8), (1, 1, 1, 1), 8
    output = tuple((side + 2 - 3) // s + 1 for side, s in zip(size, stride, strict=True))
    layer = replace(_layer(output, stride=stride, padding=padding), keep=0.5)
    variance = torch.rand(3, 3, dtype=torch.float64)
    steps = kept([(0, 1), (1, 0), (2, -1), (2, 3), (6, 7)], size)
    gradient = torch.randn(1, 1, *output, dtype=torch.float64)
    above = of_images(gradient, steps_above(layer, steps))
    weights = WeightMoments(torch.zeros(3, 3).double(), variance)
    found = MomentMaps(torch.zeros(1, *size), returned(above, layer, weights, size, steps), steps)
    expected = torch.zeros(1, len(steps), *size, dtype=torch.float64)
    for i, j in product(range(3), range(3)):
        tap = torch.zeros(1, 1, 3, 3, dtype=torch.float64)
        tap[..., i, j] = 1
        sent = transposed(gradient[:, 0], tap, layer, size)[:, None]
        expected += channels * variance[i, j] * of_images(sent, steps).pairs
    expected[:, 0] *= 2
    torch.testing.assert_close(found.pairs, expected)
    assert expected[:, 1:].any() or stride == (2, 3)
