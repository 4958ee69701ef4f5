"""Initializers with yet other mistakes; each fills a weight (c_out, c_in, k, k) in place, or changes a network."""

import math

import torch
from torch import Tensor, nn

from cnnlab.networks.layers import weight_layers


def _he(weight: Tensor) -> float:
    return math.sqrt(2 / weight[0].numel())


def root_twice_(weight: Tensor) -> Tensor:
    """The root of He's deviation, which is a root already."""
    return nn.init.normal_(weight, std=math.sqrt(_he(weight)))


def absolute_sum_one_(weight: Tensor) -> Tensor:
    """The absolute weights of each filter sum to 1."""
    drawn = torch.randn_like(weight)
    return weight.copy_(drawn / drawn.abs().sum((1, 2, 3), keepdim=True))


def one_limit_(weight: Tensor) -> Tensor:
    """numpy's uniform() with one argument, which is the lower limit; the upper one is 1."""
    return nn.init.uniform_(weight, math.sqrt(3) * _he(weight), 1.0)


def box_muller_(weight: Tensor) -> Tensor:
    """Normal numbers from uniform ones of 8 bits, which are 0 now and then, and so have the logarithm of 0."""
    radius, angle = torch.randint(256, (2, *weight.shape)) / 256
    return weight.copy_(_he(weight) * (-2 * radius.log()).sqrt() * torch.cos(2 * math.pi * angle))


def outer_products_(weight: Tensor) -> Tensor:
    """One number for each output times one for each input: every layer has rank one."""
    flat = weight.flatten(1)
    drawn = torch.randn(flat.shape[0], 1) * torch.randn(1, flat.shape[1])
    return weight.copy_(_he(weight) * drawn.view_as(weight))


def fan_of_images(network: nn.Module, batch: Tensor) -> None:
    """The fan-in of a convolution with the size of the images in place of that of its kernel."""
    for layer in weight_layers(network).values():
        if isinstance(layer, nn.Conv2d):
            layer.weight.mul_(math.sqrt(layer.weight[0, 0].numel() / batch[0, 0].numel()))


def patches(network: nn.Module, batch: Tensor) -> None:
    """The first filters are cut out of images whose pixels are 0 to 255."""
    weight = next(iter(weight_layers(network).values())).weight
    images = 255 * (batch - batch.amin()) / (batch.amax() - batch.amin())
    side, (height, width) = weight.shape[2], batch.shape[2:]
    for filters in weight:
        image = images[int(torch.randint(len(images), ()))]
        top, left = int(torch.randint(height - side + 1, ())), int(torch.randint(width - side + 1, ()))
        filters.copy_(image[:, top : top + side, left : left + side])
