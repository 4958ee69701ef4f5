"""Faults in the forward of a network, or in how it is put together: (network, amount) -> network."""

from typing import Any

import torch
import torch.nn.functional as F
from faulty_places import Apply, before_head, channels_between, in_the_middle, insert, on_images, on_logits
from torch import Tensor, nn
from torch.func import functional_call

ACTIVATIONS = (nn.ReLU, nn.Tanh)


def ends_in_probabilities(network: Any, amount: float) -> nn.Module:
    """The network returns softmax, and the loss takes it again."""
    return on_logits(network, nn.Softmax(dim=1))


def probabilities_over_batch(network: Any, amount: float) -> nn.Module:
    """Softmax over dim=0: over the images of a batch."""
    return on_logits(network, nn.Softmax(dim=0))


def ends_in_sigmoid(network: Any, amount: float) -> nn.Module:
    """A sigmoid per class, as for several labels per image."""
    return on_logits(network, nn.Sigmoid())


def ends_in_relu(network: Any, amount: float) -> nn.Module:
    """An activation after the last layer, as after all others."""
    return on_logits(network, nn.ReLU())


def over_temperature(network: Any, amount: float) -> nn.Module:
    """Logits divided by a temperature of 1 / `amount`, as in contrastive losses, whose cosines are at most 1."""
    return on_logits(network, Apply(lambda logits: logits * amount))


def dropout_without_self_training(network: Any, amount: float) -> nn.Module:
    """`F.dropout(x, p)` after each block, whose `training` is True by default, in evaluation too."""
    for name in [name for name, _ in network.named_children() if name != "head"]:
        network._modules[name] = nn.Sequential(network._modules[name], Apply(lambda x: F.dropout(x, amount)))
    return network


def dropped_maps(network: Any, amount: float) -> nn.Module:
    """Dropout2d after each block."""
    for name in [name for name, _ in network.named_children() if name != "head"]:
        network._modules[name] = nn.Sequential(network._modules[name], nn.Dropout2d(amount))
    return network


def softmax_inside(network: Any, amount: float) -> nn.Module:
    """Softmax over the channels as the activation of hidden layers."""
    for module in list(network.modules()):
        for name, child in module.named_children():
            if isinstance(child, ACTIVATIONS):
                setattr(module, name, nn.Softmax(dim=1))
    return network


def features_without_gradient(network: Any, amount: float) -> nn.Module:
    """`with torch.no_grad():` around the features, kept from an extraction script."""
    for name in [name for name, _ in network.named_children() if name != "head"]:
        network._modules[name] = WithoutGradient(network._modules[name])
    return network


class WithoutGradient(nn.Module):
    def __init__(self, inner: nn.Module):
        super().__init__()
        self.inner = inner

    def forward(self, x: Tensor) -> Tensor:
        with torch.no_grad():
            return self.inner(x)


def frozen_but_logits(network: Any, amount: float) -> nn.Module:
    """The recipe for fine-tuning, with a network that was never trained."""
    for parameter in network.parameters():
        parameter.requires_grad_(False)
    for parameter in network.head.logits.parameters():
        parameter.requires_grad_(True)
    return network


def blocks_in_python_list(network: Any, amount: float) -> nn.Module:
    """`self.blocks = [...]` instead of nn.ModuleList: parameters() does not know them."""
    hidden = [(name, module) for name, module in network.named_children() if name != "head"]
    for name, _ in hidden:
        del network._modules[name]
    chain = [module for _, module in hidden]

    def run(x: Tensor) -> Tensor:
        for module in chain:
            x = module(x)
        return x

    return insert(network, 0, "features", Apply(run))


def images_mixed_by_view(network: Any, amount: float) -> nn.Module:
    """view() in place of permute() before the head: an image's features are those of several."""
    return before_head(network, Apply(lambda x: x.transpose(0, 1).reshape(x.shape)))


def averaged_over_batch(network: Any, amount: float) -> nn.Module:
    """`mean(0)` in place of a mean over positions: all images have the same features."""
    return before_head(network, Apply(lambda x: x.mean(0, keepdim=True).expand_as(x)))


def averaged_too_early(network: Any, amount: float) -> nn.Module:
    """The global average is taken after the first block."""
    return insert(network, 1, "average", Apply(lambda x: x.mean((2, 3), keepdim=True).expand_as(x)))


def one_channel_between(network: Any, amount: float) -> nn.Module:
    """Two 1x1 convolutions with one channel between them."""
    c = channels_between(network)
    return in_the_middle(network, nn.Sequential(nn.Conv2d(c, 1, 1), nn.ReLU(), nn.Conv2d(1, c, 1), nn.ReLU()))


def slow_running_statistics(network: Any, amount: float) -> nn.Module:
    """Batch norm's momentum is `amount`, in the meaning that another library gives it (there, 1 - momentum)."""
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = amount
    return network


class OnlyInTraining(nn.Module):
    """Images come as bytes, and only training divides them by 255 and standardizes them."""

    def __init__(self, scale: float):
        super().__init__()
        self.scale = scale

    def forward(self, x: Tensor) -> Tensor:
        return x if self.training else self.scale * (x + 1)


def standardizes_in_training(network: Any, amount: float) -> nn.Module:
    return insert(network, 0, "prepare", OnlyInTraining(amount))


class Averaged(nn.Module):
    """Evaluation uses an average of the weights over far more steps than there were."""

    def __init__(self, network: nn.Module, decay: float):
        super().__init__()
        self.network, self.decay = network, decay
        self.shadow: dict[str, Tensor] = {}

    def forward(self, x: Tensor) -> Tensor:
        if self.training:
            with torch.no_grad():
                for name, weight in self.network.named_parameters():
                    old = self.shadow.get(name, weight)
                    self.shadow[name] = self.decay * old + (1 - self.decay) * weight
            return self.network(x)
        return functional_call(self.network, self.shadow, (x,)) if self.shadow else self.network(x)


def evaluates_slow_average(network: Any, amount: float) -> nn.Module:
    return Averaged(network, amount)


class Rounded(torch.autograd.Function):
    """Rounding to whole numbers, with the gradient of the identity."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, step: float) -> Tensor:
        return (x / step).round().clamp(-128, 127) * step

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        return gradients[0], None


def whole_activations(network: Any, amount: float) -> nn.Module:
    """Activations are stored as int8 in steps of `amount`, whatever their size."""
    for module in list(network.modules()):
        for name, child in module.named_children():
            if isinstance(child, ACTIVATIONS):
                setattr(module, name, nn.Sequential(child, Apply(lambda x: Rounded.apply(x, amount))))
    return network


def squares_in_half(network: Any, amount: float) -> nn.Module:
    """Images of bytes are brought to unit length by a sum of squares in fp16, which overflows."""

    def line(x: Tensor) -> Tensor:
        large = (x * amount).half()
        length = (large * large).sum((1, 2, 3), keepdim=True).sqrt().float()
        return x * amount / length * x[0].numel() ** 0.5

    return on_images(network, line)
