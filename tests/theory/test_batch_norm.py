"""Batch norm at initialization, against torch's on random channels."""

import math

import pytest
import torch
from torch.nn import functional as F

from cnnlab.theory.batch_norm import normalized
from cnnlab.theory.graph import Normalize
from cnnlab.theory.maps import MomentMaps, kept
from cnnlab.theory.samples import Samples

IMAGES, SIDE, CHANNELS = 12, 3, 20_000
EPS = 0.05
NODE = Normalize((0,), CHANNELS, (SIDE, SIDE), scale=1.5, shift=0.5, eps=EPS)
STEPS = kept([(a, b) for a in range(-2, 3) for b in range(-2, 3)], (SIDE, SIDE))


def _covariance(common: float) -> torch.Tensor:
    """Between all positions of all images: `common` everywhere, 0.2 more within an image, larger at later positions."""
    image = torch.arange(IMAGES * SIDE**2) // SIDE**2
    matrix = common + 0.2 * (image[:, None] == image).double()
    matrix.fill_diagonal_(1.0)
    return matrix


def _given(matrix: torch.Tensor) -> tuple[MomentMaps, Samples]:
    image = torch.arange(len(matrix)) // SIDE**2
    pairs = torch.zeros(IMAGES, len(STEPS), SIDE, SIDE, dtype=torch.float64)
    for i, (down, right) in enumerate(STEPS):
        for n in range(IMAGES):
            for y in range(SIDE):
                for x in range(SIDE):
                    if 0 <= y + down < SIDE and 0 <= x + right < SIDE:
                        here = n * 9 + y * 3 + x
                        pairs[n, i, y, x] = matrix[here, here + 3 * down + right]
    return MomentMaps(torch.zeros(IMAGES, SIDE, SIDE).double(), pairs, STEPS), Samples(matrix, 0.0, image)


@pytest.mark.parametrize("common", [0.0, 0.5])
def test_what_torch_makes_of_random_channels(common):
    matrix = _covariance(common)
    maps, samples = _given(matrix)
    found = normalized(maps, samples, NODE, IMAGES, None)

    torch.manual_seed(0)
    drawn = torch.linalg.cholesky(matrix) @ torch.randn(len(matrix), CHANNELS, dtype=torch.float64)
    x = drawn.T.reshape(CHANNELS, IMAGES, SIDE, SIDE).transpose(0, 1).contiguous().requires_grad_()
    y = F.batch_norm(x, None, None, *(torch.full((CHANNELS,), v).double() for v in (1.5, 0.5)), training=True, eps=EPS)
    assert torch.allclose(found.maps.mean, y.detach().mean(1), atol=0.06)
    for i, (down, right) in enumerate(STEPS):
        if down >= 0 and right >= 0:
            products = (y[..., : SIDE - down, : SIDE - right] * y[..., down:, right:]).detach().mean(1)
            assert torch.allclose(found.maps.pairs[:, i, : SIDE - down, : SIDE - right], products, atol=0.1)
    assert found.samples.square == pytest.approx(float(y.detach().square().mean()), rel=2e-2)

    above = torch.randn_like(y)
    (gradient,) = torch.autograd.grad(y, x, above)
    assert found.slope == pytest.approx(float(gradient.square().mean() / above.square().mean()), rel=6e-2)


def test_nothing_stays_nothing():
    maps, samples = _given(torch.zeros(IMAGES * 9, IMAGES * 9, dtype=torch.float64))
    found = normalized(maps, samples, Normalize((0,), 8, (SIDE, SIDE), 1.0, 0.0, 1e-5), IMAGES, None)
    assert float(found.maps.square.max()) == 0 and math.isfinite(found.slope)


def test_few_degrees_of_freedom_have_no_mean_of_the_inverse():
    """One image, whose positions are all alike but for noise."""
    matrix = torch.full((108, 108), 0.98).double().fill_diagonal_(1.0)
    wide = torch.where(torch.arange(108) < 9, 5.0, 0.2).double()
    maps, samples = _given(wide[:, None] * matrix * wide)
    found = normalized(maps, samples, NODE, IMAGES, None)
    assert math.isnan(found.slope) and float(found.maps.square.mean()) == pytest.approx(1.5**2 + 0.25, rel=0.1)


def test_few_features_scatter_the_channels_variances():
    maps, samples = _given(_covariance(0.0))
    many, few = (normalized(maps, samples, NODE, IMAGES, features) for features in (1000, 16))
    assert few.inverse > many.inverse > 1 and few.slope > many.slope
    assert math.isnan(normalized(maps, samples, NODE, IMAGES, 2).slope)
