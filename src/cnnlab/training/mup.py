"""AdamW with learning rates by width, so that one learning rate suits networks of every width."""

from collections.abc import Iterable, Sequence

from torch import nn
from torch.nn.modules.conv import _ConvNd
from torch.optim import AdamW

from cnnlab.common.limits import check_limits
from cnnlab.networks.layers import weight_layers


def mup_adamw(
    parameters: Iterable[nn.Parameter],
    lr: float = 0.002,
    betas: Sequence[float] = (0.9, 0.999),
    weight_decay: float = 0.01,
    base_width: int = 16,
    network: nn.Module | None = None,
) -> AdamW:
    """muP for Adam (Yang et al. 2022, arXiv:2203.03466, table 3): `lr` * base_width / fan-in for the weights of every
    layer but the first, which with all biases and norms keeps `lr`. `init=mup` draws the weights that belong to it.

    The fan-in is counted in channels, since kernels do not grow with the width: a network whose layers have
    `base_width` input channels is trained as by AdamW. A fully connected layer's is its number of inputs, which is
    that of channels after a global average: meant for `model.head=average`. Behind a flattened map the learning
    rate is also divided by the number of positions. Layers whose fan-in does not grow with the width keep `lr`:
    depthwise convolutions, and those with one input. Of other grouped convolutions the number of groups is taken to
    be the same at every width, so that all input channels count. The first of `parameters` that is a matrix or a
    kernel counts as the first layer's, so that layer must not be frozen. `network`: whose `parameters` they are;
    without it, which of them are of transposed or grouped convolutions is not known, and the second axis counts.

    AdamW multiplies `weight_decay` by the learning rate; it is scaled the other way, so that all weights decay alike,
    as in the authors' MuAdamW.
    """
    check_limits(optimizer_base_width=base_width)
    groups: dict[float, list[nn.Parameter]] = {1.0: []}  # the group that keeps `lr` first: its rate is the logged one
    inputs = {} if network is None else _input_channels(network)
    first = True
    for parameter in parameters:
        fan_in = 1
        if parameter.dim() > 1:
            fan_in, first = 1 if first else inputs.get(parameter, parameter.shape[1]), False
        groups.setdefault(1.0 if fan_in == 1 else base_width / fan_in, []).append(parameter)
    scaled = [
        {"params": group, "lr": lr * factor, "weight_decay": weight_decay / factor} for factor, group in groups.items()
    ]
    return AdamW(scaled, lr=lr, betas=(betas[0], betas[1]), weight_decay=weight_decay)


def _input_channels(network: nn.Module) -> dict[nn.Parameter, int]:
    """By the weights of convolutions: 1 where each channel has weights of its own."""
    found: dict[nn.Parameter, int] = {}
    for layer in weight_layers(network).values():
        weight = layer._parameters.get("weight")  # one that is spread over processes has the shape of the whole
        if weight is not None and isinstance(layer, _ConvNd):
            found[weight] = 1 if layer.groups == layer.in_channels else layer.in_channels
    return found
