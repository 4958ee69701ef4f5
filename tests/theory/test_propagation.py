"""The recursion, position by position: against loops over random networks written out in numpy, and exact cases."""

import math
from functools import partial

import numpy as np
import pytest
import torch
from torch import nn

from cnnlab.common.errors import NotApplicable
from cnnlab.networks.convnet import ConvNet
from cnnlab.networks.init import initialize
from cnnlab.theory import propagation
from cnnlab.theory.graph import Graph, Weights
from cnnlab.theory.reading import read_graph
from cnnlab.theory.weights import WeightMoments, fill_moments

HE = partial(nn.init.kaiming_normal_, nonlinearity="relu")


def layers_of(graph: Graph) -> list[Weights]:
    return [node for node in graph.nodes if isinstance(node, Weights)]


def variances(graph: Graph, states) -> list[torch.Tensor]:
    """Of every layer's output."""
    return [states[layer.weights].covariances.square for layer in graph.layers.values()]


def gradients_of(graph: Graph, gradients) -> list[torch.Tensor]:
    """With respect to every layer's output."""
    return [gradients[layer.weights] for layer in graph.layers.values()]


def naive_convolution(x, weights, stride, before, after):
    """x (n, c, h, w), weights (n, o, c, k, k), a network a row: sums written out position by position."""
    n, _, h, w = x.shape
    k = weights.shape[-1]
    padded = np.zeros((n, x.shape[1], h + before + after, w + before + after))
    padded[:, :, before : before + h, before : before + w] = x
    rows, columns = (padded.shape[2] - k) // stride + 1, (padded.shape[3] - k) // stride + 1
    y = np.zeros((n, weights.shape[1], rows, columns))
    for i in range(rows):
        for j in range(columns):
            window = padded[:, :, i * stride : i * stride + k, j * stride : j * stride + k]
            y[:, :, i, j] = np.einsum("nchw,nochw->no", window, weights)
    return y


def naive_transposed(g, weights, stride, before, shape):
    """What comes back to x of that shape (n, c, h, w) from the gradients g at the convolution's outputs."""
    k, back = weights.shape[-1], np.zeros((*shape[:2], 40, 40))
    for i in range(g.shape[2]):
        for j in range(g.shape[3]):
            reached = np.einsum("no,nochw->nchw", g[:, :, i, j], weights)
            back[:, :, i * stride : i * stride + k, j * stride : j * stride + k] += reached
    return back[:, :, before : before + shape[2], before : before + shape[3]]


