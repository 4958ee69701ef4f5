"""The last faults in outputs, trained parts, evaluation, signal and number format: functions of a network and an
amount."""

from collections.abc import Callable

import torch
from faulty_layers import OnlyEvaluation
from faulty_places import Apply, before_logits, channels_between, in_the_middle, insert, on_images, on_logits
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional as F

from cnnlab.networks.layers import weight_layers


# The signal.
def square_root(network, amount):
    """Where a map is 0, the gradient of its root is infinite."""
    return in_the_middle(network, Apply(lambda x: x.clamp(min=0).sqrt()))


def one_layer_often(network, amount):
    """[layer] * `amount`: one layer, so often."""
    width = channels_between(network)
    layer = nn.Sequential(nn.Conv2d(width, width, 3, padding=1), nn.ReLU())
    return in_the_middle(network, _Often(layer, int(amount)))


class _Often(nn.Module):
    def __init__(self, layer: nn.Module, times: int):
        super().__init__()
        self.layer, self.times = layer, times

    def forward(self, x: Tensor) -> Tensor:
        for _ in range(self.times):
            x = self.layer(x)
        return x


def layer_scales(network, amount):
    """Behind each block a learned factor that begins near 0, as in ConvNeXt, and no shortcut beside it."""
    for i in range(len(network) - 1, 0, -1):
        insert(network, i, f"scale{i}", _LayerScale(amount))
    return network


class _LayerScale(nn.Module):
    def __init__(self, start: float):
        super().__init__()
        self.scale = nn.Parameter(torch.full((1,), float(start)))

    def forward(self, x: Tensor) -> Tensor:
        return x * self.scale


