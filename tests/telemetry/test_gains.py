"""One factor per layer: against a product of factors, and on chains whose factor is known."""

import math
from itertools import pairwise

import pytest
import torch
from torch import nn

from cnnlab.networks.init import initialize
from cnnlab.telemetry.gains import gains
from cnnlab.telemetry.probe import Probe


def _values(what: str, *stds: float, when: str = "init") -> dict[str, float]:
    return {f"{what}/std/{i:02d}_conv{i}@{when}": std for i, std in enumerate(stds, start=1)}


def test_it_is_the_geometric_mean_of_the_variances_factors() -> None:
    forward, backward = [1.5, 0.3, 0.9, 0.6], [2e-3, 5e-3, 1e-3, 4e-3]
    values = _values("preactivation", *forward, 77.0) | _values("gradient", *backward, 55.0)  # the last: logits
    factors = [(b / a) ** 2 for a, b in pairwise(forward)]
    returned = [(a / b) ** 2 for a, b in pairwise(backward)]
    assert gains(dict(reversed(values.items())), "init") == {
        "signal/variance_gain@init": pytest.approx(math.prod(factors) ** (1 / 3)),
        "signal/variance_decades@init": pytest.approx(sum(map(math.log10, factors))),
        "signal/gradient_gain@init": pytest.approx(math.prod(returned) ** (1 / 3)),
        "signal/gradient_decades@init": pytest.approx(sum(map(math.log10, returned))),
    }


def test_other_times_calls_statistics_and_groups_do_not_count() -> None:
    values = _values("preactivation", 1.0, 2.0, 9.0)
    others = {
        **_values("preactivation", 5.0, 5.0, 5.0, when="end"),
        "preactivation/std/02_conv2.call2@init": 100.0,
        "preactivation/mean/01_conv1@init": 3.0,
        "activation/std/01_conv1@init": 3.0,
        "weight/std/01_conv1@init": 3.0,
    }
    assert gains(values | others, "init") == {
        "signal/variance_gain@init": 4.0,
        "signal/variance_decades@init": pytest.approx(math.log10(4)),
    }


@pytest.mark.parametrize(
    ("stds", "gain"),
    [
        ((1.0, 1e-20, 0.0, 0.0), 0.0),
        ((1.0, 1e30, math.nan, math.nan), math.inf),
        ((1.0, 1e30, math.inf, math.nan), math.inf),
        ((0.0, 0.0, 0.0, 0.0), math.nan),
        ((math.nan, math.nan, math.nan, math.nan), math.nan),
        ((1e-38, 1e38, 1.0), 1e152),
    ],
)
def test_what_underflows_overflows_or_was_never_there(stds: tuple[float, ...], gain: float) -> None:
    decades = -math.inf if gain == 0 else math.log10(gain) * (len(stds) - 2)
    assert gains(_values("preactivation", *stds), "init") == {
        "signal/variance_gain@init": pytest.approx(gain, nan_ok=True),
        "signal/variance_decades@init": pytest.approx(decades, nan_ok=True),
    }
    mirrored = gains(_values("gradient", *reversed(stds[:-1]), 1.0), "init")
    assert mirrored == {
        "signal/gradient_gain@init": pytest.approx(gain, nan_ok=True),
        "signal/gradient_decades@init": pytest.approx(decades, nan_ok=True),
    }


@pytest.mark.parametrize("stds", [(), (1.0,), (1.0, 2.0)])
def test_one_layer_before_the_logits_has_no_next(stds: tuple[float, ...]) -> None:
    assert gains(_values("preactivation", *stds) | _values("gradient", *stds), "init") == {}


@pytest.mark.parametrize(("fill", "gain"), [(nn.init.kaiming_normal_, 1.0), (nn.init.xavier_normal_, 0.5)])
def test_he_keeps_the_variance_of_a_relu_chain_and_xavier_halves_it(fill, gain: float) -> None:
    width, depth = 600, 10
    layers = [m for _ in range(depth) for m in (nn.Linear(width, width), nn.ReLU())]
    network = nn.Sequential(*layers, nn.Linear(width, 10))
    initialize(network, fill)
    probe = Probe(network)
    with probe.watch():
        nn.functional.cross_entropy(network(torch.randn(64, width)), torch.arange(64) % 10).backward()
    found = gains({f"{key}@init": value for key, value in probe.read().items()}, "init")
    per_layer = [found[f"signal/{what}_gain@init"] for what in ("variance", "gradient")]
    assert per_layer == pytest.approx([gain, gain], rel=0.08)


def test_a_layer_that_is_called_callback_counts() -> None:
    values = {
        f"preactivation/std/{name}@init": std for name, std in (("01_callback", 1.0), ("02_b", 2.0), ("03_c", 9.0))
    }
    assert gains(values, "init")["signal/variance_gain@init"] == pytest.approx(4.0)
