"""Still more faults in outputs, trained parts, evaluation, signal and number format: functions of a network and an
amount."""

import torch
from faulty_layers import OnlyEvaluation
from faulty_places import Apply, before_head, before_logits, in_the_middle, insert, on_images, on_logits
from torch import Tensor, nn
from torch.nn import functional as F


# The outputs.
def arg_max(network, amount):
    """The class itself, one-hot, in place of the logits: no gradient passes."""
    return on_logits(network, Apply(lambda x: F.one_hot(x.argmax(1), x.shape[1]) + 0 * x))


def one_number(network, amount):
    """A regression of the class's number: each class is as likely as its number is near."""
    return on_logits(network, Apply(lambda x: -((x[:, :1] - torch.arange(x.shape[1])) ** 2)))


def dropout_on_logits(network, amount):
    return on_logits(network, nn.Dropout(amount))


# What is trained.
def stopped_after(network, amount):
    """Everything is frozen after `amount` batches, as by a schedule of unfreezing in reverse order."""
    return on_logits(network, _StopsAfter(int(amount)))


class _StopsAfter(nn.Module):
    def __init__(self, batches: int):
        super().__init__()
        self.left = batches

    def forward(self, x: Tensor) -> Tensor:
        if self.training:
            self.left -= 1
        return x if self.left >= 0 else x.detach() + 0 * x


def made_anew(network, amount):
    """A convolution that is made in forward(): new weights for every batch, which no optimizer knows."""
    return in_the_middle(network, Apply(lambda x: F.relu(nn.Conv2d(x.shape[1], x.shape[1], 3, padding=1)(x))))


# Training and evaluation differ.
def variance_as_deviation(network, amount):
    """In evaluation batch norm divides by the running variance."""

    def divided(norm, inputs, output):
        if norm.training:
            return output
        squared = norm.running_var**2
        return F.batch_norm(inputs[0], norm.running_mean, squared, norm.weight, norm.bias, False, 0.0, norm.eps)

    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.register_forward_hook(divided)
    return network


def centre_enlarged(network, amount):
    """In evaluation the images are cropped to their middle, and enlarged again."""

    def line(x):
        h, w = x.shape[2] // 4, x.shape[3] // 4
        return F.interpolate(x[:, :, h:-h, w:-w], size=x.shape[2:])

    return insert(network, 0, "prepare", OnlyEvaluation(line))


def gaussian_dropout(network, amount):
    """Each feature times a random number around 1, with this deviation, in training."""
    return before_logits(network, _Gaussian(amount))


class _Gaussian(nn.Module):
    def __init__(self, deviation: float):
        super().__init__()
        self.deviation = deviation

    def forward(self, x: Tensor) -> Tensor:
        return x * (1 + self.deviation * torch.randn_like(x)) if self.training else x


# The signal.
def softmax_over_positions(network, amount):
    """Softmax over each map, as of attention, in place of the channels."""
    return before_head(network, Apply(lambda x: x.flatten(2).softmax(2).view_as(x)))


def images_thresholded(network, amount):
    """Black and white, with a threshold for other units."""
    return on_images(network, lambda x: (x > amount).float())


def position_codes(network, amount):
    """Sines of the position are added to the images, and are far larger than those."""

    def line(x):
        rows, columns = torch.arange(x.shape[2]), torch.arange(x.shape[3])
        return x + amount * (torch.sin(rows)[:, None] + torch.cos(columns)[None])

    return on_images(network, line)


def middle_shift_filled(network, amount):
    """The shift of one norm."""
    norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
    nn.init.constant_(norms[len(norms) // 2].bias, amount)
    return network


def clamped_between(network, amount):
    """No activation may be larger than `amount`."""
    return in_the_middle(network, Apply(lambda x: x.clamp(max=amount)))


def hidden_offset(network, amount):
    return before_logits(network, Apply(lambda x: x + amount))


def gate_shut(network, amount):
    """A learned gate, sigmoid(`amount`) at first, between two blocks."""
    return in_the_middle(network, _Gate(amount))


class _Gate(nn.Module):
    def __init__(self, start: float):
        super().__init__()
        self.gate = nn.Parameter(torch.tensor([float(start)]))

    def forward(self, x: Tensor) -> Tensor:
        return x * torch.sigmoid(self.gate)


def exponential_map(network, amount):
    """exp() of the last map, as of a softmax without its division."""
    return before_head(network, Apply(torch.exp))


# Number formats.
def probabilities_in_half(network, amount):
    """A softmax by hand in float16: exp() overflows at 11, and what is below -17 has the logarithm of 0."""

    def line(x):
        e = (x * amount).half().exp()
        return (e / e.sum(1, keepdim=True)).log().float()

    return on_logits(network, Apply(line))


def variance_in_half(network, amount):
    """A norm by hand in float16, by the mean of squares, which exceed its largest value of 65,504."""

    def line(x):
        x = (x * amount).half()
        mean = x.mean((1, 2, 3), keepdim=True)
        variance = (x * x).mean((1, 2, 3), keepdim=True) - mean * mean
        return ((x - mean) / (variance + 0.001).sqrt()).float()

    return in_the_middle(network, Apply(line))
