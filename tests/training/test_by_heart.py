"""When a batch is learned by heart, and when its loss is still falling."""

import math

import pytest
import torch

from cnnlab.training.by_heart import enough, falling

Y = torch.arange(10).repeat(6)  # guessing has ln 10


def test_all_but_a_tenth_is_to_be_learned():
    assert enough(Y, 10, 0.0) == pytest.approx(0.1 * math.log(10))
    p = [0.82] + 9 * [0.02]  # of one image's smoothed label
    least = -sum(q * math.log(q) for q in p)
    assert enough(Y, 10, 0.2) == pytest.approx(least + 0.1 * (math.log(10) - least))
    assert enough(torch.tensor([0, 0, 0, 1]), 2, 0.0) == pytest.approx(
        0.1 * (0.25 * math.log(4) + 0.75 * math.log(4 / 3))
    )


@pytest.mark.parametrize(
    ("losses", "smoothing", "is_falling"),
    [
        ([2.4 - 0.01 * step for step in range(100)], 0.0, True),  # 1.90 in the middle, 1.43 at the end
        ([2.3] * 100, 0.0, False),
        ([6 - 0.03 * step for step in range(100)], 0.0, False),  # to 3.0, which guessing is better than
        ([2.4 - 0.01 * min(step, 50) for step in range(100)], 0.0, False),  # stands still since the middle
        ([1.0 - 0.0005 * step for step in range(100)], 0.0, False),  # 0.975 to 0.95
        ([1.0 - 0.0005 * step for step in range(100)], 0.2, True),  # of which 0.867 cannot be learned
        ([1.9] * 60 + [1.5] * 38 + [9.0, 1.5], 0.0, True),  # one bad step
        ([2.0], 0.0, False),
    ],
)
def test_a_loss_that_falls_in_its_later_half_below_that_of_guessing(losses, smoothing, is_falling):
    assert falling(losses, Y, 10, smoothing) is is_falling
