"""What the theory reads from a network, and what it refuses, in words that name the module."""

import pytest
import torch
import torchvision
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import spectral_norm, weight_norm
from torch.nn.utils.prune import l1_unstructured

from cnnlab.common.errors import NotApplicable
from cnnlab.networks.convnet import ConvNet
from cnnlab.networks.layers import weight_layers
from cnnlab.networks.modules.activations import ACTIVATIONS
from cnnlab.theory.graph import IMAGE, Activate, Add, Graph, Join, Normalize, Pool, Weights
from cnnlab.theory.reading import read_graph


def layers_of(graph: Graph) -> list[Weights]:
    return [node for node in graph.nodes if isinstance(node, Weights)]


def activated(graph: Graph) -> list[bool]:
    return [layer.activation is not None for layer in graph.layers.values()]


def test_a_convnet_layer_by_layer():
    network = ConvNet(
        (3, 13, 13), 10, channels=(4, 8), kernel_size=[3, 4], pool=["max", "sum"], stride=[1, 2], dropout=0.5
    )
    graph = read_graph(network, (3, 13, 13))
    layers = layers_of(graph)
    assert [layer.layer for layer in layers] == list(graph.layers) == list(weight_layers(network))
    first, second, third, fourth, hidden, logits = layers
    assert (first.inputs, first.c_in, first.c_out, first.kernel, first.padding, first.size) == (
        *((IMAGE,), 3, 4, (3, 3), (1, 1, 1, 1), (13, 13)),
    )
    largest, total = (node for node in graph.nodes if isinstance(node, Pool))
    assert (largest.takes, largest.window.kernel, largest.size) == ("max", (2, 2), (7, 7))
    assert graph.nodes[largest.inputs[0]] is second, "a maximum of activations is computed from what they activate"
    assert (third.stride, third.kernel, third.padding) == ((2, 2), (4, 4), (1, 2, 1, 2))
    assert (total.takes, total.size, total.whole) == ("sum", (2, 2), False)
    assert isinstance(graph.nodes[total.inputs[0]], Activate) and fourth.size == (4, 4)
    assert (hidden.kernel, hidden.c_in, hidden.c_out, hidden.keep) == ((2, 2), 8, 64, 0.5)
    assert activated(graph) == [True] * 5 + [False] and graph.nodes[-1] is logits


def test_dropout_counts_in_training_mode_only():
    network = ConvNet((1, 8, 8), 10, dropout=0.25)
    assert [layer.keep for layer in layers_of(read_graph(network.eval(), (1, 8, 8)))] == [1.0] * 6
    assert [layer.keep for layer in layers_of(read_graph(network.train(), (1, 8, 8)))] == [1.0] * 4 + [0.75] * 2


def test_what_a_forward_method_does_in_training_counts_unless_the_network_evaluates():
    class Dropping(Plain):
        def forward(self, x: Tensor) -> Tensor:
            return super().forward(F.dropout(x, 0.5) if self.training else x)

    network, state = Dropping(), torch.get_rng_state()
    with pytest.raises(NotApplicable, match="dropout, a function"):
        read_graph(network, (1, 8, 8))
    assert len(layers_of(read_graph(network.eval(), (1, 8, 8)))) == 2
    assert torch.equal(torch.get_rng_state(), state)
    norm = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.ReLU(), nn.Flatten(), nn.Linear(72, 3))
    read_graph(norm, (1, 8, 8))
    assert norm[1].num_batches_tracked == 0 and not norm[1].running_mean.any()


def test_a_global_average_follows_a_pooling():
    graph = read_graph(ConvNet((1, 8, 8), 10, pool="max", head="average"), (1, 8, 8))
    pools = [node for node in graph.nodes if isinstance(node, Pool)]
    assert [(pool.window.kernel, pool.whole) for pool in pools[-2:]] == [((2, 2), False), ((2, 2), True)]
    assert layers_of(graph)[-1].kernel == (1, 1)


class Residual(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.flat, self.fc = nn.Conv2d(1, 1, 3, padding=1), nn.Flatten(), nn.Linear(64, 10)

    def forward(self, x):
        return self.fc(self.flat(x + self.conv(x)))


class Plain(Residual):
    def forward(self, x):
        return self.fc(self.flat(self.conv(x)))


class Twice(Residual):
    def forward(self, x):
        y = self.conv(x)
        return self.fc(self.flat(y + F.relu(y)))


class Doubled(Residual):
    def forward(self, x):
        return self.fc(self.flat(self.conv(torch.cat([x, x], 1)[:, :1])))


class Joined(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.fc = nn.Conv2d(2, 4, 8), nn.Linear(4, 3)

    def forward(self, x):
        return self.fc(self.conv(torch.cat([x, x], 1)).flatten(1))


def test_functions_without_a_formula_are_named():
    with pytest.raises(NotApplicable, match="no formula for getitem, a function"):
        read_graph(Doubled(), (1, 8, 8))
    with pytest.raises(NotApplicable, match="no layer gets the image itself"):
        read_graph(Joined(), (1, 8, 8))


def test_a_basic_block_of_resnet18():
    graph = read_graph(torchvision.models.resnet18(num_classes=3), (3, 64, 64))
    kinds = [type(node).__name__ for node in graph.nodes]
    assert kinds[:4] == ["Weights", "Normalize", "Activate", "Pool"]
    assert kinds[4:11] == ["Weights", "Normalize", "Activate", "Weights", "Normalize", "Add", "Activate"]
    assert graph.nodes[9].inputs == (8, 3), "the block's second norm, and the pooling that went around it"
    first, second = list(graph.layers.values())[1:3]
    assert (first.weights, first.preactivation, first.activation) == (4, 5, 6)
    assert (second.weights, second.preactivation, second.activation) == (7, 7, None), "a sum has no layer"


def test_norms_activations_and_maxima_of_a_concatenation_are_each_branch_s():
    graph = read_graph(torchvision.models.densenet121(num_classes=3), (3, 32, 32))
    assert not any(
        isinstance(graph.nodes[i], Join)
        for node in graph.nodes
        for i in node.inputs
        if i != IMAGE
        if isinstance(node, Normalize | Activate)
    )
    norms = [node.inputs for node in graph.nodes if isinstance(node, Normalize)]
    assert len(norms) == len(set(norms)), "what is normalized alike for several layers is one node"


def test_groups_divide_the_channels():
    network = _then(nn.Conv2d(4, 8, 3, groups=2))
    network(torch.zeros(2, 1, 8, 8))
    grouped = layers_of(read_graph(network, (1, 8, 8)))[1]
    assert (grouped.c_in, grouped.c_out, grouped.channels) == (2, 4, 8)


def test_functions_are_read_like_layers():
    class Functional(Plain):
        def forward(self, x):
            return self.fc(torch.flatten(F.relu(self.conv(x)), 1))

    assert activated(read_graph(Functional(), (1, 8, 8))) == [True, False]


def _trained(norm: nn.BatchNorm2d) -> nn.BatchNorm2d:
    nn.init.uniform_(norm.weight)
    return norm


def _then(*modules: nn.Module) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), *modules, nn.Flatten(), nn.LazyLinear(10))


