"""Loss and accuracy over many batches, kept on the device and read once."""

from collections.abc import Callable, Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor


class Tally:
    """Collects batches; adding one launches no kernel, so it does not slow training down."""

    # Batches held before they are summed: 64 x (256, 10) floats are 0.7 MB.
    KEPT = 64

    def __init__(self) -> None:
        self._losses: list[Tensor] = []
        self._judged: list[Tensor] = []  # of the first of these batches, whether each image is correct, (N,) bool
        self._logits: list[Tensor] = []  # of the others
        self._labels: list[Tensor] = []
        self._sums: Tensor | None = None  # float64: summed loss, correct images, images, leading steps with finite loss

    def add(self, loss: Tensor, logits: Tensor, labels: Tensor) -> None:
        """One batch's mean loss (0-d), logits (N, classes) and labels (N,)."""
        self._losses.append(loss.detach())
        self._logits.append(logits.detach())
        self._labels.append(labels)
        if len(self._losses) >= self.KEPT:
            self._sums = self._folded()
            self._losses, self._judged, self._logits, self._labels = [], [], [], []

    def state(self) -> dict[str, Any]:
        """Plain types and tensors, for `Tally.of`. What is not summed yet stays so: sums depend on their order. Without
        the logits, which with 1,000 classes are large."""
        self._judge()
        return {"losses": self._losses, "correct": self._judged, "sums": self._sums}

    @classmethod
    def of(cls, state: Mapping[str, Any], device: torch.device) -> "Tally":
        tally = cls()
        # Before November 2026 it had all logits.
        judged = state["correct"] if "correct" in state else map(correct, state["logits"], state["labels"])
        tally._losses, tally._judged = ([tensor.to(device) for tensor in part] for part in (state["losses"], judged))
        tally._sums = None if state["sums"] is None else state["sums"].to(device)
        return tally

    def read(self, everyone: Callable[[Tensor], Tensor] = lambda sums: sums[None]) -> dict[str, float]:
        """`loss` and `accuracy` over all images so far; `finite_steps`: steps before the first non-finite loss.
        Changes no later reading, not by a rounding.

        `everyone`: gathers the sums of processes that have parts of the same batches.
        """
        sums = self._folded()
        if sums is None:
            return {}
        each = everyone(sums)
        loss, correct, images, finite = torch.cat([each[:, :3].sum(0), each[:, 3:].amin(0)]).tolist()
        return {"loss": loss / images, "accuracy": correct / images, "finite_steps": finite}

    def _judge(self) -> None:
        """Keep of the logits and labels so far only which images are correct."""
        if self._labels:
            judged = correct(torch.cat(self._logits), torch.cat(self._labels))
            self._judged += judged.split([len(labels) for labels in self._labels])
            self._logits, self._labels = [], []

    def _folded(self) -> Tensor | None:
        if not self._losses:
            return self._sums
        self._judge()
        losses = torch.stack(self._losses).double()
        sizes = torch.tensor([len(y) for y in self._judged], dtype=torch.float64).to(losses.device, non_blocking=True)
        right = torch.cat(self._judged).sum()
        finite = losses.isfinite().double().cumprod(0).sum()
        new = torch.stack([(losses * sizes).sum(), right.double(), sizes.sum(), finite])
        if self._sums is None:
            return new
        all_finite_before = self._sums[0].isfinite().double()
        return self._sums + new * torch.stack([*torch.ones(3, device=new.device).double(), all_finite_before])


def correct(logits: Tensor, labels: Tensor) -> Tensor:
    """(N,) bool: the argmax of logits (N, classes) is the label; False if any logit is NaN."""
    return (logits.argmax(1) == labels) & ~logits.isnan().any(1)


@torch.no_grad()
def batch_accuracy(logits: Tensor, labels: Tensor) -> Tensor:
    return correct(logits, labels).float().mean()


def cross_entropy(logits: Tensor, labels: Tensor, label_smoothing: float = 0.0) -> Tensor:
    """Mean cross-entropy in float32, whatever the precision of the forward pass."""
    return F.cross_entropy(logits.float(), labels, label_smoothing=label_smoothing)


def batch_scores(loss: Tensor, logits: Tensor, labels: Tensor) -> dict[str, Tensor]:
    """Logged scalars of a measured training step, 0-d tensors on the device."""
    return {"train/loss": loss, "train/accuracy": batch_accuracy(logits, labels)}


def scores_of(split: str, logits: Tensor, labels: Tensor) -> dict[str, float]:
    """`<split>/loss` and `<split>/accuracy` of logits (N, classes)."""
    return at_once(
        {f"{split}/loss": cross_entropy(logits, labels), f"{split}/accuracy": batch_accuracy(logits, labels)}
    )


def at_once(scores: Mapping[str, Tensor]) -> dict[str, float]:
    """0-d tensors as numbers, for which a GPU is waited for once."""
    return dict(zip(scores, torch.stack([*scores.values()]).tolist(), strict=True))


def resolution(logits: Tensor, labels: Tensor) -> dict[str, float]:
    """What the test split can tell apart: its size, the accuracy of always guessing its largest class, and the
    standard deviation of the accuracy that its size alone causes. logits: (N, classes), labels: (N,).

    `test/noise_floor` is sqrt(sum p (1 - p)) / n, p being the probability that the network gives to the true label:
    each image is taken as a draw with success probability p. NaN for a network whose output is.
    """
    p = logits.double().softmax(1).gather(1, labels[:, None])
    floor = (p * (1 - p)).sum().sqrt() / len(labels)
    chance = labels.bincount().max() / len(labels)
    return {"test/images": len(labels), "test/chance": chance.item(), "test/noise_floor": floor.item()}


def probability_error(logits: Tensor) -> dict[str, float]:
    """How far an image's class probabilities are from adding up to 1, in float32, for the worst image; logits:
    (N, classes). Rounding leaves about 1e-7 a class; NaN for a network whose output is."""
    sums = logits.float().softmax(1).double().sum(1)
    return {"test/probability_error": (sums - 1).abs().max().item()}


def never_predicted(logits: Tensor, labels: Tensor) -> dict[str, float]:
    """`test/mistaken/<label>/<answer>`: of each class that no image is predicted as, how many of its images get which
    answer. Empty if a logit is NaN. logits: (N, classes), labels: (N,)."""
    if logits.isnan().any():
        return {}
    said = logits.argmax(1)
    missed = ~torch.isin(labels, said)
    pairs, counts = torch.stack([labels[missed], said[missed]]).unique(dim=1, return_counts=True)
    told = zip(*pairs.tolist(), counts.tolist(), strict=True)
    return {f"test/mistaken/{label}/{answer}": float(count) for label, answer, count in told}


def gap(results: Mapping[str, Any]) -> dict[str, float]:
    """`test/gap`: by how much the accuracy during the last epoch, on training images as augmented and with dropout,
    is above that on the test images. Absent for a run that was not trained."""
    if "train/epoch_accuracy" not in results:
        return {}
    return {"test/gap": results["train/epoch_accuracy"] - results["test/accuracy"]}
