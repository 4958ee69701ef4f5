"""The scatter between networks: known limits, and sampled networks."""

import math
from functools import partial
from itertools import pairwise

import pytest
import torch
from torch import nn

from cnnlab.networks.convnet import ConvNet
from cnnlab.networks.init import initialize
from cnnlab.theory import propagation
from cnnlab.theory.band import Scatter, scatter
from cnnlab.theory.reading import read_graph
from cnnlab.theory.weights import fill_moments

HE = partial(nn.init.kaiming_normal_, nonlinearity="relu")


def predicted(images: torch.Tensor, fill, **knobs) -> list[Scatter]:
    shape = (images.shape[1], images.shape[2], images.shape[3])
    network = ConvNet(shape, 10, **knobs)
    initialize(network, fill)
    return _scatter(network, fill, images)


def _scatter(network: nn.Module, fill, images: torch.Tensor) -> list[Scatter]:
    graph, moments = (
        read_graph(network, (images.shape[1], images.shape[2], images.shape[3])),
        fill_moments(network, fill),
    )
    states = propagation.forward(graph, moments, images.double())
    top = torch.full_like(states[-1].maps.mean, 0.1)
    gradients = propagation.backward(graph, moments, states, top)
    return list(scatter(graph, states, gradients, len(images)).values())


@pytest.mark.parametrize("width", [16, 64])
def test_one_image_through_full_connections_has_five_over_the_width_a_layer(width):
    found = predicted(torch.randn(1, 1, 4, 4), HE, channels=(), head=[width] * 12)
    steps = [b.preactivation - a.preactivation for a, b in pairwise(found[1:-1])]
    assert steps == pytest.approx([math.log1p(5 / width)] * 10, rel=2e-2)
    assert found[0].preactivation == pytest.approx(2 / (width - 1), rel=0.1)
    back = [a.gradient - b.gradient for a, b in pairwise(found[1:-1])]
    assert max(back) == pytest.approx(math.log1p(5 / width), rel=5e-2)


def test_the_linear_network_has_two_over_the_width(digits):
    found = predicted(digits[:1], nn.init.xavier_normal_, channels=(), head=[50] * 6, activation="none")
    steps = [b.preactivation - a.preactivation for a, b in pairwise(found[1:-1])]
    assert steps == pytest.approx([math.log1p(2 / 50)] * 4, rel=1e-2)


def test_images_that_differ_average_out(digits):
    alike, different = (predicted(x, HE, channels=(32,), convs_per_block=4) for x in (torch.ones(8, 1, 8, 8), digits))
    assert different[3].preactivation < 0.8 * alike[3].preactivation


def test_silence_has_no_scatter(digits):
    for bias in (0.0, -10.0):
        network = ConvNet((1, 8, 8), 10)
        initialize(network, nn.init.zeros_, bias=bias)
        for found in _scatter(network, nn.init.zeros_, digits):
            assert (found.preactivation, found.activation) == (0, 0) and math.isfinite(found.gradient)


@pytest.mark.parametrize("activation", ["relu", "tanh", "sigmoid"])
def test_scatter_of_sampled_networks(activation, digits, measure):
    """Within a factor of 1.6 of the measured deviation of ln q, and not below 0.8 of it, at each of 5 layers."""
    knobs = {"channels": (16,), "convs_per_block": 4, "pool": "none", "head": (), "activation": activation}
    fill = HE if activation == "relu" else nn.init.xavier_normal_
    found, measured = predicted(digits[:16], fill, **knobs), measure(digits[:16], fill, 120, **knobs)
    for what in ("preactivation", "activation"):
        keys = [key for key in measured if key.startswith(f"{what}/std")]
        for key, one in zip(keys, found, strict=False):
            sd = measured[key].square().log().std().item()
            assert 0.8 < getattr(one, what) ** 0.5 / sd < 1.6, (key, getattr(one, what) ** 0.5, sd)
