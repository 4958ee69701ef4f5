"""Predictions under telemetry's keys, against networks measured by the probe that runs use."""

import math
from functools import partial

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from cnnlab.networks.convnet import ConvNet
from cnnlab.networks.init import delta_orthogonal_, initialize
from cnnlab.telemetry.probe import Probe
from cnnlab.theory import Expectation, NotApplicable, expected, fill_moments

FILLS = {
    "he": partial(nn.init.kaiming_normal_, nonlinearity="relu"),
    "xavier": nn.init.xavier_uniform_,
    "normal": partial(nn.init.normal_, std=0.06),
    "orthogonal": partial(nn.init.orthogonal_, gain=math.sqrt(2)),
    "delta_orthogonal": partial(delta_orthogonal_, gain=math.sqrt(2)),
}
DEEP = {"channels": (64,), "convs_per_block": 20, "pool": "none", "head": ()}


def predicted(images: Tensor, fill, bias: float = 0.0, **knobs) -> Expectation:
    network = ConvNet((images.shape[1], images.shape[2], images.shape[3]), 10, **knobs)
    initialize(network, fill, bias=bias)
    return expected(network, images, moments=fill_moments(network, fill))


def ratios(expectation: Expectation, measured: dict[str, Tensor]) -> dict[str, float]:
    """Mean over networks of the measured second moment over the predicted one, by key."""
    found = {}
    for name, layer in expectation.layers.items():
        for what in ("preactivation", "activation", "gradient"):
            if f"{what}/square/{name}" in measured:
                square = measured[f"{what}/square/{name}"].mean().item()
                found[f"{what}/{name}"] = square / getattr(layer, f"{what}_square")
    return found


def inside(expectation: Expectation, measured: dict[str, Tensor]) -> dict[str, float]:
    """Share of networks inside the band, by key."""
    expected = {key: e for key, e in expectation.by_key().items() if key in measured}
    assert expected.keys() == {key for key in measured if "/std/" in key}
    return {
        key: ((measured[key] >= e.lower) & (measured[key] <= e.upper)).double().mean().item()
        for key, e in expected.items()
    }


@pytest.mark.parametrize("activation", ["relu", "tanh"])
@pytest.mark.parametrize("fill", ["he", "xavier", "normal", "orthogonal"])
def test_eight_layers_of_digits(fill, activation, digits, measure):
    """The 20 layers of the slow test below, shortened until 50 networks are enough."""
    knobs = DEEP | {"convs_per_block": 7, "activation": activation}
    expectation, measured = predicted(digits[:3], FILLS[fill], **knobs), measure(digits[:3], FILLS[fill], 50, **knobs)
    for key, ratio in ratios(expectation, measured).items():
        assert 0.8 < ratio < 1.25, key
    assert min(inside(expectation, measured).values()) >= 0.94


@pytest.mark.parametrize("pool", ["max", "mean", "sum"])
@pytest.mark.parametrize("activation", ["relu", "tanh", "sigmoid"])
def test_poolings(pool, activation, digits, measure):
    """Two blocks; the second pooling has windows cut at the border of 5x5."""
    images = F.interpolate(digits[:8], size=(10, 10), mode="bilinear")
    knobs = {"channels": (48, 48), "convs_per_block": 1, "pool": pool, "activation": activation, "head": ()}
    expectation, measured = predicted(images, FILLS["xavier"], **knobs), measure(images, FILLS["xavier"], 70, **knobs)
    for key, ratio in ratios(expectation, measured).items():
        assert 0.85 < ratio < 1.18, key
    assert min(inside(expectation, measured).values()) >= 0.93


@pytest.mark.parametrize(
    ("fill", "bias", "knobs"),
    [
        ("he", 0.3, {"activation": "leaky_relu", "pool": "max"}),
        ("xavier", -1.0, {"activation": "tanh", "pool": "mean"}),
        ("he", 0.0, {"head": "average", "pool": "none", "channels": (48,)}),
        ("he", 0.0, {"dropout": 0.5, "head": (128,), "pool": "none", "channels": (32,), "convs_per_block": 1}),
        ("delta_orthogonal", 0.0, {"pool": "none", "channels": (32,), "convs_per_block": 4}),
        ("he", 0.0, {"kernel_size": 3, "stride": 2, "padding": "valid", "pool": "none", "channels": (32,)}),
        ("he", 0.0, {"channels": (), "head": (64, 32)}),
        ("he", 0.0, {"channels": (), "head": ()}),
        ("xavier", 0.0, {"activate": "last", "pool": "mean", "channels": (32, 32)}),
    ],
    ids=["bias", "biased tanh", "average", "dropout", "delta", "valid", "full connections", "linear", "linear pairs"],
)
def test_other_designs(fill, bias, knobs, digits, measure):
    knobs = {"convs_per_block": 2} | knobs
    expectation = predicted(digits[:6], FILLS[fill], bias, **knobs)
    measured = measure(digits[:6], FILLS[fill], 70, bias, **knobs)
    for key, ratio in ratios(expectation, measured).items():
        assert 0.75 < ratio < 1.3, key
    assert min(inside(expectation, measured).values()) >= 0.93


