"""What the theory reads from a network, and what it refuses, in words that name the module."""

import pytest
import torch
from torch import nn
from torch.nn.utils.parametrizations import spectral_norm, weight_norm
from torch.nn.utils.prune import l1_unstructured

from cnnlab.common.errors import NotApplicable
from cnnlab.networks.convnet import ConvNet
from cnnlab.networks.layers import weight_layers
from cnnlab.networks.modules.activations import ACTIVATIONS
from cnnlab.theory.chain import Pool, read_layers


def test_a_convnet_layer_by_layer():
    network = ConvNet(
        (3, 13, 13), 10, channels=(4, 8), kernel_size=[3, 4], pool=["max", "sum"], stride=[1, 2], dropout=0.5
    )
    layers = read_layers(network, (3, 13, 13))
    assert [layer.name for layer in layers] == list(weight_layers(network))
    first, second, third, fourth, hidden, logits = layers
    assert (first.c_in, first.c_out, first.kernel, first.padding, first.output) == (
        3,
        4,
        (3, 3),
        (1, 1, 1, 1),
        (13, 13),
    )
    assert second.pools == (Pool((2, 2), "max", (7, 7)),) and second.pools[0].largest
    assert (third.stride, third.kernel, third.padding) == ((2, 2), (4, 4), (1, 2, 1, 2))
    assert fourth.pools == (Pool((2, 2), "sum", (2, 2)),) and fourth.pooled == (2, 2)
    assert (hidden.kernel, hidden.c_in, hidden.c_out, hidden.keep) == ((2, 2), 8, 64, 0.5)
    assert logits.activated_by is None and hidden.activated_by is not None


def test_dropout_counts_in_training_mode_only():
    network = ConvNet((1, 8, 8), 10, dropout=0.25)
    assert [layer.keep for layer in read_layers(network.eval(), (1, 8, 8))] == [1.0] * 6
    assert [layer.keep for layer in read_layers(network.train(), (1, 8, 8))] == [1.0] * 4 + [0.75] * 2


def test_a_global_average_follows_a_pooling():
    layers = read_layers(ConvNet((1, 8, 8), 10, pool="max", head="average"), (1, 8, 8))
    assert [pool.window for pool in layers[-2].pools] == [(2, 2), (2, 2)]
    assert layers[-2].pools[1].whole and layers[-1].kernel == (1, 1)


class Residual(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.flat, self.fc = nn.Conv2d(1, 1, 3, padding=1), nn.Flatten(), nn.Linear(64, 10)

    def forward(self, x):
        return self.fc(self.flat(x + self.conv(x)))


class Plain(Residual):
    def forward(self, x):
        return self.fc(self.flat(self.conv(x)))


def _then(*modules: nn.Module) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), *modules, nn.Flatten(), nn.LazyLinear(10))


REFUSED = {
    "BatchNorm2d": _then(nn.BatchNorm2d(4), nn.ReLU()),
    "1 \\(Softsign\\)": _then(nn.Softsign()),
    "1 \\(Softmax2d\\)": _then(nn.Softmax2d()),
    "1 \\(LayerNorm\\)": _then(nn.LayerNorm(8)),
    "1 pads with a value other": _then(nn.ConstantPad2d(1, 0.5), nn.Conv2d(4, 4, 3)),
    "the windows of 2 overlap": _then(nn.ReLU(), nn.MaxPool2d(3, stride=2)),
    "1 \\(AdaptiveAvgPool2d\\)": _then(nn.AdaptiveAvgPool2d(3)),
    "3 is a max pool after": _then(nn.ReLU(), nn.AvgPool2d(2), nn.MaxPool2d(2)),
    "2 does not follow its layer": _then(nn.MaxPool2d(2), nn.ReLU()),
    "1 has groups": _then(nn.Conv2d(4, 4, 3, groups=2)),
    "0 does not follow a layer": nn.Sequential(nn.AvgPool2d(2), nn.Flatten(), nn.LazyLinear(10)),
    "3, does not produce the logits": nn.Sequential(*_then(nn.ReLU()), nn.Tanh()),
}


@pytest.mark.parametrize("compute", [weight_norm, spectral_norm, lambda layer: l1_unstructured(layer, "weight", 0.5)])
def test_weights_that_no_initializer_drew_are_refused(compute):
    network = nn.Sequential(compute(nn.Conv2d(1, 4, 3)), nn.ReLU(), nn.Flatten(), nn.Linear(144, 10))
    with pytest.raises(NotApplicable, match="weights of 01_0 are computed"):
        read_layers(network, (1, 8, 8))


@pytest.mark.parametrize("reason", REFUSED)
def test_what_has_no_formula_is_refused_by_name(reason):
    network = REFUSED[reason]
    network(torch.zeros(2, 1, 8, 8))
    with pytest.raises(NotApplicable, match=reason):
        read_layers(network, (1, 8, 8))


def test_own_modules_that_only_pass_layers_on_are_read_and_others_refused():
    assert len(read_layers(Plain(), (1, 8, 8))) == 2
    with pytest.raises(NotApplicable, match="not a plain chain"):
        read_layers(Residual(), (1, 8, 8))
    shared = nn.Conv2d(1, 1, 3, padding=1)
    with pytest.raises(NotApplicable, match="runs twice|not a plain chain"):
        read_layers(nn.Sequential(shared, shared, nn.Flatten(), nn.Linear(64, 10)), (1, 8, 8))


def test_batch_norm_of_a_convnet_is_named():
    with pytest.raises(NotApplicable, match=r"block1\.norm1 \(BatchNorm2d\)"):
        read_layers(ConvNet((1, 8, 8), 10, norm="batch"), (1, 8, 8))


def test_every_activation_of_the_table_is_read_or_named():
    for name in ACTIVATIONS:
        network = ConvNet((1, 8, 8), 10, activation=name)
        if name == "softsign":
            with pytest.raises(NotApplicable, match="Softsign"):
                read_layers(network, (1, 8, 8))
        else:
            assert [layer.activated_by is None for layer in read_layers(network, (1, 8, 8))] == [False] * 5 + [True]


def test_an_identity_between_layers_is_passed_over():
    network = nn.Sequential(nn.Conv2d(1, 2, 3), nn.Identity(), nn.ReLU(), nn.Flatten(), nn.Linear(72, 3))
    assert [layer.activated_by is None for layer in read_layers(network, (1, 8, 8))] == [False, True]
