"""Faults in the weights that a network starts with; each function changes an initialized network in place."""

from torch import nn

from cnnlab.networks.layers import weight_layers


def _layers(network: nn.Module) -> list[nn.Module]:
    return list(weight_layers(network).values())


def wide_biases(network: nn.Module, amount: float) -> None:
    """nn.init.normal_ of the biases, too, with a std that would be wide for weights."""
    for layer in _layers(network):
        if layer.bias is not None:
            layer.bias.normal_(std=amount)


def norms_at_zero(network: nn.Module, amount: float) -> None:
    """nn.init.zeros_(m.weight) for each batch norm, meant for the last one of a residual branch."""
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.weight.zero_()


def classifier_from_randn(network: nn.Module, amount: float) -> None:
    """self.fc.weight = nn.Parameter(torch.randn(classes, features))"""
    _layers(network)[-1].weight.normal_(std=amount)


def second_starts_at_zero(network: nn.Module, amount: float) -> None:
    _layers(network)[1].weight.zero_()


def hidden_from_normal(network: nn.Module, amount: float) -> None:
    """nn.init.normal_ of the first fully connected layer, whose std is 1 unless it is given."""
    next(layer for layer in _layers(network) if isinstance(layer, nn.Linear)).weight.normal_(std=amount)


def second_switched_off(network: nn.Module, amount: float) -> None:
    """Biases so low that no input gets a filter of this layer above zero."""
    _layers(network)[1].bias.fill_(-amount)


def classifier_filled(network: nn.Module, amount: float) -> None:
    """The weights of all fully connected layers are one number."""
    for layer in _layers(network):
        if isinstance(layer, nn.Linear):
            layer.weight.fill_(amount)
