"""The gradient at random logits, against sampling and its two ends."""

import pytest
import torch

from cnnlab.theory.softmax import gradient_scatter, gradient_square


@pytest.mark.parametrize("classes", [2, 10, 1000])
def test_between_equal_logits_and_one_winner(classes):
    ends = gradient_square(torch.tensor([0.0, 1e30, float("inf")]).double(), classes)
    few = (classes - 1) / classes**2
    assert ends.tolist() == pytest.approx([few, 2 * few, 2 * few], rel=1e-3)


@pytest.mark.parametrize("smoothing", [0.0, 0.3])
@pytest.mark.parametrize("variance", [0.05, 1.0, 7.0, 200.0])
def test_sampled_softmax_of_ten_classes(variance, smoothing):
    logits = variance**0.5 * torch.randn(100_000, 10).double()
    labels = torch.arange(len(logits)) % 10
    target = (1 - smoothing) * torch.nn.functional.one_hot(labels) + smoothing / 10
    gradient = logits.softmax(1) - target
    found = gradient_square(torch.tensor([variance]).double(), 10, smoothing).item()
    assert found == pytest.approx(gradient.square().mean().item(), rel=1e-2)


def test_scatter_at_equal_logits_comes_from_the_labels_alone():
    """Gradients of one class are equal, of two classes have r = -1 / (classes - 1): r^2 = 1 / (classes - 1) in all."""
    scatter, together = gradient_scatter(torch.zeros(30).double(), 10, correlation=0.5, log_variance=0.1)
    assert scatter == pytest.approx(0, abs=1e-12)
    assert together == pytest.approx(1 / 9)
    # Where every image has the same loud logits, their gradients share the wrong winner.
    scatter, together = gradient_scatter(torch.full((30,), 100.0).double(), 10, correlation=1.0, log_variance=0.0)
    assert together > 0.25
