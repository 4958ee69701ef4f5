"""The part of the images that each of several processes takes: rows of every batch to train on, batches to evaluate."""

from collections.abc import Callable
from itertools import chain, islice, repeat

import torch
from torch import Tensor

from cnnlab.datasets.batches import Batches
from cnnlab.training.ranks import Ranks, mean
from cnnlab.training.tally import batch_scores
from cnnlab.training.trainer import Batch, Trainer


def own(batches: Batches, ranks: Ranks) -> Batches:
    return batches.shared(ranks.rank, ranks.count)


def whole_scores(ranks: Ranks, loss: Tensor, logits: Tensor, y: Tensor) -> dict[str, Tensor]:
    """Those of the whole batch, whose equal parts the processes have."""
    return mean(ranks, batch_scores(loss, logits, y))


def predicted(trainer: Trainer, split: Batches, rest: Callable[[], None] = lambda: None) -> Batch | None:
    """Logits (N, classes) in float32 and labels (N,) of all images of `split`, in order; None but in rank 0.

    `rest`: called before each batch, equally often in each process.
    """
    ranks = trainer.ranks
    most = -(-len(split.labels) // (split.batch_size * ranks.count))  # batches that any process has

    def rested():
        for batch in islice(chain(own(split, ranks).in_order(), repeat(None)), most):
            rest()
            if batch is not None:
                yield batch

    found = trainer.predict(rested())
    if ranks.count == 1:
        return found
    parts = ranks.collect(tuple(part.cpu() for part in found))
    if parts is None:
        return None
    logits, labels = zip(*(part for part in parts if len(part[1])), strict=True)
    return torch.cat(logits).to(trainer.device), torch.cat(labels).to(trainer.device)
