"""Faults in the code of a network: aliases, wrong axes, what is shared, and backward passes by hand."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from faulty_places import Apply, before_logits, in_the_middle, insert, on_logits
from torch import Tensor, nn
from torch.nn.utils.parametrize import register_parametrization

from cnnlab.networks.layers import weight_layers


class _Computed(nn.Module):
    def __init__(self, line: Callable[[Tensor], Tensor]):
        super().__init__()
        self.line = line

    def forward(self, weight: Tensor) -> Tensor:
        return self.line(weight)


def _computed(layer: nn.Module, line: Callable[[Tensor], Tensor]) -> None:
    register_parametrization(layer, "weight", _Computed(line))


def _activations(network: nn.Module, make: Callable[[nn.Module], nn.Module]) -> nn.Module:
    for name, module in list(network.named_modules()):
        if isinstance(module, (nn.ReLU, nn.Tanh)):
            network.set_submodule(name, make(module))
    return network


# ---- one layer


def one_row(network: nn.Sequential, amount: float) -> nn.Module:
    """`row.expand(classes, -1)`: the weights of all classes are views of one row."""
    _computed(network.head.logits, lambda w: w[:1].expand_as(w).clone())
    return network


def weights_of_attention(network: nn.Sequential, amount: float) -> nn.Module:
    """Softmax over the weights of the classifier, as if they were scores of attention."""
    _computed(network.head.logits, lambda w: w.softmax(1))
    return network


def binary_weights(network: nn.Sequential, amount: float) -> nn.Module:
    """The signs of the middle weights, without their mean absolute value (Rastegari et al. 2016)."""
    layers = list(weight_layers(network).values())
    _computed(layers[len(layers) // 2], lambda w: w + (w.sign() - w).detach())
    return network


def norm_of_the_batch(network: nn.Sequential, amount: float) -> nn.Module:
    """x / x.norm(), without a dim: over all images, channels and pixels."""
    return in_the_middle(network, Apply(lambda x: x / x.norm()))


class _Transformer(nn.Module):
    def __init__(self, channels: int):
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.zeros(6, 16 * channels)), nn.Parameter(torch.zeros(6))

    def forward(self, x: Tensor) -> Tensor:
        matrix = F.linear(F.adaptive_avg_pool2d(x, 4).flatten(1), self.weight, self.bias).view(-1, 2, 3)
        return F.grid_sample(x, F.affine_grid(matrix, list(x.shape), align_corners=False), align_corners=False)


def transformer_at_zero(network: nn.Sequential, amount: float) -> nn.Module:
    """A spatial transformer (Jaderberg et al. 2015) whose last bias is zero, not the identity."""
    channels = next(module for module in network.modules() if isinstance(module, nn.Conv2d)).in_channels
    return insert(network, 0, "prepare", _Transformer(channels))


def places_of_maxima(network: nn.Sequential, amount: float) -> nn.Module:
    """`_, x = max_pool2d(x, return_indices=True)`: the second of the two is where the maxima are."""
    return in_the_middle(network, Apply(lambda x: F.max_pool2d(x, 3, 1, 1, return_indices=True)[1].float()))


# ---- what is shared


def one_norm_per_width(network: nn.Module, amount: float) -> nn.Module:
    """self.bn of so many channels is used behind each convolution that has them."""
    first: dict[int, nn.Module] = {}
    for name, module in list(network.named_modules()):
        if isinstance(module, nn.BatchNorm2d):
            network.set_submodule(name, first.setdefault(module.num_features, module))
    return network


class _Cached(nn.Module):
    def __init__(self):
        super().__init__()
        self.found: dict[torch.Size, Tensor] = {}

    def forward(self, x: Tensor) -> Tensor:
        return self.found.setdefault(x.shape, x.detach().clone())


def cached_by_shape(network: nn.Sequential, amount: float) -> nn.Module:
    """What is prepared of the images is cached; the key is their shape."""
    return insert(network, 0, "prepare", _Cached())


# ---- which layers are called


class _LastOnly(nn.Sequential):
    def forward(self, input: Tensor) -> Tensor:
        y = input
        for layer in self:
            y = layer(input)
        return y


def each_gets_the_first(network: nn.Sequential, amount: float) -> nn.Module:
    """`for layer in layers: y = layer(x)`, where x never changes, in the last block."""
    name, block = list(network.named_children())[-2]
    network.set_submodule(name, _LastOnly(*block))
    return network


class _BranchLost(nn.Module):
    def __init__(self, block: nn.Module):
        super().__init__()
        self.block = block

    def forward(self, x: Tensor) -> Tensor:
        block = self.block
        y = block.norm2(block.conv2(block.relu(block.norm1(block.conv1(x)))))
        y = block.shortcut(x)
        return block.relu(y + block.shortcut(x))


def branch_lost(network: nn.Sequential, amount: float) -> nn.Module:
    """The name of the branch's result is used for the shortcut, too: it is added to itself."""
    for name, block in list(network.named_children()):
        if hasattr(block, "shortcut"):
            network.set_submodule(name, _BranchLost(block))
    return network


