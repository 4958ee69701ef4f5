"""Products between sampled positions, against loops over random channels and known integrals."""

import math

import pytest
import torch
from torch import nn

from cnnlab.networks.modules.moments import LINEAR, of_module
from cnnlab.theory.graph import IMAGE, Weights
from cnnlab.theory.samples import Activated, Samples, of_patches

RELU = of_module(nn.ReLU())


def _samples(correlation: float, count: int = 6, mean: float = 0.0) -> Samples:
    products = torch.full((count, count), correlation).double().fill_diagonal_(1.0) + mean**2
    return Samples(products, mean, torch.arange(count) // 2)


def test_patches_are_those_that_the_first_layer_sees():
    images = torch.randn(3, 2, 5, 5, dtype=torch.float64)
    layer = Weights((IMAGE,), 4, (3, 3), "01", nn.Conv2d(2, 4, 3, 2, 1), 2, 4, (3, 3), (2, 2), (1, 1, 1, 1), 1.0)
    found = of_patches(layer, images)
    padded = nn.functional.pad(images, (1, 1, 1, 1))
    patches = [padded[n, :, 2 * i : 2 * i + 3, 2 * j : 2 * j + 3] for n in range(3) for i in range(3) for j in range(3)]
    products = torch.tensor([[float((a * b).sum()) for b in patches] for a in patches], dtype=torch.float64)
    assert torch.allclose(found.products / found.products[0, 0], products / products[0, 0])
    assert found.images.tolist() == [n for n in range(3) for _ in range(9)]
    assert found.square == pytest.approx(float(images.square().mean()))


@pytest.mark.parametrize("r", [-0.3, 0.0, 0.5, 0.99])
def test_relu_makes_positions_more_alike_as_the_arc_cosine_says(r):
    """Cho & Saul 2009: E relu relu' = (sqrt(1 - r^2) + r (pi - acos r)) / (2 pi)."""
    found = Activated(RELU, _samples(r)).samples()
    expected = (math.sqrt(1 - r * r) + r * (math.pi - math.acos(r))) / (2 * math.pi)
    assert found.products[0, 1].item() == pytest.approx(expected, abs=5e-3)
    assert found.square == pytest.approx(0.5) and found.mean == pytest.approx(1 / math.sqrt(2 * math.pi))


def test_the_mean_over_a_batch_is_that_of_all_pairs():
    """Four images of six positions each, of which the sample has three."""
    images, positions = 4, 6
    every = torch.arange(images * positions) // positions
    matrix = torch.where(every[:, None] == every, 0.6, 0.2).double().fill_diagonal_(1.0)
    chosen = [i for i in range(len(every)) if i % positions < 3]
    some = Samples(matrix[chosen][:, chosen], 0.0, every[chosen])
    found = some.over_batch(some.products, images, positions)
    assert torch.allclose(found, matrix.mean(1)[chosen])


def test_a_single_image_has_pairs_within_it_only():
    alone = Samples(torch.full((3, 3), 0.5).double().fill_diagonal_(1.0), 0.0, torch.zeros(3))
    assert torch.allclose(alone.over_batch(alone.products, 1, 4), torch.full((3,), 0.25 + 0.75 * 0.5).double())


def test_averages_keep_what_is_common():
    found = _samples(0.4).averaged(square=0.55, mean=0.0, total=1.0)
    assert found.square == pytest.approx(0.55) and found.products[0, 1].item() == pytest.approx(0.4)
    assert _samples(0.9).averaged(0.5, 0.0, 1.0).products.max().item() == pytest.approx(0.5), "no more than all"


def test_a_global_average_is_that_of_the_image_s_positions():
    """Every position of three images is sampled: the products are those of the images' means."""
    maps = torch.randn(64, 3, 5, dtype=torch.float64)  # channels, images, positions
    flat = maps.flatten(1)
    samples = Samples(flat.T @ flat / 64, 0.0, torch.arange(3).repeat_interleave(5))
    means = maps.mean(2)
    expected = means.T @ means / 64
    found = samples.averaged_whole(square=expected.diagonal().mean().item(), mean=0.0, positions=5)
    torch.testing.assert_close(found.products[::5, ::5], expected)
    assert torch.equal(found.products[0], found.products[4])
    alone = Samples(torch.eye(2).double(), 0.0, torch.arange(2)).averaged_whole(0.5, 0.0, 9)
    torch.testing.assert_close(alone.products, 0.5 * torch.eye(2).double())


def test_maxima_keep_correlations():
    found = _samples(0.4, mean=1.0).pooled(square=5.0, mean=2.0)
    assert (found.square, found.mean) == (pytest.approx(5.0), 2.0)
    assert found.products[0, 1].item() == pytest.approx(4.0 + 0.4)


def test_independent_branches_add_up():
    found = _samples(0.4, mean=1.0).plus(_samples(0.1, mean=-2.0))
    assert found.mean == -1.0 and found.square == pytest.approx(1 + 1 + 1.0)
    assert found.products[0, 1].item() == pytest.approx(0.4 + 0.1 + 1.0)


def test_weights_keep_correlations_up_to_the_taps_in_common():
    found = _samples(0.4).through_weights(square=3.0, mean=1.0, alike=0.5)
    assert found.square == pytest.approx(3.0) and found.products[0, 1].item() == pytest.approx(2.0 * 0.2 + 1.0)


def test_the_mean_square_of_equal_positions_is_chi_square():
    assert _samples(1.0).scatter_of_variance() == _samples(1.0).scatter_of_square() == pytest.approx(2.0)
    linear = Activated(LINEAR, _samples(0.3, mean=0.7))
    assert _samples(0.3, mean=0.7).scatter_of_square() == pytest.approx(linear.kappa(linear.values.square()))
    relu = Activated(RELU, _samples(1.0))
    assert relu.kappa(relu.values.square()) == pytest.approx(5.0, rel=1e-3), "Hanin & Rolnick: 5 / width"
