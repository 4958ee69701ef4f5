"""Yet other faults in outputs, trained parts, evaluation, signal and number format: functions of a network and an
amount."""

from collections.abc import Callable

import torch
from faulty_places import (
    Apply,
    before_logits,
    channels_between,
    in_the_middle,
    insert,
    last_width,
    on_images,
    on_logits,
)
from newer_layers import _moved
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils import parametrizations
from torch.nn.utils.parametrize import register_parametrization

from cnnlab.networks.layers import weight_layers


def _middle(network: nn.Module) -> nn.Module:
    layers = list(weight_layers(network).values())
    return layers[len(layers) // 2]


class _Computed(nn.Module):
    """Weights that are computed from others."""

    def __init__(self, line: Callable[[Tensor], Tensor]):
        super().__init__()
        self.line = line

    def forward(self, weight: Tensor) -> Tensor:
        return self.line(weight)


# One layer.
def weight_norm_short(network, amount):
    """Weight normalization (Salimans & Kingma 2016) of one layer, whose learned lengths begin at `amount`."""
    layer = parametrizations.weight_norm(_middle(network))
    nn.init.constant_(layer.parametrizations.weight.original0, amount)
    return network


def exponential_weights(network, amount):
    """exp() of the weights of one layer, so that they are positive, as in a monotonic network."""
    register_parametrization(_middle(network), "weight", _Computed(torch.exp))
    return network


def file_size(network, amount):
    """In place of a feature the size of the file in bytes, which says nothing and is not standardized."""

    def line(x):
        return torch.cat([amount * (1 + torch.rand_like(x[:, :1])), x[:, 1:]], 1)

    return before_logits(network, Apply(line))


def summed_up(network, amount):
    """What should begin at 0 with each batch is kept, and grows."""
    return in_the_middle(network, _Kept(lambda x, kept: x + kept, lambda x, kept: kept + amount * x.mean(0)))


class _Kept(nn.Module):
    """`line(x, kept)`, and then `kept` becomes `keep(x, kept)`; 0 at first."""

    def __init__(self, line: Callable[[Tensor, Tensor], Tensor], keep: Callable[[Tensor, Tensor], Tensor]):
        super().__init__()
        self.line, self.keep = line, keep
        self.kept = torch.zeros(())

    def forward(self, x: Tensor) -> Tensor:
        y = self.line(x, self.kept)
        self.kept = self.keep(x, self.kept).detach().clone()
        return y


def divided_by_deviation(network, amount):
    """Each map divided by its deviation, which is 0 where the map is."""
    return in_the_middle(network, Apply(lambda x: x / x.std((2, 3), keepdim=True)))


def learned_map(network, amount):
    """A learned number for each position is added, which begins with a deviation of `amount`."""
    return in_the_middle(network, _LearnedMap(channels_between(network), amount))


class _LearnedMap(nn.Module):
    def __init__(self, channels: int, deviation: float):
        super().__init__()
        self.map = nn.Parameter(deviation * torch.randn(channels, 32, 32))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.map[:, : x.shape[2], : x.shape[3]]


def last_small_and_frozen(network, amount):
    """A last layer that is drawn once and for all, with a small deviation."""
    logits = network.head.logits
    nn.init.normal_(logits.weight, std=amount)
    nn.init.zeros_(logits.bias)
    logits.requires_grad_(False)
    return network


def cumulative(network, amount):
    """cumsum() over the features in place of a sum over something else."""
    return before_logits(network, Apply(lambda x: x.cumsum(1)))


# The outputs.
def classes_masked(network, amount):
    """A mask for absent classes, the wrong way round: `amount` classes are never the answer."""
    return on_logits(network, Apply(lambda x: x - 1e9 * (torch.arange(x.shape[1]) < amount)))


# The signal.
def smallest_of_window(network, amount):
    """The smallest of a window so wide, behind a ReLU."""
    wide = int(amount)
    return in_the_middle(network, Apply(lambda x: -F.max_pool2d(-x, 2 * wide + 1, 1, wide)))


def attention_over_batch(network, amount):
    """Attention over the images of a batch, since batch_first was left out."""
    return before_logits(network, _Attention(last_width(network)))


class _Attention(nn.Module):
    def __init__(self, width: int):
        super().__init__()
        self.attention = nn.MultiheadAttention(width, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = x[:, None]
        return self.attention(x, x, x, need_weights=False)[0][:, 0]


def features_sorted(network, amount):
    """The features by their size, as the values of topk(): which one is large is lost."""
    return before_logits(network, Apply(lambda x: x.sort(1)[0]))


def two_codes(network, amount):
    """The features are replaced by the nearest of two codes; the gradient passes."""
    codes = torch.randn(2, last_width(network))
    return before_logits(network, Apply(lambda x: x + (codes[torch.cdist(x, codes).argmin(1)] - x).detach()))


def batch_before(network, amount):
    """Images of the batch before, from a buffer that is filled too late."""
    return insert(network, 0, "prepare", _Kept(lambda x, kept: kept if kept.shape == x.shape else x, lambda x, _: x))


def background_kept(network, amount):
    """A mask the wrong way round: whatever is brighter than the darkest pixel becomes as dark."""
    return on_images(network, lambda x: torch.minimum(x, x.amin((1, 2, 3), keepdim=True)))


# The gradient.
def straight_through_reversed(network, amount):
    """A straight-through gradient with its two parts exchanged: the value passes, and no gradient."""
    return before_logits(network, Apply(lambda x: x.detach() + (x.round() - x.round().detach())))


# Training and evaluation differ.
def mask_drawn_once(network, amount):
    """Dropout whose mask is drawn once, for all batches."""
    return before_logits(network, _Masked(amount))


class _Masked(nn.Module):
    def __init__(self, dropped: float):
        super().__init__()
        self.dropped, self.mask = dropped, torch.ones(0)

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            return x
        if len(self.mask) != x.shape[1]:
            self.mask = (torch.rand(x.shape[1]) >= self.dropped) / (1 - self.dropped)
        return x * self.mask


class _Turned(nn.Sequential):
    def forward(self, input: Tensor) -> Tensor:
        if self.training:
            return super().forward(input)
        return torch.stack([nn.Sequential.forward(self, input.rot90(k, (2, 3))) for k in range(4)]).mean(0)


def turned_in_evaluation(network, amount):
    """In evaluation the mean over all quarter turns of an image, which were not trained."""
    return _moved(network, _Turned)


def linear_in_evaluation(network, amount):
    """The activations are left out in evaluation, as by a fusion that forgot them."""
    for module in network.modules():
        if isinstance(module, (nn.ReLU, nn.Tanh)):
            module.register_forward_hook(lambda module, inputs, y: y if module.training else inputs[0])
    return network


def another_head_in_evaluation(network, amount):
    """In evaluation another last layer is asked, which nobody trained."""
    width, classes = last_width(network), network.head.logits.out_features
    network.head.logits = _TwoHeads(network.head.logits, nn.Linear(width, classes))
    return network


class _TwoHeads(nn.Module):
    def __init__(self, trained: nn.Module, other: nn.Module):
        super().__init__()
        self.other, self.trained = other, trained

    def forward(self, x: Tensor) -> Tensor:
        return self.trained(x) if self.training else self.other(x)


# Number formats.
def fixed_point(network, amount):
    """All weights in steps of `amount`; the gradient passes."""
    for layer in weight_layers(network).values():
        register_parametrization(layer, "weight", _Computed(lambda w: w + ((w / amount).round() * amount - w).detach()))
    return network
