"""When a batch is learned by heart, and when that is not settled yet: from the loss before each step on it."""

import statistics
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

# Of what there is to learn about the batch, the part that a network may still miss and yet know it by heart: 0.23 of
# ln 10 in ten classes, which is 0.8 for the probability of the right one, as a geometric mean over the images. Accuracy
# alone can be 1 for a moment, by luck, in a small batch; a far smaller loss takes many more steps and says no more.
UNLEARNED = 0.1
FALL, WINDOW = 0.1, 5  # of what was left to learn in the middle, by medians of so many steps


def enough(y: Tensor, classes: int, label_smoothing: float) -> float:
    """The loss at which all but UNLEARNED of a batch's labels, y: int64 (N,), is learned."""
    least, guessing = _limits(y, classes, label_smoothing)
    return least + UNLEARNED * (guessing - least)


def falling(losses: Sequence[float], y: Tensor, classes: int, label_smoothing: float) -> bool:
    """Whether the loss is below that of guessing, and fell in the later half by FALL of what was left to learn."""
    least, guessing = _limits(y, classes, label_smoothing)
    middle, end = (statistics.median(part) for part in (losses[len(losses) // 2 :][:WINDOW], losses[-WINDOW:]))
    return end < guessing and end - least <= (1 - FALL) * (middle - least)


def _limits(y: Tensor, classes: int, label_smoothing: float) -> tuple[float, float]:
    """The entropy of one image's (smoothed) label, the least possible loss, and that of all together, the loss of the
    best answer that does not depend on the image."""
    targets = F.one_hot(y, classes).double() * (1 - label_smoothing) + label_smoothing / classes
    least, guessing = (torch.special.entr(p).sum().item() for p in (targets[0], targets.mean(0)))
    return least, guessing
