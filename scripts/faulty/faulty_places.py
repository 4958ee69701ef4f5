"""Where a fault is put: a network is a Sequential of blocks and of a head, which is a Sequential too."""

from collections.abc import Callable

from torch import Tensor, nn

from cnnlab.networks.layers import weight_layers


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