REFUSED = {
    "running statistics": _then(nn.BatchNorm2d(4).eval(), nn.ReLU()),
    "1 differ between channels": _then(_trained(nn.BatchNorm2d(4))),
    "0.weight has no shape yet": nn.Sequential(nn.LazyConv2d(4, 3), nn.Flatten(), nn.LazyLinear(10)),
    "1 \\(Softsign\\)": _then(nn.Softsign()),
    "1 \\(Softmax2d\\)": _then(nn.Softmax2d()),
    "1 \\(LayerNorm\\)": _then(nn.LayerNorm(8)),
    "1 pads with a value other": _then(nn.ConstantPad2d(1, 0.5), nn.Conv2d(4, 4, 3)),
    "1 \\(AdaptiveAvgPool2d\\)": _then(nn.AdaptiveAvgPool2d(3)),
    "3 is a max pool after": _then(nn.ReLU(), nn.AvgPool2d(2), nn.MaxPool2d(2)),
    "2 does not follow its layer": _then(nn.MaxPool2d(2), nn.ReLU()),
    "1 crops the map": _then(nn.ZeroPad2d(-1), nn.Conv2d(4, 4, 3)),
    "1 has dilation": _then(nn.Conv2d(4, 4, 3, dilation=2)),
    "2 follows dropout": _then(nn.Dropout(0.5), nn.ReLU()),
    "0 does not follow a layer": nn.Sequential(nn.AvgPool2d(2), nn.Flatten(), nn.LazyLinear(10)),
    "3, does not produce the logits": nn.Sequential(*_then(nn.ReLU()), nn.Tanh()),
}


@pytest.mark.parametrize("compute", [weight_norm, spectral_norm, lambda layer: l1_unstructured(layer, "weight", 0.5)])
def test_weights_that_no_initializer_drew_are_refused(compute):
    network = nn.Sequential(compute(nn.Conv2d(1, 4, 3)), nn.ReLU(), nn.Flatten(), nn.Linear(144, 10))
    with pytest.raises(NotApplicable, match="weights of 01_0 are computed"):
        read_graph(network, (1, 8, 8))


@pytest.mark.parametrize("reason", REFUSED)
def test_what_has_no_formula_is_refused_by_name(reason):
    network = REFUSED[reason]
    if "no shape" not in reason:
        network(torch.zeros(2, 1, 8, 8))
    with pytest.raises(NotApplicable, match=reason):
        read_graph(network, (1, 8, 8))


def test_own_modules_are_read_and_layers_that_run_twice_refused():
    assert len(layers_of(read_graph(Plain(), (1, 8, 8)))) == 2
    graph = read_graph(Residual(), (1, 8, 8))
    assert [node.inputs for node in graph.nodes if isinstance(node, Add)] == [(IMAGE, 0)]
    with pytest.raises(NotApplicable, match="add adds branches that are not independent"):
        read_graph(Twice(), (1, 8, 8))
    shared = nn.Conv2d(1, 1, 3, padding=1)
    with pytest.raises(NotApplicable, match="runs twice"):
        read_graph(nn.Sequential(shared, shared, nn.Flatten(), nn.Linear(64, 10)), (1, 8, 8))
    tied = nn.Sequential(shared, nn.Conv2d(1, 1, 3, padding=1), nn.Flatten(), nn.Linear(64, 10))
    tied[1].weight = shared.weight
    with pytest.raises(NotApplicable, match="02_1 has the weights of another layer"):
        read_graph(tied, (1, 8, 8))


def test_every_activation_of_the_table_is_read_or_named():
    for name in ACTIVATIONS:
        network = ConvNet((1, 8, 8), 10, activation=name)
        if name == "softsign":
            with pytest.raises(NotApplicable, match="Softsign"):
                read_graph(network, (1, 8, 8))
        else:
            assert activated(read_graph(network, (1, 8, 8))) == [True] * 5 + [False]


def test_an_identity_between_layers_is_passed_over():
    network = nn.Sequential(nn.Conv2d(1, 2, 3), nn.Identity(), nn.ReLU(), nn.Flatten(), nn.Linear(72, 3))
    assert activated(read_graph(network, (1, 8, 8))) == [True, False]
