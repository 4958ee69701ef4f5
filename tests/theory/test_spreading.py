"""Gradients through poolings, against torch's own backward pass: of all pairs of cells, and by sampling maxima."""

from itertools import product

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from cnnlab.networks.modules.moments import LINEAR, Activation, of_module
from cnnlab.networks.modules.windows import Window
from cnnlab.theory import pooling
from cnnlab.theory.graph import Pool
from cnnlab.theory.maps import HERE, MomentMaps, kept
from cnnlab.theory.spreading import spread, steps_above

SIZE = (6, 5)
WINDOWS = [(3, 1, 1), (4, 1, 0), (5, 1, 2), (3, 2, 1), (2, 2, 0)]  # kernel, stride, padding
ALL = kept(product(range(6), range(-4, 5)), SIZE)
RELU = of_module(nn.ReLU())


def pool(takes, kernel: int, stride: int, before: int, activation: Activation = LINEAR, counts: bool = True) -> Pool:
    height, width = ((side + 2 * before - kernel) // stride + 1 for side in SIZE)
    window = Window((kernel, kernel), (stride, stride), (before, before), (before, before))
    return Pool((0,), 1, (height, width), window, takes, activation, counts, whole=False)


def as_maps(matrix: Tensor, size: tuple[int, int], steps) -> MomentMaps:
    """`matrix` (HW, HW) of products -> the maps that hold them by step."""
    h, w = size
    pairs = torch.zeros(1, len(steps), h, w, dtype=torch.float64)
    for (i, (down, right)), y, x in product(enumerate(steps), range(h), range(w)):
        if 0 <= y + down < h and 0 <= x + right < w:
            pairs[0, i, y, x] = matrix[y * w + x, (y + down) * w + x + right]
    return MomentMaps(torch.zeros(1, h, w, dtype=torch.float64), pairs, steps)


def alike(n: int, share: float) -> Tensor:
    """Products of gradients whose correlations lie around `share`."""
    own = torch.randn(n, n, dtype=torch.float64) / n**0.5
    return share + (1 - share) * (own @ own.T)


@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize(
    ("takes", "divisor", "counts"), [("mean", None, True), ("mean", None, False), ("sum", 1, True)]
)
def test_mean_and_sum_equal_torch_s_on_every_pair_of_cells(window, takes, divisor, counts):
    node, (kernel, stride, before) = pool(takes, *window, counts=counts), window
    steps = steps_above(node, ALL)
    windows = node.size[0] * node.size[1]
    gradients = alike(windows, 0.7)
    found = spread(as_maps(gradients, node.size, steps), torch.empty(0), node, SIZE, ALL)
    basis = torch.eye(SIZE[0] * SIZE[1], dtype=torch.float64).view(-1, 1, *SIZE)
    matrix = F.avg_pool2d(basis, kernel, stride, before, count_include_pad=counts, divisor_override=divisor).flatten(1)
    expected = as_maps(matrix @ gradients @ matrix.T, SIZE, ALL)
    torch.testing.assert_close(found, expected.pairs)


@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize(
    ("share", "activation", "slack"), [(0.0, LINEAR, 0.1), (0.8, RELU, 0.35)], ids=["exchangeable", "smooth"]
)
def test_the_largest_by_sampling(window, share, activation, slack):
    """Exact for independent cells, but for windows cut at the border. All windows have the gradient 1."""
    node, (kernel, stride, before) = pool("max", *window, activation=activation), window
    place = torch.cartesian_prod(torch.arange(6.0), torch.arange(5.0)).double()
    covariance = torch.exp(-torch.cdist(place, place).square() / 4) * share
    covariance += (1 - share) * torch.eye(len(place))
    below = pooling.steps_below(node, (HERE,), SIZE)
    _, slopes = pooling.largest(as_maps(covariance, SIZE, below), node, (HERE,))
    steps = steps_above(node, ALL)
    windows = node.size[0] * node.size[1]
    found = spread(as_maps(torch.ones(windows, windows), node.size, steps), slopes, node, SIZE, ALL)

    factor = torch.linalg.cholesky(covariance)
    drawn = (torch.randn(20_000, len(place), dtype=torch.float64) @ factor.T).view(-1, 1, *SIZE).requires_grad_()
    F.max_pool2d(activation.function(drawn), kernel, stride, before).sum().backward()
    assert drawn.grad is not None
    gradient = drawn.grad.flatten(1)
    expected = as_maps(gradient.T @ gradient / len(gradient), SIZE, ALL).pairs
    # What a layer below adds up: neighbours, here of all distances.
    assert found[:, 0].sum().item() == pytest.approx(expected[:, 0].sum().item(), rel=slack)
    assert found.sum().item() == pytest.approx(expected.sum().item(), rel=slack)


def test_windows_apart_have_no_cells_in_common():
    assert steps_above(pool("max", 2, 2, 0), (HERE,)) == (HERE,)
    assert set(steps_above(pool("mean", 3, 2, 1), (HERE,))) == {HERE, (0, 1), (1, 0), (1, 1), (1, -1)}
    assert len(steps_above(pool("mean", 3, 1, 1), (HERE,))) == 13
