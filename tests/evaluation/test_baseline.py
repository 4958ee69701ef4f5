"""The linear classifier on untrained features, against scikit-learn's ridge regression and against what is known."""

import math

import pytest
import torch
from sklearn.linear_model import RidgeClassifier

from cnnlab.datasets.base import normalize
from cnnlab.datasets.digits import digits
from cnnlab.evaluation.baseline import _features, _filters, baseline_accuracy


@pytest.fixture(scope="module")
def splits():
    data = digits(size=16)
    return [
        (normalize(split.images[:400], data.mean, data.std), split.labels[:400])
        for split in (data.train, data.validation)
    ]


def test_it_is_ridge_regression_on_the_features(splits):
    (x, y), (x2, y2) = splits
    filters = _filters(x)
    seen, unseen = _features(x, filters).double(), _features(x2, filters).double()
    mean, std = seen.mean(0), seen.std(0)
    fitted = RidgeClassifier(alpha=float(len(x))).fit(((seen - mean) / std).numpy(), y.numpy())
    expected = fitted.score(((unseen - mean) / std).numpy(), y2.numpy())
    assert baseline_accuracy((x, y), (x2, y2), 10) == pytest.approx(expected, abs=1 / len(y2))


def test_features_are_rectified_correlations_averaged_over_cells(splits):
    x = splits[0][0][:3]
    filters = _filters(x)
    maps = torch.zeros(3, len(filters), 6, 6)
    for row in range(6):
        for column in range(6):
            patch = x[:, :, 2 * row : 2 * row + 5, 2 * column : 2 * column + 5]
            maps[:, :, row, column] = torch.einsum("nchw,fchw->nf", patch, filters)
    one_cell = maps[:, :, 0:2, 0:2].relu().mean((2, 3))
    assert torch.allclose(_features(x, filters).view(3, -1, 4, 4)[:, : len(filters), 0, 0], one_cell, atol=1e-5)


def test_digits_are_easy_shuffled_labels_impossible_and_scale_is_no_matter(splits):
    (x, y), other = splits
    accuracy = baseline_accuracy((x, y), other, 10)
    assert accuracy > 0.9
    assert baseline_accuracy((100 * x + 30, y), (100 * other[0] + 30, other[1]), 10) == pytest.approx(
        accuracy, abs=0.05
    )
    shuffled = y[torch.randperm(len(y), generator=torch.Generator().manual_seed(0))]
    assert baseline_accuracy((x, shuffled), other, 10) < 0.3


def test_the_same_images_give_the_same_number(splits):
    before = torch.get_rng_state()
    assert baseline_accuracy(*splits, 10) == baseline_accuracy(*splits, 10)
    assert torch.equal(before, torch.get_rng_state())


def test_images_that_are_constant_broken_or_tiny_raise_nothing():
    y = torch.arange(20) % 2
    for images in (torch.zeros(20, 1, 8, 8), torch.full((20, 1, 8, 8), math.nan), torch.randn(20, 1, 2, 2)):
        assert 0 <= baseline_accuracy((images, y), (images, y), 2) <= 1
    assert math.isnan(baseline_accuracy((torch.zeros(20, 1, 8, 8), y), (torch.zeros(0, 1, 8, 8), y[:0]), 2))
