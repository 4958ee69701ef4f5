"""Poolings: linear ones against torch's on every pair of positions, max against sampling and known integrals."""

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

TWO = Window((2, 2), (2, 2))
THREE = Window((3, 3), (2, 2), (1, 1), (1, 1))  # they overlap, and reach beyond the map
RELU, TANH, SIGMOID, GELU = (of_module(layer) for layer in (nn.ReLU(), nn.Tanh(), nn.Sigmoid(), nn.GELU()))


def pool(takes, output, activation: Activation = LINEAR, window: Window = TWO, counts_padding: bool = True) -> Pool:
    return Pool((0,), 1, output, window, takes, activation, counts_padding, whole=False)


def as_field(mean: Tensor, matrix: Tensor, steps: tuple[tuple[int, int], ...]) -> MomentMaps:
    """`mean` (H, W), `matrix` (HW, HW) of products or covariances -> the field that holds them by step."""
    h, w = mean.shape
    pairs = torch.zeros(1, len(steps), h, w, dtype=torch.float64)
    for (i, (down, right)), y, x in product(enumerate(steps), range(h), range(w)):
        if 0 <= y + down < h and 0 <= x + right < w:
            pairs[0, i, y, x] = matrix[y * w + x, (y + down) * w + x + right]
    return MomentMaps(mean[None], pairs, steps)


def random_matrix(n: int, alike: float) -> Tensor:
    """A covariance of unequal variances whose correlations lie around `alike`."""
    own = torch.randn(n, n, dtype=torch.float64) / n**0.5
    sd = 0.5 + torch.rand(n, dtype=torch.float64)
    return sd[:, None] * (alike + (1 - alike) * (own @ own.T)) * sd


@pytest.mark.parametrize("size", [(4, 4), (5, 6), (7, 7)])
@pytest.mark.parametrize(("takes", "divisor"), [("mean", None), ("sum", 1)])
def test_mean_and_sum_equal_torch_s_on_every_pair(size, takes, divisor):
    h, w = size
    output = (-(-h // 2), -(-w // 2))
    node = pool(takes, output)
    products, mean = random_matrix(h * w, 0.3), torch.randn(h, w).double()
    products = products + mean.flatten()[:, None] * mean.flatten()
    above = kept(product((-1, 0, 1), (-1, 0, 1)), output)
    found = pooling.linear(as_field(mean, products, pooling.steps_below(node, above, size)), node, above)

    basis = torch.eye(h * w, dtype=torch.float64).view(-1, 1, h, w)
    matrix = F.avg_pool2d(basis, 2, ceil_mode=True, divisor_override=divisor).flatten(1).T
    expected = as_field((matrix @ mean.flatten()).view(output), matrix @ products @ matrix.T, above)
    assert torch.allclose(found.mean, expected.mean) and torch.allclose(found.pairs, expected.pairs)
    assert found.steps == above


@pytest.mark.parametrize(("rho", "integral"), [(0.0, 1.5438), (0.5, 1.2000), (0.9, 0.7857), (0.99, 0.5850), (1.0, 0.5)])
def test_the_largest_of_four_equally_correlated(rho, integral):
    """E relu(max)^2 by numerical integration of one-factor normals."""
    node, steps = pool("max", (1, 1), RELU), kept(product((-1, 0, 1), (-1, 0, 1)), (2, 2))
    matrix = torch.full((4, 4), rho).double() + (1 - rho) * torch.eye(4).double()
    found, slopes = pooling.largest(as_field(torch.zeros(2, 2).double(), matrix, steps), node, (HERE,))
    assert found.square.item() == pytest.approx(integral, rel=1.2e-2)
    # Some cell is the largest, and it is positive unless all four are negative.
    all_negative = {0.0: 1 / 16, 0.5: 1 / 5, 1.0: 1 / 2}
    if rho in all_negative:
        assert slopes.sum().item() == pytest.approx(1 - all_negative[rho], abs=2e-2)


@pytest.mark.parametrize("activation", [RELU, TANH, SIGMOID, GELU], ids=["relu", "tanh", "sigmoid", "gelu"])
@pytest.mark.parametrize("alike", [0.2, 0.9])
@pytest.mark.parametrize("level", [0.0, 0.5])
@pytest.mark.parametrize("window", [TWO, THREE], ids=["apart", "overlapping"])
def test_max_equals_sampling(activation, alike, level, window):
    h, w, node = 5, 5, pool("max", (3, 3), activation, window)
    covariance, mean = random_matrix(h * w, alike), torch.full((h, w), level).double()
    above = kept(product((-1, 0, 1), (-1, 0, 1)), (3, 3))
    below = pooling.steps_below(node, above, (h, w))
    found, slopes = pooling.largest(as_field(mean, covariance, below), node, above)
    steps = steps_above(node, (HERE,))
    apart = as_field(torch.zeros(3, 3).double(), torch.eye(9).double(), steps)
    slopes = spread(apart, slopes, node, (h, w), (HERE,))[:, 0]

    factor = torch.linalg.cholesky(covariance + 1e-9 * torch.eye(h * w))
    drawn = (mean.flatten() + torch.randn(40_000, h * w, dtype=torch.float64) @ factor.T).view(-1, 1, h, w)
    drawn.requires_grad_()
    pooled = F.max_pool2d(activation.function(drawn), window.kernel, 2, window.before, ceil_mode=window is TWO)
    # Gradients of windows that share a cell are independent: signs at random.
    signs = 2.0 * torch.randint(0, 2, pooled.shape).double() - 1
    (gradient,) = torch.autograd.grad((signs * pooled).sum(), drawn)
    values = pooled.detach().flatten(1)
    expected = as_field(values.mean(0).view(3, 3), values.T @ values / len(values), above)
    scale = expected.square.mean().item()
    slack = 1.0 if window is TWO else 2.0  # nine dimensions instead of four for the same points
    slope = gradient.square().mean(0)
    assert torch.allclose(found.mean, expected.mean, rtol=0, atol=slack * 0.02 * scale**0.5)
    assert torch.allclose(found.square, expected.square, rtol=0, atol=slack * 0.03 * scale)
    assert torch.allclose(found.pairs, expected.pairs, rtol=0, atol=slack * 0.06 * scale)
    assert torch.allclose(slopes, slope, rtol=0, atol=slack * 0.07 * slopes.max().item())
    assert slopes.mean().item() == pytest.approx(slope.mean().item(), rel=slack * 2e-2)


def test_equal_cells_are_one_cell():
    """A blank background: covariances without rank, where a plain Cholesky fails."""
    node, steps = pool("max", (2, 2), RELU), kept(product((-1, 0, 1), (-1, 0, 1)), (4, 4))
    field = as_field(torch.zeros(4, 4).double(), torch.full((16, 16), 2.0).double(), steps)
    found, slopes = pooling.largest(field, node, (HERE,))
    assert torch.allclose(found.square, torch.ones(1, 2, 2).double())
    assert slopes.sum().item() == pytest.approx(2.0)


def test_points_are_normal():
    points = pooling.normal_points(4)
    assert torch.allclose(points.T @ points / len(points), torch.eye(4).double())
    assert points.mean().abs() < 1e-12
    assert (points**4).mean().item() == pytest.approx(3, rel=5e-2)
