"""Faults in outputs, trained parts, dropout, norm and width: functions of network and amount."""

from collections.abc import Callable

import torch
from faulty_places import (
    Apply,
    before_head,
    before_logits,
    channels_between,
    in_the_middle,
    insert,
    last_width,
    on_images,
    on_logits,
)
from torch import Tensor, nn
from torch.nn import functional as F

from cnnlab.networks.layers import weight_layers


class AlwaysDropout(nn.Module):
    """F.dropout without training=self.training."""

    def __init__(self, amount: float):
        super().__init__()
        self.amount = amount

    def forward(self, x: Tensor) -> Tensor:
        return F.dropout(x, self.amount)


class Unscaled(nn.Module):
    """In training a part of the units is dropped, in evaluation none, and nothing makes up for it."""

    def __init__(self, amount: float):
        super().__init__()
        self.amount = amount

    def forward(self, x: Tensor) -> Tensor:
        return F.dropout(x, self.amount) * (1 - self.amount) if self.training else x


class OnlyEvaluation(nn.Module):
    """A line that runs in evaluation alone."""

    def __init__(self, line: Callable[[Tensor], Tensor]):
        super().__init__()
        self.line = line

    def forward(self, x: Tensor) -> Tensor:
        return x if self.training else self.line(x)


# The outputs.
def softmax(network, amount):
    return on_logits(network, nn.Softmax(1))


def softmax_over_batch(network, amount):
    return on_logits(network, nn.Softmax(0))


def sigmoid(network, amount):
    return on_logits(network, nn.Sigmoid())


def relu(network, amount):
    return on_logits(network, nn.ReLU())


def tanh(network, amount):
    return on_logits(network, nn.Tanh())


def clamped(network, amount):
    return on_logits(network, Apply(lambda x: x.clamp(0, amount)))


def normalized(network, amount):
    """Cosine similarities without a scale."""
    return on_logits(network, Apply(lambda x: F.normalize(x, dim=1)))


def logits_scaled(network, amount):
    return on_logits(network, Apply(lambda x: x * amount))


def logits_offset(network, amount):
    return on_logits(network, Apply(lambda x: x + amount * (torch.arange(x.shape[1]) == 0)))


# What is trained.
def frozen_first(network, amount):
    """The first `amount` layers, a share of all."""
    layers = list(weight_layers(network).values())
    for layer in layers[: round(amount * len(layers))]:
        layer.requires_grad_(False)
    return network


def frozen_but_last(network, amount):
    for layer in [*weight_layers(network).values()][:-1]:
        layer.requires_grad_(False)
    return network


def frozen_but_first(network, amount):
    for layer in [*weight_layers(network).values()][1:]:
        layer.requires_grad_(False)
    return network


def frozen(network, amount):
    return network.requires_grad_(False)


def detached_in_the_middle(network, amount):
    return in_the_middle(network, Apply(lambda x: x.detach()))


def detached_before_head(network, amount):
    return before_head(network, Apply(lambda x: x.detach()))


def detached_logits(network, amount):
    """Nothing but the last bias is trained: the product with the weights is a constant for autograd."""
    return before_logits(network, Apply(lambda x: torch.from_numpy(x.detach().numpy())))


class _NoGradient(nn.Module):
    """with torch.no_grad() around the features."""

    def __init__(self, features: nn.Module):
        super().__init__()
        self.features = features

    def forward(self, x: Tensor) -> Tensor:
        with torch.no_grad():
            return self.features(x)


def no_grad_features(network, amount):
    features = nn.Sequential(*list(network.children())[:-1])
    return nn.Sequential(_NoGradient(features), network.head)


def rounded(network, amount):
    """round() has a gradient of 0."""
    return before_head(network, Apply(lambda x: (x * amount).round() / amount))


# Dropout and norm.
def dropout_everywhere(network, amount):
    for i in range(len(network) - 1, 0, -1):
        insert(network, i, f"dropout{i}", nn.Dropout(amount))
    return network


def dropout_in_evaluation(network, amount):
    return before_logits(network, AlwaysDropout(amount))


def dropout_unscaled(network, amount):
    return before_logits(network, Unscaled(amount))


def statistics_never_updated(network, amount):
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = 0.0
            module.running_mean.fill_(amount)
    return network


def statistics_of_another_scale(network, amount):
    """Of images 0..255, say: in evaluation the images are divided by `amount` less than in training."""
    return insert(network, 0, "prepare", OnlyEvaluation(lambda x: x * amount))


def norm_of_one_value(network, amount):
    """A layer norm over a single number is 0, whatever the number."""
    return before_logits(network, Apply(lambda x: F.layer_norm(x[:, :, None], (1,))[:, :, 0]))


# Width and depth.
def one_channel(network, amount):
    """Everything goes through one channel between two blocks; another convolution widens it again."""
    width = channels_between(network)
    narrow = nn.Sequential(nn.Conv2d(width, 1, 1), nn.ReLU(), nn.Conv2d(1, width, 1), nn.ReLU())
    return in_the_middle(network, narrow)


def one_unit(network, amount):
    width = last_width(network)
    return before_logits(network, nn.Sequential(nn.Linear(width, 1), nn.ReLU(), nn.Linear(1, width), nn.ReLU()))


def one_pixel(network, amount):
    """The images are averaged before the first convolution, and spread again to their old size."""
    return on_images(network, lambda x: x.mean((2, 3), keepdim=True).expand_as(x))


def tiny_map(network, amount):
    """The map between two blocks is pooled to one pixel."""
    return in_the_middle(network, Apply(lambda x: x.amax((2, 3), keepdim=True).expand_as(x)))
