"""Where a fault is written, and where it is put: a network is a Sequential of blocks and of a head, which is a
Sequential too."""

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from cnnlab.networks.layers import weight_layers


def written(fault: str, *kinds: str) -> Callable[..., Any] | None:
    """The function of that name in one of the modules `*_<kind>.py` beside this one."""
    names = sorted(path.stem for kind in kinds for path in Path(__file__).parent.glob(f"*_{kind}.py"))
    found = [function for name in names if (function := vars(import_module(name)).get(fault)) is not None]
    return next((function for function in found if function.__module__ in names), None)


class Apply(nn.Module):
    """A line in somebody's forward."""

    def __init__(self, line: Callable[[Tensor], Tensor]):
        super().__init__()
        self.line = line

    def forward(self, x: Tensor) -> Tensor:
        return self.line(x)


def insert(network: nn.Sequential, place: int, name: str, module: nn.Module) -> nn.Sequential:
    children = list(network.named_children())
    children.insert(place, (name, module))
    for old, _ in children:
        if old in network._modules:
            del network._modules[old]
    for new, child in children:
        network.add_module(new, child)
    return network


def on_images(network: nn.Sequential, line: Callable[[Tensor], Tensor]) -> nn.Module:
    return insert(network, 0, "prepare", Apply(line))


def in_the_middle(network: nn.Sequential, module: nn.Module) -> nn.Module:
    return insert(network, len(network) // 2, "between", module)


def before_head(network: nn.Sequential, module: nn.Module) -> nn.Module:
    return insert(network, len(network) - 1, "between", module)


def before_logits(network: nn.Sequential, module: nn.Module) -> nn.Module:
    insert(network.head, len(network.head) - 1, "between", module)
    return network


def on_logits(network: nn.Sequential, module: nn.Module) -> nn.Module:
    network.head.add_module("output", module)
    return network


def last_width(network: nn.Module) -> int:
    return list(weight_layers(network).values())[-1].weight.shape[1]


def channels_between(network: nn.Sequential) -> int:
    """Channels at the place where `in_the_middle` inserts."""
    before = nn.Sequential(*list(network.children())[: len(network) // 2])
    return [module for module in before.modules() if isinstance(module, nn.Conv2d)][-1].out_channels
