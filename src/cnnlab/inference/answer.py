"""Class probabilities of a trained network."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from cnnlab.common.errors import InputError
from cnnlab.datasets.base import normalize


def probabilities(
    network: nn.Module, pixels: Tensor, mean: tuple[float, ...], std: tuple[float, ...], batch_size: int = 256
) -> Tensor:
    """Softmax of the logits, float64 (N, classes) on the CPU, for uint8 (N, C, H, W). InputError if not finite."""
    return softmax(network, normalize(pixels, mean, std), batch_size)


def softmax(network: nn.Module, x: Tensor, batch_size: int = 256) -> Tensor:
    """As `probabilities`, for images that are already normalized."""
    device = next(network.parameters()).device
    with torch.inference_mode():
        shares = torch.cat([network(part.to(device)).double().softmax(1).cpu() for part in x.split(batch_size)])
    if not torch.isfinite(shares).all():
        raise InputError(
            "The network's output is not finite, so its weights are not: the run diverged.\n"
            "Try the earlier checkpoint=best, or another run."
        )
    return shares


def ranked(shares: Tensor, classes: Sequence[str], top: int) -> list[tuple[str, float]]:
    """The `top` most probable classes of one image, in descending order; `shares`: (classes,)."""
    values, order = shares.sort(descending=True, stable=True)
    return [(classes[int(i)], float(v)) for i, v in zip(order[:top], values[:top], strict=True)]
