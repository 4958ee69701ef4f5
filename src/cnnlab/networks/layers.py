"""Names of layers: the one place that says what a layer is called in metrics, tables and theory."""

from collections.abc import Iterator

from torch import nn


def weight_layers(network: nn.Module) -> dict[str, nn.Module]:
    """Every convolution and fully connected layer as `01_block1.conv1`, in the order of definition.

    The number comes first and is padded with zeros so that sorting by name is sorting by depth. A ConvNet
    defines its layers in the order in which they run; a module of one's own should too.
    """
    found = [(name, m) for name, m in network.named_modules() if isinstance(m, (nn.Conv2d, nn.Linear))]
    digits = max(2, len(str(len(found))))
    return {f"{i:0{digits}d}_{name or 'network'}": module for i, (name, module) in enumerate(found, start=1)}


def leaves(network: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """`(dotted name, module)` of the modules that hold no others, in the order of definition."""
    for name, module in network.named_modules():
        if next(module.children(), None) is None:
            yield name, module
