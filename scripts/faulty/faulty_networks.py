"""Networks with a fault in their Python code, where no setting shows it, and the residual network of two bases."""

from functools import partial
from typing import Any

import common_layers
import common_weights
import faulty_layers
import faulty_signals
import faulty_weights
import later_layers
import later_weights
import latest_layers
import latest_weights
import more_layers
import more_weights
import newer_layers
import newer_weights
import once_layers
import once_weights
import torch
from torch import Tensor, nn

from cnnlab.networks.convnet import ConvNet
from cnnlab.networks.init import he_normal_, initialize

Shape = tuple[int, int, int]


def faulty(image_shape: Shape, classes: int, fault: str, amount: float = 1.0, **settings: Any) -> nn.Module:
    """cnnlab's own network with `fault`, a function of one of the modules below."""
    return _with_fault(ConvNet(image_shape, classes, **settings), fault, amount, settings["activation"])


class Block(nn.Module):
    """Two convolutions beside a shortcut (He et al. 2015, arXiv:1512.03385)."""

    def __init__(self, c_in: int, c_out: int, stride: int):
        super().__init__()
        self.conv1 = nn.Conv2d(c_in, c_out, 3, stride, 1, bias=False)
        self.norm1 = nn.BatchNorm2d(c_out)
        self.conv2 = nn.Conv2d(c_out, c_out, 3, 1, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(c_out)
        self.relu = nn.ReLU()
        same = c_in == c_out and stride == 1
        self.shortcut = nn.Identity() if same else nn.Conv2d(c_in, c_out, 1, stride, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        y = self.norm2(self.conv2(self.relu(self.norm1(self.conv1(x)))))
        return self.relu(y + self.shortcut(x))


def residual(
    image_shape: Shape,
    classes: int,
    channels: tuple[int, ...] = (8, 16, 32),
    dropout: float = 0.0,
    fault: str = "none",
    amount: float = 1.0,
) -> nn.Module:
    """A stem, one block with stride 2 for each number of channels, and the average of the map."""
    stem = nn.Sequential(
        nn.Conv2d(image_shape[0], channels[0], 3, 1, 1, bias=False), nn.BatchNorm2d(channels[0]), nn.ReLU()
    )
    network = nn.Sequential()
    network.add_module("stem", stem)
    before = channels[0]
    for i, width in enumerate(channels, start=1):
        network.add_module(f"block{i}", Block(before, width, 2))
        before = width
    network.add_module("head", nn.Sequential())
    network.head.add_module("average", nn.AdaptiveAvgPool2d(1))
    network.head.add_module("flatten", nn.Flatten())
    if dropout:
        network.head.add_module("dropout", nn.Dropout(dropout))
    network.head.add_module("logits", nn.Linear(before, classes))
    return network if fault == "none" else _with_fault(network, fault, amount, "relu")


def _with_fault(network: nn.Module, fault: str, amount: float, activation: str) -> nn.Module:
    """Faults in weights need `init=own`, which keeps what is drawn here; the others leave the weights to `init`."""
    modules = (faulty_weights, more_weights, later_weights, newer_weights, latest_weights, common_weights, once_weights)
    if weights := [module for module in modules if hasattr(module, fault)]:
        fill = partial(he_normal_, nonlinearity=activation)
        initialize(network, fill, seed=int(torch.randint(2**31, ())))
        with torch.no_grad():
            getattr(weights[0], fault)(network, amount)
        return network
    modules = (
        faulty_layers,
        faulty_signals,
        more_layers,
        later_layers,
        newer_layers,
        latest_layers,
        common_layers,
        once_layers,
    )
    return getattr(next(module for module in modules if hasattr(module, fault)), fault)(network, amount)
