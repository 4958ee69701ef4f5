import math

import pytest
import torch
from torch import nn

from cnnlab.common.errors import InputError
from cnnlab.inference.answer import probabilities, ranked
from cnnlab.networks.convnet import ConvNet

CLASSES = ("cat", "dog", "emu")


def test_probabilities_against_one_picture_and_plain_python() -> None:
    network = ConvNet((1, 8, 8), 3, channels=[4]).eval()
    pixels = torch.randint(0, 256, (5, 1, 8, 8), dtype=torch.uint8)
    shares = probabilities(network, pixels, (0.3,), (0.2,), batch_size=2)
    for picture, row in zip(pixels, shares, strict=True):
        logits = network((picture[None].double() / 255 - 0.3).float() / 0.2)[0].tolist()
        powers = [math.exp(value) for value in logits]
        assert row.tolist() == pytest.approx([p / sum(powers) for p in powers], rel=1e-5)
    torch.testing.assert_close(shares.sum(1), torch.ones(5, dtype=torch.float64))


def test_a_diverged_network_is_told() -> None:
    network = nn.Sequential(nn.Flatten(), nn.Linear(4, 3))
    nn.init.constant_(network[1].get_parameter("weight"), torch.nan)
    with pytest.raises(InputError, match="diverged"):
        probabilities(network, torch.zeros(1, 1, 2, 2, dtype=torch.uint8), (0.0,), (1.0,))


def test_ranked_sorts_and_keeps_the_order_of_equals() -> None:
    shares = torch.tensor([0.25, 0.5, 0.25])
    assert ranked(shares, CLASSES, 2) == [("dog", 0.5), ("cat", 0.25)]
    assert [name for name, _ in ranked(shares, CLASSES, 9)] == ["dog", "cat", "emu"]