def scaled_in_place(network, amount):
    """The middle weights are multiplied where they are, at every pass, as of a scale that belongs into the product."""

    def scale(layer, inputs):
        layer.weight.data.mul_(amount)

    layers = list(weight_layers(network).values())
    layers[len(layers) // 2].register_forward_pre_hook(scale)
    return network


def padded_with(network, amount):
    """The frame of a map is `amount`, which was meant for a pooling that takes the smallest."""
    return in_the_middle(network, Apply(lambda x: F.pad(x[:, :, 1:-1, 1:-1], (1, 1, 1, 1), value=amount)))


def latent_noise(network, amount):
    """Features are drawn around their mean, as in a variational autoencoder, with a deviation that nobody learns."""
    return before_logits(network, Apply(lambda x: x + amount * torch.randn_like(x)))


# The gradient.
def gradient_scaled_in_the_middle(network, amount):
    """A factor on the gradient of the layers before, which a second loss was to have."""
    return in_the_middle(network, _ScaledGradient(amount))


class _ScaledGradient(nn.Module):
    def __init__(self, factor: float):
        super().__init__()
        self.factor = factor

    def forward(self, x: Tensor) -> Tensor:
        if x.requires_grad:
            x = x.clone()
            x.register_hook(lambda gradient: self.factor * gradient)
        return x


# What is trained.
def layers_in_a_list(network, amount):
    """`amount` convolutions in a list of Python: in no parameters(), so nobody initializes or trains them."""
    width = channels_between(network)
    layers = [nn.Conv2d(width, width, 3, padding=1) for _ in range(int(amount))]

    def line(x):
        for layer in layers:
            x = F.relu(layer(x))
        return x

    return in_the_middle(network, Apply(line))


def adapters_of_zeros(network, amount):
    """Everything is frozen but an adapter of this rank beside the last layer, both of whose factors are 0."""
    network.requires_grad_(False)
    network.head.logits = _Adapted(network.head.logits, int(amount))
    return network


class _Adapted(nn.Module):
    def __init__(self, layer: nn.Linear, rank: int):
        super().__init__()
        self.layer = layer
        self.down = nn.Parameter(torch.zeros(rank, layer.in_features))
        self.up = nn.Parameter(torch.zeros(layer.out_features, rank))

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(x) + x @ self.down.T @ self.up.T


def last_zero_and_frozen(network, amount):
    """A last layer of zeros, for weights that were to be loaded, and so frozen."""
    logits = network.head.logits
    nn.init.zeros_(logits.weight)
    nn.init.zeros_(logits.bias)
    logits.requires_grad_(False)
    return network


# The outputs.
def probabilities_clamped(network, amount):
    """Probabilities are at least `amount`, against the logarithm of 0, and have no gradient below."""
    return on_logits(network, Apply(lambda x: x.softmax(1).clamp(min=amount).log()))


# Training and evaluation differ.
def mean_over_batch_in_evaluation(network, amount):
    """The mean of an image's crops is taken over all images."""
    return on_logits(network, OnlyEvaluation(lambda x: x.mean(0, keepdim=True).expand_as(x)))


def norm_of_each_image(network, amount):
    """In training each image is normed on its own, as by as many processes; the statistics are those of all."""

    def alone(norm, inputs, output):
        return F.instance_norm(inputs[0], None, None, norm.weight, norm.bias, True, 0.0, norm.eps)

    return _with_hook(network, lambda norm, *rest: alone(norm, *rest) if norm.training else rest[1])


def statistics_in_integers(network, amount):
    """In evaluation batch norm's statistics are whole numbers."""

    def rounded(norm, inputs, output):
        if norm.training:
            return output
        mean, variance = norm.running_mean.round(), norm.running_var.round()
        return F.batch_norm(inputs[0], mean, variance, norm.weight, norm.bias, False, 0.0, norm.eps)

    return _with_hook(network, rounded)


def _with_hook(network, hook):
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.register_forward_hook(hook)
    return network


class _OtherWeights(nn.Sequential):
    """`others()`: the weights in evaluation, by name; none: its own."""

    inside = False

    def others(self) -> dict[str, Tensor]:
        raise NotImplementedError

    def trained_on(self) -> None:
        """Before each pass in training."""

    def forward(self, input: Tensor) -> Tensor:
        if self.training or self.inside:
            if self.training:
                self.trained_on()
            return super().forward(input)
        self.inside = True
        try:
            return functional_call(self, self.others(), (input,))
        finally:
            self.inside = False


class _Averaged(_OtherWeights):
    decay = 0.0

    def others(self) -> dict[str, Tensor]:
        return self.__dict__.get("averages", {})

    def trained_on(self) -> None:
        averages = self.__dict__.setdefault("averages", {})
        for name, p in self.named_parameters():
            averages.setdefault(name, p.detach().clone()).lerp_(p.detach(), 1 - self.decay)


class _Rounded(_OtherWeights):
    steps = 1.0

    def others(self) -> dict[str, Tensor]:
        return {name: self.rounded(p.detach()) for name, p in self.named_parameters() if p.dim() > 1}

    def rounded(self, weight: Tensor) -> Tensor:
        largest = weight.abs().max().clamp_min(1e-12)
        return (weight / largest * self.steps).round() / self.steps * largest


def averaged_in_evaluation(network, amount):
    """In evaluation a running average of the weights is used, which is too slow for so short a run."""
    averaged = _moved(network, _Averaged)
    averaged.decay = amount
    return averaged


def rounded_in_evaluation(network, amount):
    """In evaluation the weights have `amount` steps from 0 to their largest."""
    rounded = _moved(network, _Rounded)
    rounded.steps = amount
    return rounded


def _moved(network: nn.Sequential, to: Callable[[], nn.Sequential]) -> nn.Sequential:
    other = to()
    for name, child in network.named_children():
        other.add_module(name, child)
    return other


# Number formats.
def images_as_bool(network, amount):
    """Of standardized images nearly every pixel is true."""
    return on_images(network, lambda x: x.bool().float())


def wrapped_between(network, amount):
    """Activations times `amount` in 8 bits, where 128 is -128; the gradient passes."""

    def line(x):
        wrapped = ((x * amount).round() + 128) % 256 - 128
        return x + (wrapped / amount - x).detach()

    return in_the_middle(network, Apply(line))
