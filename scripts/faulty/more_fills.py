"""More initializers with a mistake; each fills a weight (c_out, c_in, k, k) in place."""

import math

import torch
from torch import Tensor


def _he(weight: Tensor) -> float:
    return math.sqrt(2 / weight[0].numel())


def exchanged_(weight: Tensor) -> Tensor:
    """normal_(weight, std, 0): mean and deviation exchanged."""
    return torch.nn.init.normal_(weight, _he(weight), 0.0)


def one_draw_(weight: Tensor) -> Tensor:
    """One random number for the whole layer, as of random.gauss in place of a tensor."""
    return weight.fill_(torch.randn(()).item() * _he(weight))


def sparse_(weight: Tensor, zeros: float) -> Tensor:
    """A share of He's weights is 0."""
    torch.nn.init.normal_(weight, std=_he(weight))
    return weight.mul_(torch.rand_like(weight) >= zeros)


def kernel_twice_(weight: Tensor) -> Tensor:
    """The fan-in with k^4 in place of k^2: a fan-in that has k^2 in it already."""
    return torch.nn.init.normal_(weight, std=math.sqrt(2 / weight[0].numel() / weight[0, 0].numel()))


def integers_(weight: Tensor) -> Tensor:
    """He's weights in an integer tensor."""
    return weight.copy_(torch.nn.init.normal_(weight, std=_he(weight)).round())


def memory_(weight: Tensor) -> Tensor:
    """torch.empty that nobody wrote to: numbers of any magnitude up to 1e10."""
    return weight.copy_(torch.randn_like(weight) * 10 ** (20 * torch.rand_like(weight) - 10))
