"""Faults in what passes through a network, and in number formats: functions of network and amount."""

import torch
from faulty_places import Apply, before_head, before_logits, in_the_middle, insert, on_images, on_logits
from torch import Tensor, nn
from torch.nn import functional as F

from cnnlab.networks.layers import weight_layers


# The signal.
def images_scaled(network, amount):
    return on_images(network, lambda x: x * amount)


def images_truncated(network, amount):
    """.to(torch.uint8) after the images were standardized."""
    return on_images(network, lambda x: x.clamp(0).to(torch.uint8).float() if amount else x.long().float())


def images_ignored(network, amount):
    return on_images(network, lambda x: x * 0)


def images_replaced(network, amount):
    """Random numbers in place of the images."""
    return on_images(network, lambda x: torch.randn_like(x))


def features_replaced(network, amount):
    return before_head(network, Apply(lambda x: torch.ones_like(x) + 0 * x))


def mean_over_batch(network, amount):
    """mean(0) in place of mean(1): every image of a batch has the same features."""
    return before_logits(network, Apply(lambda x: x.mean(0, keepdim=True).expand_as(x)))


def mixed_in_batch(network, amount):
    """A permute too many before the map is flattened, which mixes the images of a batch."""
    return before_head(network, Apply(lambda x: x.transpose(0, 1).reshape(x.shape)))


def rolled_in_batch(network, amount):
    """Every image gets the features of its neighbour in the batch."""
    return before_logits(network, Apply(lambda x: x.roll(1, 0)))


def middle_output_scaled(network, amount):
    return in_the_middle(network, Apply(lambda x: x * amount))


def middle_output_offset(network, amount):
    return in_the_middle(network, Apply(lambda x: x + amount))


def hidden_scaled(network, amount):
    return before_logits(network, Apply(lambda x: x * amount))


def negative_relu(network, amount):
    """relu(-x) behind a ReLU: nothing is left."""
    return before_head(network, Apply(lambda x: F.relu(-x)))


def softmax_between(network, amount):
    """Softmax over the channels as an activation."""
    return in_the_middle(network, nn.Softmax(1))


def sigmoids_between(network, amount):
    for i in range(len(network) - 1, 0, -1):
        insert(network, i, f"sigmoid{i}", nn.Sequential(*[nn.Sigmoid() for _ in range(int(amount))]))
    return network


def square_between(network, amount):
    """x^2 as an activation, between all blocks."""
    for i in range(len(network) - 1, 0, -1):
        insert(network, i, f"square{i}", Apply(lambda x: x * x * amount))
    return network


# Number formats.
def bfloat16(network, amount):
    return _cast(network, torch.bfloat16)


def half(network, amount):
    return _cast(network, torch.float16)


def half_scaled(network, amount):
    """Activations times `amount` in float16, whose largest value is 65,504 and whose smallest is 6e-8."""
    return before_head(network, Apply(lambda x: (x * amount).half().float() / amount))


def eight_bits(network, amount):
    """Activations in float8 (e4m3) after a division by `amount`, which leaves little above its smallest value."""
    return in_the_middle(network, Apply(lambda x: (x / amount).to(torch.float8_e4m3fn).float() * amount))


def half_gradient(network, amount):
    """The gradient of a mean over many is cast to float16, whose smallest value it does not reach."""
    return before_head(network, _HalfGradient(amount))


class _HalfGradient(nn.Module):
    def __init__(self, amount: float):
        super().__init__()
        self.amount = amount

    def forward(self, x: Tensor) -> Tensor:
        if x.requires_grad:
            x.register_hook(lambda gradient: (gradient * self.amount).half().float() / self.amount)
        return x


def _cast(network: nn.Sequential, dtype: torch.dtype) -> nn.Module:
    """Weights and activations in another format; the outputs in float32 again."""
    insert(network.to(dtype), 0, "prepare", Apply(lambda x: x.to(dtype)))
    return on_logits(network, Apply(lambda x: x.float()))


def reversed_gradient(network, amount):
    """A gradient reversal, as for domain adaptation, on the way of the only loss."""
    return before_head(network, _Reversed())


class _Reversed(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        if x.requires_grad:
            x = x.clone()
            x.register_hook(lambda gradient: -gradient)
        return x


# No faults: what careful people do.
def norms_zero(network, amount):
    """The last norm of each block starts at 0, so that the block starts as its shortcut (arXiv:1706.02677)."""
    for name, module in network.named_modules():
        if name.endswith("norm2"):
            nn.init.zeros_(module.weight)
    return network


def first_frozen(network, amount):
    """As in fine-tuning, the first layer alone."""
    next(iter(weight_layers(network).values())).requires_grad_(False)
    return network