NETWORKS = {
    "same 3x3": ({"kernel_size": 3}, [(3, 1, 1, 1), (3, 1, 1, 1)]),
    "valid 3x3": ({"kernel_size": 3, "padding": "valid"}, [(3, 1, 0, 0), (3, 1, 0, 0)]),
    "same 2x2, stride 2": ({"kernel_size": 2, "stride": 2}, [(2, 2, 0, 1), (2, 1, 0, 1)]),
    "valid 3x3, stride 2": ({"kernel_size": 3, "stride": 2, "padding": "valid"}, [(3, 2, 0, 0), (3, 1, 0, 0)]),
    "the whole image": ({"kernel_size": 8, "convs_per_block": 1, "padding": "valid"}, [(8, 1, 0, 0)]),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_every_position_equals_loops_over_random_networks(name, digits):
    """Exact for relu's second moments, 2,500 networks of 8 channels (of 4, 6 % see only dead ones in a corner)."""
    knobs, convolutions = NETWORKS[name]
    network = ConvNet((1, 8, 8), 3, channels=(8,), pool="none", head=(), **knobs)
    initialize(network, HE)
    image, rng, n = digits[3:4].double(), np.random.default_rng(0), 2500
    graph = read_graph(network, (1, 8, 8))
    weights = {layer.layer: WeightMoments(*_he(layer)) for layer in layers_of(graph)}
    states = propagation.forward(graph, weights, image)
    signals = [
        (variances(graph, states)[i], states[m.activation or 0].maps) for i, m in enumerate(graph.layers.values())
    ]
    gradients = gradients_of(graph, propagation.backward(graph, weights, states, torch.ones(1, 1, 1).double()))

    x = np.repeat(image.numpy(), n, 0)
    seen, filters = [x], []
    for k, stride, before, after in convolutions:
        filters.append(rng.normal(0, math.sqrt(2 / (x.shape[1] * k * k)), (n, 8, x.shape[1], k, k)))
        h = naive_convolution(x, filters[-1], stride, before, after)
        x = np.maximum(h, 0)
        seen.append(x)
        variance, activated = signals[len(seen) - 2]
        scale = (h**2).mean()
        assert variance[0].numpy() == pytest.approx((h**2).mean((0, 1)), rel=0.1, abs=0.01 * scale)
        assert activated.square[0].numpy() == pytest.approx((x**2).mean((0, 1)), rel=0.1, abs=0.01 * scale)
    first = np.maximum(naive_convolution(seen[0], filters[0], *convolutions[0][1:]), 0).mean((0, 1))
    assert signals[0][1].mean[0].numpy() == pytest.approx(first, rel=0.1, abs=0.01), "the next are not normal"
    head = rng.normal(0, math.sqrt(2 / x[0].size), (n, x[0].size, 3))
    back = (head @ rng.normal(size=(n, 3, 1))).reshape(x.shape)
    for i in range(len(convolutions) - 1, -1, -1):
        gradient = back * (seen[i + 1] > 0)
        expected = (gradient**2).mean((0, 1))
        assert gradients[i][0].numpy() == pytest.approx(expected, rel=0.1, abs=0.02 * expected.max())
        k, stride, before, _ = convolutions[i]
        back = naive_transposed(gradient, filters[i], stride, before, seen[i].shape)


def _he(layer) -> tuple[torch.Tensor, torch.Tensor]:
    size = (1, 1) if isinstance(layer.module, nn.Linear) else layer.kernel
    fan_in = layer.c_in * layer.kernel[0] * layer.kernel[1]
    return torch.zeros(size).double(), torch.full(size, 2 / fan_in).double()


@pytest.mark.parametrize("head", ["average", (16,)])
@pytest.mark.parametrize("pool", ["max", "mean", "sum"])
@pytest.mark.parametrize("activation", ["relu", "sigmoid"])
def test_constant_weights_are_computed_exactly(head, pool, activation, digits):
    """Every draw is the same network, and every layer of it is one channel wide."""
    network = ConvNet((1, 8, 8), 10, channels=(5,), pool=pool, head=head, activation=activation)
    fill = partial(nn.init.constant_, val=0.03)
    initialize(network, fill, bias=0.2)
    graph = read_graph(network, (1, 8, 8))
    digits = digits[:8]
    states = propagation.forward(graph, fill_moments(network, fill), digits.double())
    outputs: list[torch.Tensor] = []
    for layer in layers_of(graph):
        layer.module.register_forward_hook(lambda module, inputs, output: outputs.append(output.detach()))
    network(digits)
    for measured, output in zip(graph.layers.values(), outputs, strict=True):
        node, state = graph.nodes[measured.weights], states[measured.weights]
        maps = output.double().view(len(digits), node.channels, *node.size)
        assert torch.allclose(state.maps.mean, maps[:, 0], rtol=1e-4, atol=1e-5), node
        assert state.covariances.square.abs().max() < 1e-12


@pytest.mark.parametrize("side", [8, 32])
def test_zeros_around_the_map_cost_signal_at_every_layer(side):
    """He keeps the second moment inside; the sum over 3x3 takes ((1 + 2 cos(pi / (H + 1))) / 3)^2 of it in the end."""
    network = ConvNet((1, side, side), 10, channels=(4,), convs_per_block=200, pool="none", head=())
    initialize(network, HE)
    graph = read_graph(network, (1, side, side))
    weights = {layer.layer: WeightMoments(*_he(layer)) for layer in layers_of(graph)}
    states = propagation.forward(graph, weights, torch.ones(1, 1, side, side).double())
    q = [float(variance.mean()) for variance in variances(graph, states)[:-1]]
    decay = ((1 + 2 * math.cos(math.pi / (side + 1))) / 3) ** 2
    assert q[-1] / q[-2] == pytest.approx(decay, rel=1e-3)
    assert q[0] > q[20] > q[-1]


def test_dropout_adds_to_the_square_and_to_the_gradient(digits):
    plain, dropped = (ConvNet((1, 8, 8), 10, dropout=p) for p in (0.0, 0.75))
    squares, gradients = [], []
    for network in (plain, dropped):
        initialize(network, HE)
        graph = read_graph(network, (1, 8, 8))
        weights = fill_moments(network, HE)
        states = propagation.forward(graph, weights, digits.double())
        squares.append([float(variance.mean()) for variance in variances(graph, states)])
        back = propagation.backward(graph, weights, states, torch.ones(len(digits), 1, 1).double())
        gradients.append([float(g.mean()) for g in gradients_of(graph, back)])
    ratios = [b / a for a, b in zip(*squares, strict=True)]
    assert ratios == pytest.approx([1, 1, 1, 1, 4, 16])
    ratios = [b / a for a, b in zip(*gradients, strict=True)]
    assert ratios == pytest.approx([16, 16, 16, 16, 4, 1])


def test_a_global_average_is_the_mean_over_all_pairs_of_positions(digits):
    """Against networks with many channels: the average's second moment, which the logits' variance shows."""
    network = ConvNet((1, 8, 8), 10, channels=(256,), convs_per_block=1, pool="none", head="average")
    initialize(network, HE)
    graph = read_graph(network, (1, 8, 8))
    states = propagation.forward(graph, fill_moments(network, HE), digits.double())
    with torch.no_grad():
        squares = []
        for seed in range(30):
            initialize(network, HE, seed=seed)
            squares.append(network[0](digits).mean((2, 3)).square().mean(1) * 2)
    measured = torch.stack(squares).mean(0).double()
    assert states[-1].covariances.square.mean().item() == pytest.approx(measured.mean().item(), rel=5e-2)


def test_a_global_average_over_a_large_map_is_refused():
    network = ConvNet((1, 64, 64), 10, channels=(2,), pool="none", head="average")
    initialize(network, HE)
    graph = read_graph(network, (1, 64, 64))
    with pytest.raises(NotApplicable, match="too many pairs"):
        propagation.forward(graph, fill_moments(network, HE), torch.randn(1, 1, 64, 64).double())


def test_gradients_below_weights_with_a_mean_are_not_known(digits):
    network = ConvNet((1, 8, 8), 10)
    fill = partial(nn.init.uniform_, a=0.0, b=0.1)
    initialize(network, fill)
    graph, weights = read_graph(network, (1, 8, 8)), fill_moments(network, fill)
    states = propagation.forward(graph, weights, digits.double())
    gradients = propagation.backward(graph, weights, states, torch.ones(len(digits), 1, 1).double())
    assert [bool(g.isnan().any()) for g in gradients_of(graph, gradients)] == [True, True, True, True, False, False]
