"""Each statistic against a naive calculation in plain Python."""

import math

import pytest
import torch

from cnnlab.telemetry import statistics as s


@pytest.fixture(params=[(6, 5), (4, 3, 5, 5)], ids=["fully connected", "maps"])
def x(request) -> torch.Tensor:
    x = torch.relu(torch.randn(request.param) + 0.3)
    x[:, 1] = 0
    return x


def _elements(x: torch.Tensor) -> list[float]:
    return x.double().flatten().tolist()


def test_mean_and_std(x):
    values = _elements(x)
    mean = math.fsum(values) / len(values)
    assert s.mean(x).item() == pytest.approx(mean)
    assert s.std(x).item() == pytest.approx(math.sqrt(math.fsum((v - mean) ** 2 for v in values) / len(values)))


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("offset", [0.0, 2.0, -3.0, 30.0, 1e4])
@pytest.mark.parametrize("scale", [1e-12, 1.0, 1e12])
@pytest.mark.parametrize("channels", [16, 128])
def test_std_of_large_maps(channels, scale, offset, layout):
    x = ((torch.randn(16, channels, 28, 28) + offset) * scale).to(memory_format=layout)
    assert s.std(x).item() == pytest.approx(x.double().std(correction=0).item(), rel=2e-5)


@pytest.mark.parametrize("value, std", [(0.3, 0.0), (0.0, 0.0), (math.nan, math.nan), (math.inf, math.nan)])
def test_std_of_large_maps_of_one_value(value, std):
    assert s.std(torch.full((16, 16, 28, 28), value)).item() == pytest.approx(std, abs=1e-7, nan_ok=True)


def test_largest_counts_the_magnitude():
    assert s.largest(torch.tensor([[1.0, -3.0, 2.0]])) == 3


def test_nonfinite_counts_nan_and_both_infinities(x):
    assert s.nonfinite(x) == 0
    x.flatten()[:3] = torch.tensor([math.nan, math.inf, -math.inf])
    assert s.nonfinite(x) == 3


def test_zeros(x):
    values = _elements(x)
    assert s.zeros(x).item() == pytest.approx(sum(v == 0 for v in values) / len(values))


def test_a_unit_is_dead_if_no_image_and_no_position_moves_it(x):
    x[:, 0].flatten()[0] = 1e-30  # so little that its square is zero, and alive all the same
    dead = [all(v == 0 for v in _elements(x[:, c])) for c in range(x.shape[1])]
    assert s.dead(x).item() == pytest.approx(sum(dead) / len(dead)) and any(dead)


@pytest.mark.parametrize("low, high, f", [(-1, 1, torch.tanh), (0, 1, torch.sigmoid)])
def test_saturated_is_within_a_hundredth_of_the_range(low, high, f):
    x = f(torch.linspace(-8, 8, 101))[None]
    edge = 0.01 * (high - low)
    naive = sum(v < low + edge or v > high - edge for v in _elements(x)) / 101
    assert s.saturated(x, low, high).item() == pytest.approx(naive)


def test_update_ratio_and_deviations_of_weights():
    w, g, u = torch.randn(3, 4, 2, 2)
    assert s.update_ratio(w, g, u).item() == pytest.approx(
        math.sqrt(sum(v * v for v in _elements(u))) / math.sqrt(sum(v * v for v in _elements(w))), rel=1e-5
    )
    assert s.weight_std(w, g, u) == s.std(w) and s.weight_gradient_std(w, g, u) == s.std(g)


def test_filters_that_are_alike_are_not_distinct():
    one = torch.randn(1, 3, 3, 3)
    same, zero = one.expand(8, 3, 3, 3), torch.zeros(8, 3, 3, 3)
    assert s.distinct(same, same, same) < 1e-6
    assert s.distinct(zero, zero, zero).isnan()
    assert s.distinct(one, one, one).isnan()
    independent = torch.randn(64, 3, 3, 3)
    assert s.distinct(independent, independent, independent).item() == pytest.approx(1, abs=0.05)


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (0, 2, 3, 1), (3, 1, 0, 2)])
def test_how_distinct_filters_are_does_not_depend_on_their_place_in_memory(order):
    places = sorted(range(4), key=order.index)
    weight = (torch.randn(8, 3, 2, 2) + 0.5).permute(order).contiguous().permute(places)
    apart = weight.double() - weight.double().mean(0)
    assert s.distinct(weight, weight, weight).item() == pytest.approx((apart.norm() / weight.double().norm()).item())


def test_variety_is_the_deviation_from_the_mean_image():
    images = torch.randn(6, 2, 3, 3)
    n, values = len(images), _elements(images)
    mean = math.fsum(values) / len(values)
    apart = whole = 0.0
    for i in range(n):
        for place in range(18):
            value = images[i].flatten()[place].item()
            apart += (value - sum(images[k].flatten()[place].item() for k in range(n)) / n) ** 2
            whole += (value - mean) ** 2
    assert s.variety(images).item() == pytest.approx(math.sqrt(apart / whole), rel=1e-4)
    assert s.variety(images[:1].expand(6, -1, -1, -1)) < 1e-6


def test_constant_channels():
    images = torch.randn(4, 4, 3, 3)
    images[:, 2] = 0.5
    assert s.constant_channels(images) == 0.25


def test_outputs():
    output = torch.tensor([[0.2, 0.5, 0.3], [0.6, 0.1, 0.3], [0.1, 0.7, 0.1]])
    assert s.lowest(output) == torch.tensor(0.1) and s.highest(output) == torch.tensor(0.7)
    assert s.sum_error(output).item() == pytest.approx(0.1) and s.sum_error(output[:2]).item() == pytest.approx(0)
    columns = [[row[c] for row in output.tolist()] for c in range(3)]
    apart = sum((v - sum(column) / 3) ** 2 for column in columns for v in column) / 9
    assert s.spread(output).item() == pytest.approx(math.sqrt(apart))
    assert s.favourite(output).item() == pytest.approx(2 / 3)
    sums = [sum(math.exp(value) for value in column) for column in columns]
    assert s.over_images(output).item() == pytest.approx(max(abs(math.log(total)) for total in sums), rel=1e-5)
    assert s.over_images(output.log_softmax(0)) < 1e-6 < 0.1 < s.over_images(output.log_softmax(1))


def test_the_largest_bias():
    assert s.bias_largest(torch.tensor([0.1, -3.0])) == 3


def test_contrast_is_what_differs_within_images():
    flat = torch.randn(5, 2, 1, 1).expand(5, 2, 4, 4)
    assert s.contrast(flat) < 1e-6
    images = flat + torch.randn(5, 2, 4, 4)
    means = images.mean((2, 3), keepdim=True)
    assert s.contrast(images).item() == pytest.approx(
        ((images - means).norm() / (images - images.mean()).norm()).item()
    )