def test_the_gradient_is_that_of_the_mean_loss_of_the_whole_batch(digits):
    """At equal logits (softmax - onehot) / N, in numbers: (C - 1) / C^2 / N^2, also where fewer images are followed."""
    batch = digits.repeat(4, 1, 1, 1)
    network = ConvNet((1, 8, 8), 10)
    initialize(network, nn.init.zeros_)
    probe = Probe(network)
    with probe.watch():
        F.cross_entropy(network(batch), torch.arange(128) % 10).backward()
    layer = expected(network, batch).layers["06_head.logits"]
    assert layer.gradient_square == pytest.approx(9 / 100 / 128**2)
    assert probe.read()["gradient/std/06_head.logits"] == pytest.approx(layer.gradient_std.value, rel=1e-4)


def test_zeros_predict_silence(digits):
    expectation = predicted(digits, nn.init.zeros_)
    for name, layer in expectation.layers.items():
        assert (layer.preactivation_square, layer.activation_square) == (0, 0)
        assert (layer.gradient_square == 0) == (name != "06_head.logits")
        assert layer.preactivation_std.lower == layer.preactivation_std.upper == 0


def test_weights_of_the_network_stand_in_for_the_initializer_s(digits):
    network = ConvNet((1, 8, 8), 10, channels=(64, 64))
    initialize(network, FILLS["he"])
    known, read = expected(network, digits, moments=fill_moments(network, FILLS["he"])), expected(network, digits)
    for name, layer in known.layers.items():
        assert read.layers[name].preactivation_square == pytest.approx(layer.preactivation_square, rel=0.35)


def test_few_images_stand_for_the_batch(digits):
    """The followed images are scaled to the batch's mean square, so that a bright batch stays bright."""
    batch = torch.cat([0.1 * digits, 3 * digits, digits])
    network = ConvNet((1, 8, 8), 10, pool="none")
    initialize(network, FILLS["he"])
    moments = fill_moments(network, FILLS["he"])
    inside = expected(network, batch, moments=moments).layers["02_block1.conv2"].preactivation_square
    alone = expected(network, digits, moments=moments).layers["02_block1.conv2"].preactivation_square
    brightness = (batch.square().mean() / digits.square().mean()).item()
    assert inside / alone == pytest.approx(brightness, rel=5e-2)


def test_the_network_and_the_random_state_stay_as_they_were(digits):
    network = ConvNet((1, 8, 8), 10, dropout=0.5)
    before, state = [p.clone() for p in network.parameters()], torch.get_rng_state()
    fill_moments(network, FILLS["he"])
    expected(network, digits)
    assert torch.equal(torch.get_rng_state(), state) and network.training
    assert all(torch.equal(a, b) and b.grad is None for a, b in zip(before, network.parameters(), strict=True))


def test_what_has_no_theory_says_so(digits):
    with pytest.raises(NotApplicable, match="BatchNorm2d"):
        expected(ConvNet((1, 8, 8), 10, norm="batch"), digits)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("activation", ["relu", "tanh", "sigmoid"])
@pytest.mark.parametrize("fill", ["he", "xavier", "normal", "orthogonal"])
@pytest.mark.parametrize("data", ["mnist", "cifar10"])
def test_twenty_layers_of_real_images(data, fill, activation, real_images, measure, record_property):
    """64 channels, 3x3, padding 1, 8x8 maps. One relu network's ln q has a deviation near 1, hence 500 of them."""
    knobs, images = DEEP | {"activation": activation}, real_images(data, 8)
    seeds = 500 if activation == "relu" else 60
    expectation, measured = predicted(images, FILLS[fill], **knobs), measure(images, FILLS[fill], seeds, **knobs)
    found, shares = ratios(expectation, measured), inside(expectation, measured)
    record_property("measured / predicted", f"{min(found.values()):.2f} to {max(found.values()):.2f}")
    record_property("inside the band", f"{min(shares.values()):.3f}")
    print(
        f"\n{data} {fill} {activation}: measured / predicted {min(found.values()):.2f} to {max(found.values()):.2f}, "
        f"inside the band at least {min(shares.values()):.3f}"
    )
    assert all(0.8 < ratio < 1.25 for ratio in found.values()), found
    assert min(shares.values()) >= 0.95, shares


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("activation", ["relu", "tanh", "sigmoid"])
@pytest.mark.parametrize("pool", ["max", "mean", "sum"])
@pytest.mark.parametrize("data", ["mnist", "cifar10"])
def test_poolings_of_real_images(data, pool, activation, real_images, measure):
    knobs = {"channels": (64, 64, 64), "convs_per_block": 2, "pool": pool, "activation": activation, "head": (64,)}
    fill = FILLS["he" if activation == "relu" else "xavier"]
    images = real_images(data, 16)
    expectation, measured = predicted(images, fill, **knobs), measure(images, fill, 200, **knobs)
    found, shares = ratios(expectation, measured), inside(expectation, measured)
    print(
        f"\n{data} {pool} {activation}: measured / predicted {min(found.values()):.2f} to {max(found.values()):.2f}, "
        f"inside the band at least {min(shares.values()):.3f}"
    )
    assert all(0.8 < ratio < 1.25 for ratio in found.values()), found
    assert min(shares.values()) >= 0.95, shares
