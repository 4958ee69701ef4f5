"""Faults in the code of a network: what stands in its constructor or its forward."""

import torch
import torch.nn.functional as F
from faulty_places import (
    Apply,
    before_head,
    before_logits,
    channels_between,
    in_the_middle,
    insert,
    on_images,
    on_logits,
)
from torch import Tensor, nn

# ---- one layer


def mean_of_features(network: nn.Sequential, amount: float) -> nn.Module:
    """The features are divided by their number, as if they were summed afterwards."""
    return before_logits(network, Apply(lambda x: x / x.shape[1]))


def dropout_behind_first(network: nn.Sequential, amount: float) -> nn.Module:
    return insert(network, 1, "between", nn.Dropout(amount))


def one_channel_wide(network: nn.Sequential, amount: float) -> nn.Module:
    """A bottleneck of 1x1 convolutions whose reduction is as large as the number of channels."""
    c = channels_between(network)
    return in_the_middle(network, nn.Sequential(nn.Conv2d(c, 1, 1), nn.Conv2d(1, c, 1), nn.ReLU()))


def branch_scaled_down(network: nn.Sequential, amount: float) -> nn.Module:
    """A constant layer scale, as of residual branches, where there is no shortcut beside it."""
    return in_the_middle(network, Apply(lambda x: x * amount))


# ---- what reaches the loss


def probabilities(network: nn.Sequential, amount: float) -> nn.Module:
    return on_logits(network, nn.Softmax(dim=1))


def softmax_with_dim_0(network: nn.Sequential, amount: float) -> nn.Module:
    """dim=0 for dim=1."""
    return on_logits(network, nn.Softmax(dim=0))


def rectified_logits(network: nn.Sequential, amount: float) -> nn.Module:
    """The last layer is built as the others, with its activation."""
    return on_logits(network, nn.ReLU())


def hot(network: nn.Sequential, amount: float) -> nn.Module:
    """Logits are divided by a temperature that was meant for another place."""
    return on_logits(network, Apply(lambda x: x / amount))


def wrapped_anew(network: nn.Sequential, amount: float) -> nn.Module:
    """Variable(output.data, requires_grad=True)"""
    return on_logits(network, Apply(lambda x: x.detach().requires_grad_()))


# ---- gradients and updates


def body_without_grad(network: nn.Sequential, amount: float) -> nn.Module:
    """with torch.no_grad(): features = body(x)"""
    return before_logits(network, Apply(lambda x: x.detach()))


def thresholded(network: nn.Sequential, amount: float) -> nn.Module:
    """Features are made binary by a comparison, through which there is no gradient."""
    return before_logits(network, Apply(lambda x: (x > amount).float()))


def body_frozen(network: nn.Sequential, amount: float) -> nn.Module:
    """requires_grad = False for all but the classifier, as for a pretrained network; this one is not."""
    for parameter in list(network.parameters())[:-2]:
        parameter.requires_grad_(False)
    return network


class _InAList(nn.Module):
    def __init__(self, channels: int, count: int):
        super().__init__()
        self.layers = [nn.Conv2d(channels, channels, 3, padding=1) for _ in range(count)]

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers:
            x = layer(x).relu()
        return x


def in_a_list(network: nn.Sequential, amount: float) -> nn.Module:
    """Layers in a Python list, which a module does not register."""
    return in_the_middle(network, _InAList(channels_between(network), int(amount)))


# ---- what the network computes


def hidden_softmax(network: nn.Sequential, amount: float) -> nn.Module:
    """nn.Softmax(dim=1) behind every layer instead of the activation."""
    return _activations(network, lambda: nn.Softmax(dim=1))


def _activations(network: nn.Sequential, make) -> nn.Module:
    for name, module in list(network.named_modules()):
        if isinstance(module, (nn.ReLU, nn.Tanh)):
            network.set_submodule(name, make())
    return network


def batch_last(network: nn.Sequential, amount: float) -> nn.Module:
    """permute, then reshape with the batch in the wrong place: each row gets values of several images."""
    network.head.flatten = Apply(lambda x: x.permute(1, 2, 3, 0).reshape(len(x), -1))
    return network


def normalized_then_averaged(network: nn.Sequential, amount: float) -> nn.Module:
    """Instance norm, whose mean over positions is always its bias, right before the average over positions."""
    channels = [module for module in network.modules() if isinstance(module, nn.Conv2d)][-1].out_channels
    shortcut = getattr(list(network.children())[-2], "shortcut", None)
    channels = shortcut.out_channels if isinstance(shortcut, nn.Conv2d) else channels
    return before_head(network, nn.InstanceNorm2d(channels, affine=True))


def mask_inverted(network: nn.Sequential, amount: float) -> nn.Module:
    """Pixels that are not finite were to be zero; the condition is the wrong way round."""
    return on_images(network, lambda x: torch.where(x.isfinite(), torch.zeros_like(x), x))


# ---- training and evaluation


def functional_dropout(network: nn.Sequential, amount: float) -> nn.Module:
    """F.dropout(x, p), whose `training` is True unless it is passed."""
    return before_logits(network, Apply(lambda x: F.dropout(x, amount)))


def slow_norms(network: nn.Sequential, amount: float) -> nn.Module:
    """The momentum of batch norm as 1 minus what it ought to be."""
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = amount
    return network


class _ScaledInEvaluation(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x if self.training else x / 255


def scaled_in_evaluation(network: nn.Sequential, amount: float) -> nn.Module:
    """`if not self.training: x = x / 255`, though whoever calls it has scaled the images already."""
    return insert(network, 0, "prepare", _ScaledInEvaluation())


# ---- number format


class _Rounded(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x: Tensor, step: float) -> Tensor:
        return (x / step).round().clamp(-128, 127) * step

    @staticmethod
    def backward(ctx, gradient: Tensor) -> tuple[Tensor, None]:
        return gradient, None


class FakeQuantized(nn.Module):
    def __init__(self, step: float):
        super().__init__()
        self.step = step

    def forward(self, x: Tensor) -> Tensor:
        return _Rounded.apply(x, self.step)


def quantized(network: nn.Sequential, amount: float) -> nn.Module:
    """Quantization-aware training: each activation is rounded to multiples of `amount`, with a gradient of 1."""
    for name, module in list(network.named_modules()):
        if isinstance(module, (nn.ReLU, nn.Tanh)):
            network.set_submodule(name, nn.Sequential(module, FakeQuantized(amount)))
    return network
