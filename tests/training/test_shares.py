"""Two processes that each evaluate some batches against one that evaluates all."""

import torch
from torch import nn

from cnnlab.datasets.base import Split
from cnnlab.datasets.batches import Batches
from cnnlab.training.ranks import ALONE
from cnnlab.training.shares import own, predicted, whole_scores
from cnnlab.training.trainer import Trainer

BATCH = 4


def _trainer(ranks) -> Trainer:
    network = nn.Sequential(nn.Flatten(), nn.Linear(4, 3))
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.copy_(torch.linspace(-1, 1, parameter.numel()).view(parameter.shape))
    return Trainer(network, None, None, torch.device("cpu"), ranks=ranks)


def _batches(images: int) -> Batches:
    stream = torch.Generator().manual_seed(0)
    split = Split(torch.randint(256, (images, 1, 2, 2), generator=stream).byte(), torch.arange(images) % 3)
    return Batches(split, (0.5,), (0.2,), BATCH)


def _evaluate(ranks):
    trainer, rests, found = _trainer(ranks), [], {}
    for images in (3, 4, 17, 32):
        count: list[int] = []
        found[images] = predicted(trainer, _batches(images), lambda count=count: count.append(1))
        rests.append(len(count))
    x, y = next(own(_batches(8), ranks).epoch(0))
    logits = trainer.network(x)
    loss = nn.functional.cross_entropy(logits, y)
    return found, rests, {key: value.item() for key, value in whole_scores(ranks, loss, logits, y).items()}


def test_two_processes_predict_what_one_does_and_rest_together(by_two):
    (found, rests, scores), (nothing, others, same) = by_two(_evaluate)
    assert set(nothing.values()) == {None} and rests == others == [1, 1, 3, 4] and scores == same
    whole, alone, expected = _evaluate(ALONE)
    assert alone == [1, 1, 5, 8]
    for images, (logits, labels) in whole.items():
        assert torch.equal(found[images][0], logits) and torch.equal(found[images][1], labels)
    assert scores.keys() == expected.keys()
    for key, value in expected.items():
        assert abs(scores[key] - value) < 1e-6
