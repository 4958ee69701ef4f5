"""Small modules as people write them, each with one mechanism that a recorder of layers may get wrong."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils import prune
from torch.nn.utils.parametrizations import spectral_norm, weight_norm
from torch.utils.checkpoint import checkpoint

from zoo_parts.networks import Specimen

SIDE = 20


class Between(nn.Module):
    """Convolution `stem` (3 -> 8), what `between(self, h)` makes of it, a global average and `head`."""

    def __init__(self, classes, between, width=8, **modules):
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, padding=1)
        for name, module in modules.items():
            self.add_module(name, module)
        self.head, self.between = nn.Linear(width, classes), between

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.between(self, self.stem(x)).mean((2, 3)))


class LeNet(nn.Module):
    def __init__(self, classes):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(3, 6, 5), nn.Conv2d(6, 16, 5)
        self.fc1, self.fc2, self.fc3 = nn.Linear(16 * 4, 120), nn.Linear(120, 84), nn.Linear(84, classes)

    def forward(self, x: Tensor) -> Tensor:
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        return self.fc3(F.relu(self.fc2(F.relu(self.fc1(torch.flatten(x, 1))))))


class OneConvolution(nn.Module):
    """The only convolution, a pooling that is a function, and a full connection."""

    def __init__(self, classes):
        super().__init__()
        self.conv, self.fc = nn.Conv2d(3, 8, 5), nn.Linear(8 * 8 * 8, classes)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(F.max_pool2d(self.conv(x), 2).flatten(1))


class Flattened(nn.Module):
    """The activation gets a map that has lost its channels."""

    def __init__(self, classes):
        super().__init__()
        self.conv, self.fc = nn.Conv2d(3, 4, 5), nn.Linear(4 * 16 * 16, classes)
        nn.init.constant_(self.conv.bias, -0.5)  # most cells are zero, and no channel is dead

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(F.relu(self.conv(x).flatten(1)))


class Attending(nn.Module):
    """Cells as tokens."""

    def __init__(self, classes):
        super().__init__()
        self.patches, self.attention = nn.Conv2d(3, 16, 4, stride=4), nn.MultiheadAttention(16, 2, batch_first=True)
        self.norm, self.head = nn.LayerNorm(16), nn.Linear(16, classes)

    def forward(self, x: Tensor) -> Tensor:
        h = self.patches(x).flatten(2).transpose(1, 2)
        return self.head(self.norm(h + self.attention(h, h, h, need_weights=False)[0]).mean(1))


class Recurrent(nn.Module):
    """Lines of the image as a sequence, through a Conv1d and a GRU."""

    def __init__(self, classes):
        super().__init__()
        self.conv, self.gru = nn.Conv1d(3 * SIDE, 16, 3, padding=1), nn.GRU(16, 12, batch_first=True)
        self.head = nn.Linear(12, classes)

    def forward(self, x: Tensor) -> Tensor:
        h = F.relu(self.conv(x.transpose(2, 3).flatten(1, 2))).transpose(1, 2)
        return self.head(self.gru(h)[0][:, -1])


def _conv(c_in: int = 8, c_out: int = 8, **settings) -> nn.Conv2d:
    return nn.Conv2d(c_in, c_out, 3, padding=1, **settings)


def _block() -> nn.Sequential:
    return nn.Sequential(_conv(), nn.ReLU(), _conv())


def _three_times(net, h):
    for _ in range(3):
        h = net.again(F.relu(h))
    return h


def _in_place_sum(net, h):
    h = F.relu(h)
    y = net.bn(net.conv(h))
    y += h
    return F.relu(y)


def _before_activation(net, h):
    return h + net.conv(F.relu(net.bn(h)))


def _glu(net, h):
    return F.glu(net.conv(h), dim=1)


def _gate(net, h):
    h = net.conv(h)
    return h * torch.sigmoid(h)


def _detached(net, h):
    return F.relu(h) + net.conv(h.detach())


def _unused_branch(net, h):
    net.aside(h)
    return F.relu(h)


def _squeezed(net, h):
    h = F.relu(h)
    return h * torch.sigmoid(net.up(F.relu(net.down(h.mean((2, 3), keepdim=True)))))


def _fixed_norm() -> nn.Module:
    return nn.BatchNorm2d(8).eval().requires_grad_(False)


def _frozen(network: nn.Module, *names: str) -> nn.Module:
    for name in names:
        network.get_submodule(name).requires_grad_(False)
    return network


def _pruned(classes: int) -> nn.Module:
    network = nn.Sequential(_conv(3), nn.ReLU(), _conv(), nn.ReLU(), nn.Flatten(), nn.Linear(8 * SIDE**2, classes))
    prune.l1_unstructured(network[2], "weight", 0.5)
    return network


def _parametrized(classes: int, how) -> nn.Module:
    layers = how(_conv(3)), nn.ReLU(), how(_conv()), nn.Tanh(), nn.Flatten()
    return nn.Sequential(*layers, nn.Linear(8 * SIDE**2, classes))


def _lazy(classes: int) -> nn.Module:
    return nn.Sequential(nn.LazyConv2d(8, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.LazyLinear(classes))


def _tied(classes: int) -> nn.Module:
    network = Between(classes, lambda net, h: net.b(F.relu(net.a(F.relu(h)))), a=_conv(), b=_conv())
    network.b.weight = network.a.weight
    return network


def _chain(classes: int) -> nn.Module:
    first = nn.Conv2d(3, 8, 5, stride=2, padding=2), nn.GELU(), nn.MaxPool2d(2)
    last = nn.Conv2d(8, 8, 3, groups=8, dilation=2), nn.Hardswish(), nn.Conv2d(8, 12, 1), nn.LeakyReLU(0.1)
    return nn.Sequential(*first, *last, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(12, classes))


def _even(classes: int) -> nn.Module:
    first = nn.ZeroPad2d((0, 1, 2, 0)), nn.Conv2d(3, 8, 4, padding=1), nn.ReLU(), nn.MaxPool2d(3, 2, ceil_mode=True)
    last = nn.Conv2d(8, 8, (1, 5), padding=(0, 2)), nn.Softplus(), nn.AvgPool2d(2), nn.Flatten()
    return nn.Sequential(*first, *last, nn.Linear(8 * 5 * 5, classes))


def _mixed_precision(net, h):
    with torch.autocast("cpu", dtype=torch.bfloat16):
        return F.relu(net.bn(net.conv(F.relu(h)))).float()


def _plain(classes: int, activation: type[nn.Module], head: list[nn.Module]) -> nn.Module:
    layers = [module for i in range(6) for module in (_conv(16 if i else 3, 16), activation())]
    return nn.Sequential(*layers, nn.MaxPool2d(2), *head, nn.Linear(1600 if len(head) == 1 else 16, classes))


def _lightning(classes: int) -> nn.Module:
    from lightning import LightningModule

    class Lit(LightningModule):
        def __init__(self):
            super().__init__()
            self.net = nn.Sequential(_conv(3), nn.ReLU(), nn.AvgPool2d(2), nn.Flatten(), nn.Linear(8 * 100, classes))

        def forward(self, x: Tensor) -> Tensor:
            return self.net(x)

        def training_step(self, batch, index):
            return F.cross_entropy(self(batch[0]), batch[1])

    return Lit()


def _odd(between, width=8, **makers):
    return lambda n: Between(n, between, width, **{name: make() for name, make in makers.items()})


BUILDERS = {
    "chain of relu": lambda n: _plain(n, nn.ReLU, [nn.Flatten()]),
    "chain of tanh, global average": lambda n: _plain(n, nn.Tanh, [nn.AdaptiveAvgPool2d(1), nn.Flatten()]),
    "LeNet, functions only": LeNet,
    "one convolution, functional pool": OneConvolution,
    "relu behind flatten": Flattened,
    "chain: stride, dilation, groups": _chain,
    "chain: even and oblong kernels, ceil_mode": _even,
    "relu_ in place": _odd(lambda net, h: net.conv(h.relu_()), conv=_conv),
    "a layer called three times": _odd(_three_times, again=_conv),
    "residual x + f(x)": _odd(lambda net, h: F.relu(h + net.f(h)), f=_block),
    "residual in place, x += f(x)": _odd(_in_place_sum, conv=_conv, bn=lambda: nn.BatchNorm2d(8)),
    "residual, norm and relu first": _odd(_before_activation, conv=_conv, bn=lambda: nn.BatchNorm2d(8)),
    "concatenation": _odd(lambda net, h: torch.cat([F.relu(h), net.conv(h)], 1), 16, conv=_conv),
    "squeeze and excitation": _odd(_squeezed, down=lambda: nn.Conv2d(8, 2, 1), up=lambda: nn.Conv2d(2, 8, 1)),
    "bounded activations": _odd(
        lambda net, h: F.hardtanh(net.b(torch.sigmoid(net.a(F.relu6(40 * h)))), -0.1, 0.1), a=_conv, b=_conv
    ),
    "gate x * sigmoid(x)": _odd(_gate, conv=_conv),
    "gate, frozen": lambda n: _frozen(Between(n, _gate, conv=_conv()), "stem", "conv"),
    "gated linear unit": _odd(_glu, 8, conv=lambda: _conv(8, 16)),
    "detached branch": _odd(_detached, conv=_conv),
    "a layer nobody uses": _odd(_unused_branch, aside=_conv),
    "depthwise, transposed": _odd(
        lambda net, h: F.elu(net.up(F.silu(net.deep(h)))),
        deep=lambda: _conv(groups=8, stride=2),
        up=lambda: nn.ConvTranspose2d(8, 8, 2, stride=2),
    ),
    "instance norm": _odd(lambda net, h: F.relu(net.norm(h)), norm=lambda: nn.InstanceNorm2d(8)),
    "frozen batch norm": _odd(lambda net, h: F.relu(net.bn(net.conv(h))), conv=_conv, bn=_fixed_norm),
    "bfloat16 by autocast": _odd(_mixed_precision, conv=_conv, bn=lambda: nn.BatchNorm2d(8)),
    "layer norm behind a permutation": _odd(
        lambda net, h: F.relu(net.norm(h.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)), norm=lambda: nn.LayerNorm(8)
    ),
    "weight norm": lambda n: _parametrized(n, weight_norm),
    "spectral norm": lambda n: _parametrized(n, spectral_norm),
    "pruned": _pruned,
    "lazy": _lazy,
    "tied weights": _tied,
    "frozen stem": lambda n: _frozen(Between(n, lambda net, h: F.relu(net.conv(F.relu(h))), conv=_conv()), "stem"),
    "attention": Attending,
    "Conv1d and GRU": Recurrent,
    "checkpointed": _odd(lambda net, h: F.relu(checkpoint(net.f, h, use_reentrant=False)), f=_block),
    "checkpointed, reentrant": _odd(lambda net, h: F.relu(checkpoint(net.f, h, use_reentrant=True)), f=_block),
    "LightningModule": _lightning,
}
ODD = {name: Specimen(build, (3, SIDE, SIDE)) for name, build in BUILDERS.items()}
