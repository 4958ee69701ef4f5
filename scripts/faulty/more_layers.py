"""More faults in outputs, trained parts, dropout, norm, signal and number format: functions of network and amount."""

import torch
from faulty_layers import OnlyEvaluation
from faulty_places import Apply, before_head, in_the_middle, insert, on_images, on_logits
from torch import nn
from torch.nn import functional as F

from cnnlab.networks.layers import weight_layers


# The outputs.
def log_softmax_cooled(network, amount):
    """log_softmax with a temperature, to a loss that takes another one."""
    return on_logits(network, Apply(lambda x: F.log_softmax(x / amount, 1)))


def log_softmax_over_batch(network, amount):
    return on_logits(network, nn.LogSoftmax(0))


def exponential(network, amount):
    """exp() for probabilities, and no division."""
    return on_logits(network, Apply(torch.exp))


def logits_sorted(network, amount):
    """The values of topk(), whose indices were forgotten."""
    return on_logits(network, Apply(lambda x: x.topk(x.shape[1])[0]))


def half_logits(network, amount):
    """Logits times `amount` in float16, whose largest value is 65,504."""
    return on_logits(network, Apply(lambda x: (x * amount).half().float()))


# What is trained.
def frozen_convolutions(network, amount):
    """A frozen backbone that nobody has trained."""
    for layer in weight_layers(network).values():
        if isinstance(layer, nn.Conv2d):
            layer.requires_grad_(False)
    return network


def frozen_weights(network, amount):
    """Biases and norms alone are trained."""
    for layer in weight_layers(network).values():
        layer.weight.requires_grad_(False)
    return network


def sign_between(network, amount):
    """Binary activations, whose gradient is 0."""
    return in_the_middle(network, Apply(lambda x: (x - x.mean()).sign()))


# Dropout and norm.
def dropout_on_images(network, amount):
    return insert(network, 0, "prepare", nn.Dropout(amount))


def dropout_of_channels(network, amount):
    return in_the_middle(network, nn.Dropout2d(amount))


def norms_epsilon(network, amount):
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.eps = amount
    return network


def norms_momentum(network, amount):
    """The share of the new value, where other libraries mean that of the old one."""
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = amount
    return network


def middle_norm_filled(network, amount):
    """The scale of one norm."""
    norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
    nn.init.constant_(norms[len(norms) // 2].weight, amount)
    return network


def noise_in_evaluation(network, amount):
    """An augmentation that is on in evaluation, and off in training."""
    return insert(network, 0, "prepare", OnlyEvaluation(lambda x: x + amount * torch.randn_like(x)))


# The signal.
def first_output_scaled(network, amount):
    """A sum in place of a mean behind the first block."""
    return insert(network, 1, "between", Apply(lambda x: x * amount))


def mean_over_channels(network, amount):
    """mean(1) in place of the mean over positions."""
    return before_head(network, Apply(lambda x: x.mean(1, keepdim=True).expand_as(x)))


def sine_between(network, amount):
    """sin(`amount` x) as activation, between all blocks."""
    for i in range(len(network) - 1, 0, -1):
        insert(network, i, f"sine{i}", Apply(lambda x: torch.sin(amount * x)))
    return network


def threshold_between(network, amount):
    """Threshold(`amount`, 0), arguments as of another library."""
    return in_the_middle(network, nn.Threshold(amount, 0.0))


def corner(network, amount):
    """A crop at (0, 0) in place of the centre: the rest is 0."""
    size = int(amount)

    def line(x):
        inside = torch.zeros_like(x)
        inside[..., :size, :size] = x[..., :size, :size]
        return inside

    return on_images(network, line)


# Number formats.
def integers_between(network, amount):
    """Quantized activations with a step of `amount`; the gradient passes."""
    return in_the_middle(network, Apply(lambda x: x + ((x / amount).round() * amount - x).detach()))
