"""AdamW with learning rates by width, so that one learning rate suits networks of every width."""

from collections.abc import Iterable, Sequence

from torch import nn
from torch.optim import AdamW

from cnnlab.common.limits import check_limits


def mup_adamw(
    parameters: Iterable[nn.Parameter],
    lr: float = 0.002,
    betas: Sequence[float] = (0.9, 0.999),
    weight_decay: float = 0.01,
    base_width: int = 16,
) -> AdamW:
    """muP for Adam (Yang et al. 2022, arXiv:2203.03466, table 3): `lr` * base_width / fan-in for the weights of every
    layer but the first, which with all biases and norms keeps `lr`. `init=mup` draws the weights that belong to it.

    The fan-in is counted in channels, since kernels do not grow with the width: a network whose layers have
    `base_width` input channels is trained as by AdamW. A fully connected layer's is its number of inputs, which is
    that of channels after a global average: meant for `model.head=average`. Behind a flattened map the learning
    rate is also divided by the number of positions. The first of `parameters` that is a matrix or a kernel counts as
    the first layer's, so that layer must not be frozen.

    AdamW multiplies `weight_decay` by the learning rate; it is scaled the other way, so that all weights decay alike,
    as in the authors' MuAdamW.
    """
    check_limits(optimizer_base_width=base_width)
    groups: dict[float, list[nn.Parameter]] = {1.0: []}  # the group that keeps `lr` first: its rate is the logged one
    first = True
    for parameter in parameters:
        wide = parameter.dim() > 1 and not first
        first = first and parameter.dim() <= 1
        groups.setdefault(base_width / parameter.shape[1] if wide else 1.0, []).append(parameter)
    scaled = [
        {"params": group, "lr": lr * factor, "weight_decay": weight_decay / factor} for factor, group in groups.items()
    ]
    return AdamW(scaled, lr=lr, betas=(betas[0], betas[1]), weight_decay=weight_decay)
