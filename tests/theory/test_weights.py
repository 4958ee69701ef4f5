"""Mean and variance per weight: the published variances, exact ones, and what no variance describes."""

import math
from functools import partial

import pytest
import torch
from torch import nn

from cnnlab.common.errors import NotApplicable
from cnnlab.networks.convnet import ConvNet
from cnnlab.networks.init import delta_orthogonal_, initialize, lsuv, truncated_normal_
from cnnlab.networks.kernels import classical_
from cnnlab.networks.layers import weight_layers
from cnnlab.theory.weights import fill_moments, moments_of, weight_moments

SHAPE = (24, 12, 3, 3)
FAN_IN, FAN_OUT = 12 * 9, 24 * 9
# The variance of a normal distribution cut at two deviations: 1 - 2 * 2 * pdf(2) / (cdf(2) - cdf(-2)).
CUT = 1 - 4 * math.exp(-2) / math.sqrt(2 * math.pi) / math.erf(math.sqrt(2))
VARIANCES = {
    "he normal": (partial(nn.init.kaiming_normal_, nonlinearity="relu"), 2 / FAN_IN),
    "he uniform": (partial(nn.init.kaiming_uniform_, nonlinearity="relu"), 2 / FAN_IN),
    "he fan_out": (partial(nn.init.kaiming_normal_, mode="fan_out", nonlinearity="relu"), 2 / FAN_OUT),
    "xavier normal": (nn.init.xavier_normal_, 2 / (FAN_IN + FAN_OUT)),
    "xavier uniform, gain 5/3": (partial(nn.init.xavier_uniform_, gain=5 / 3), 25 / 9 * 2 / (FAN_IN + FAN_OUT)),
    "normal": (partial(nn.init.normal_, std=0.3), 0.09),
    "uniform": (partial(nn.init.uniform_, a=-0.2, b=0.2), 0.04 / 3),
    "torch's default": (partial(nn.init.kaiming_uniform_, a=math.sqrt(5)), 1 / (3 * FAN_IN)),
    "orthogonal": (partial(nn.init.orthogonal_, gain=2.0), 4 / max(24, FAN_IN)),
    "truncated": (partial(truncated_normal_, std=0.1), 0.01 * CUT),
}


@pytest.mark.parametrize("name", VARIANCES)
def test_known_variances(name):
    fill, variance = VARIANCES[name]
    found = weight_moments(fill, SHAPE)
    assert found.variance.shape == (3, 3) and not found.mean.any()
    assert found.variance.mean().item() == pytest.approx(variance, rel=3e-3)
    assert found.variance.flatten().tolist() == pytest.approx([variance] * 9, rel=2e-2)


def test_orthogonal_is_exact_and_delta_orthogonal_has_a_centre_only():
    found = weight_moments(nn.init.orthogonal_, (40, 7, 3, 3))
    assert found.variance.mean().item() == pytest.approx(1 / 63, rel=1e-5)
    found = weight_moments(partial(delta_orthogonal_, gain=2.0), (24, 12, 3, 3))
    assert found.variance[1, 1].item() == pytest.approx(4 / 24, rel=1e-5)
    assert found.variance.count_nonzero() == 1


def test_means_are_found_and_accidental_ones_are_not():
    found = weight_moments(partial(nn.init.uniform_, a=0.0, b=1.0), SHAPE)
    assert found.mean.flatten().tolist() == pytest.approx([0.5] * 9, rel=5e-3)
    assert found.variance.mean().item() == pytest.approx(1 / 12, rel=5e-3)
    for value in (0.0, 0.01, -3.0):
        found = weight_moments(partial(nn.init.constant_, val=value), SHAPE)
        assert found.mean.flatten().tolist() == pytest.approx([value] * 9)
        assert not found.variance.any()


def test_any_fill_of_ones_own():
    def sparse_(weight: torch.Tensor) -> None:
        weight.copy_(torch.randn_like(weight) * (torch.rand_like(weight) < 0.25))

    assert weight_moments(sparse_, SHAPE).variance.mean().item() == pytest.approx(0.25, rel=1e-2)


def test_the_random_state_stays_as_it_was():
    torch.manual_seed(3)
    expected = torch.randn(2)
    torch.manual_seed(3)
    weight_moments(nn.init.xavier_normal_, SHAPE)
    assert torch.equal(torch.randn(2), expected)


@pytest.mark.parametrize("shape", [(16, 3, 3, 3), (16, 16, 3, 3), (300, 300, 3, 3)])
@pytest.mark.parametrize("fill", [nn.init.dirac_, classical_])
def test_weights_that_are_not_drawn_are_refused(fill, shape):
    with pytest.raises(NotApplicable, match="same weights in every draw|correlated"):
        weight_moments(fill, shape)


def test_a_network_s_layers_by_name_and_what_is_refused():
    network = ConvNet((1, 8, 8), 10)
    found = fill_moments(network, nn.init.orthogonal_)
    assert list(found) == list(weight_layers(network))
    assert found["06_head.logits"].variance.item() == pytest.approx(1 / 64, rel=1e-5)
    with pytest.raises(NotApplicable, match="data-dependent"):
        fill_moments(network, nn.init.orthogonal_, after=lsuv)
    with pytest.raises(NotApplicable, match=r"01_block1\.conv1 has weights that are frozen"):
        fill_moments(ConvNet((1, 8, 8), 10, first_layer="classical"), nn.init.orthogonal_)


@pytest.mark.parametrize("groups", [4, 16])
def test_moments_of_grouped_weights_are_those_that_are_drawn(groups):
    network = nn.Sequential(nn.Conv2d(16, 16, 3, groups=groups))
    for fill in (nn.init.orthogonal_, delta_orthogonal_, nn.init.xavier_uniform_):
        known = fill_moments(network, fill)["01_0"]
        drawn = []
        for seed in range(200):
            initialize(network, fill, seed=seed)
            drawn.append(network[0].weight.detach().double().square().mean())
        assert torch.stack(drawn).mean().item() == pytest.approx(known.variance.mean().item(), rel=0.02)


def test_weights_as_they_are():
    network = ConvNet((3, 8, 8), 10)
    initialize(network, partial(delta_orthogonal_, gain=1.0))
    found = moments_of(network.get_submodule("block2.conv1").get_parameter("weight"))
    assert found.variance.count_nonzero() == 1
    assert found.variance[1, 1].item() == pytest.approx(1 / 32, rel=1e-5)
    assert moments_of(torch.full((4, 5), 0.3)).mean.item() == pytest.approx(0.3)
    assert not moments_of(torch.zeros(4, 5, 2, 2)).variance.any()