# ---- axes and orders


def reordered_anew(network: nn.Sequential, amount: float) -> nn.Module:
    """A fixed random order of the features is drawn in forward, not in the constructor."""
    return before_logits(network, Apply(lambda x: x[:, torch.randperm(x.shape[1])]))


class _Views(nn.Sequential):
    views = 5

    def forward(self, input: Tensor) -> Tensor:
        if self.training:
            return super().forward(input)
        y = super().forward(input.repeat(self.views, 1, 1, 1))
        return y.view(len(input), self.views, -1).mean(1)


def views_mixed_up(network: nn.Sequential, amount: float) -> nn.Module:
    """In evaluation the mean over views of an image; repeat() has them in another order than view() expects."""
    views = _Views()
    for name, child in network.named_children():
        views.add_module(name, child)
    views.views = int(amount)
    return views


# ---- functions


def clamp_reversed(network: nn.Sequential, amount: float) -> nn.Module:
    """A ReLU6 by hand, clamp(6, 0): where the least is above the most, torch gives the most."""
    return _activations(network, lambda module: Apply(lambda x: x.clamp(6, 0)))


class _WrongMask(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return x.clamp(min=0)

    @staticmethod
    def backward(ctx, gradient: Tensor) -> Tensor:
        return gradient * (ctx.saved_tensors[0] < 0)


def backward_mask_reversed(network: nn.Sequential, amount: float) -> nn.Module:
    """A ReLU of somebody's own, whose backward lets the gradient pass where the input is negative."""
    return _activations(network, lambda module: Apply(_WrongMask.apply))


class _Annealed(nn.Module):
    def __init__(self, factor: float):
        super().__init__()
        self.factor, self.temperature = factor, 1.0

    def forward(self, x: Tensor) -> Tensor:
        if self.training:
            self.temperature *= self.factor
        return x / self.temperature


def annealed(network: nn.Sequential, amount: float) -> nn.Module:
    """A temperature that falls by a factor meant for epochs, with each batch."""
    return on_logits(network, _Annealed(amount))


def radial(network: nn.Sequential, amount: float) -> nn.Module:
    """exp(-d^2) of the distance to a centre of each class, without a width."""
    network.head.logits = _Radial(network.head.logits)
    return network


class _Radial(nn.Module):
    def __init__(self, logits: nn.Linear):
        super().__init__()
        self.centres = nn.Parameter(torch.randn(logits.out_features, logits.in_features))

    def forward(self, x: Tensor) -> Tensor:
        return torch.exp(-(torch.cdist(x, self.centres) ** 2))


# ---- number format


def zero_point_lost(network: nn.Sequential, amount: float) -> nn.Module:
    """Weights in `amount` bits, round((w - low) / step), are multiplied by their step alone: all of them are
    positive."""

    def line(w: Tensor) -> Tensor:
        low, step = w.min(), (w.max() - w.min()).clamp_min(1e-12) / (2**amount - 1)
        return w + (((w - low) / step).round() * step - w).detach()

    for layer in weight_layers(network).values():
        _computed(layer, line)
    return network
