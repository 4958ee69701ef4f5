import math
from itertools import pairwise

import numpy as np
import pytest
import torch
from torch import nn

from cnnlab.networks.convnet import ConvNet
from cnnlab.networks.filters import chance, filter_results, name_filters, nearest, roughness
from cnnlab.networks.kernels import CLASSICAL, classical_


def cosine(a: list[float], b: list[float]) -> float:
    return sum(x * y for x, y in zip(a, b, strict=True)) / math.sqrt(sum(x * x for x in a) * sum(y * y for y in b))


@pytest.mark.parametrize("name", CLASSICAL)
@pytest.mark.parametrize("factor", [1.0, 0.01, -3.0])
def test_a_kernel_is_its_own_nearest_whatever_sign_and_scale(name: str, factor: float) -> None:
    match = nearest(factor * CLASSICAL[name].tensor())
    assert match.name == name and match.distance == pytest.approx(0, abs=1e-6)
    assert match.cosine == pytest.approx(math.copysign(1, factor), abs=1e-6)
    assert match.label == (f"-{name}" if factor < 0 else name)


def test_nearest_against_a_search_in_plain_python() -> None:
    for seed in range(20):
        kernel = torch.randn(3, 3, generator=torch.Generator().manual_seed(seed))
        flat = kernel.flatten().tolist()
        found = {name: cosine(flat, k.tensor().flatten().tolist()) for name, k in CLASSICAL.items()}
        best = max(found, key=lambda name: abs(found[name]))
        assert nearest(kernel).name == best and nearest(kernel).cosine == pytest.approx(found[best], abs=1e-6)


@pytest.mark.parametrize("size", [4, 5, 7])
def test_larger_kernels_are_compared_at_their_centre_and_stretched(size: int) -> None:
    small = torch.zeros(size, size)
    before = (size - 1) // 2 - 1
    small[before : before + 3, before : before + 3] = CLASSICAL["sobel_x"].tensor()
    assert nearest(small).name == "sobel_x" and nearest(small).distance == pytest.approx(0, abs=1e-6)
    assert nearest(torch.ones(size, size)).name == "box_blur stretched"
    columns = torch.linspace(-1, 1, size).expand(size, size)
    assert nearest(columns).name == "prewitt_x stretched" and nearest(-columns).label == "-prewitt_x stretched"


def test_kernels_below_3x3() -> None:
    assert nearest(torch.tensor([[-2.0]])).label == "-identity"
    assert nearest(torch.tensor([[1.0, 1.0], [1.0, 1.0]])).name == "box_blur"
    assert nearest(torch.tensor([[-1.0, 1.0], [-1.0, 1.0]])).name == "sobel_x"


@pytest.mark.parametrize("kernel", [torch.zeros(3, 3), torch.full((3, 3), torch.nan)])
def test_dead_and_broken_filters_are_nothing(kernel: torch.Tensor) -> None:
    assert nearest(kernel) == ("nothing", 0.0) and nearest(kernel).distance == 1


@pytest.mark.parametrize("size", [2, 3, 5])
def test_chance_is_what_five_percent_of_random_kernels_pass(size: int) -> None:
    draws = np.random.default_rng(1).normal(size=(2000, size, size))
    passed = np.mean([abs(nearest(torch.from_numpy(d)).cosine) > chance(size) for d in draws])
    assert passed == pytest.approx(0.05, abs=0.02)


def test_a_colour_filter_is_named_by_its_common_pattern() -> None:
    layer = nn.Conv2d(3, 2, 3)
    with torch.no_grad():
        layer.weight[0] = torch.tensor([0.2, 0.9, 0.1])[:, None, None] * CLASSICAL["laplacian"].tensor()
        layer.weight[1] = torch.tensor([-1.0, 0.0, 0.2])[:, None, None] * CLASSICAL["sobel_y"].tensor()
    first, second = name_filters(nn.Sequential(layer))
    assert first.match.label == "laplacian" and first.share == pytest.approx(1, abs=1e-5)
    # Red against blue: the factors are turned to a positive sum, so the pattern carries the sign.
    assert second.match.label == "-sobel_y" and second.channels == pytest.approx((0.98, 0.0, -0.196), abs=1e-3)
    rebuilt = torch.tensor(second.channels)[:, None, None] * second.pattern
    torch.testing.assert_close(rebuilt, layer.weight[1].detach(), atol=1e-5, rtol=1e-4)


def test_share_is_what_one_pattern_keeps_of_the_squares() -> None:
    layer = nn.Conv2d(3, 1, 5)
    row = name_filters(layer)[0]
    weight = layer.weight[0].detach()
    rest = weight - torch.tensor(row.channels)[:, None, None] * row.pattern
    assert row.share == pytest.approx(1 - float(rest.square().sum() / weight.square().sum()), abs=1e-5)
    assert row.share < 0.9


def test_every_filter_of_the_first_convolution_is_named() -> None:
    network = ConvNet((1, 8, 8), 3, channels=[11, 4])
    classical_(network.get_parameter("block1.conv1.weight").data)
    rows = name_filters(network)
    assert [row.match.name for row in rows] == list(CLASSICAL)
    results = filter_results(rows)
    assert results["first_layer/name/006"] == "sobel_x" and results["first_layer/distance/006"] == pytest.approx(0)
    assert results["first_layer/recognized"] == 1 and results["first_layer/chance_cosine"] == round(chance(3), 4)


def test_without_a_square_convolution_there_is_nothing_to_name() -> None:
    assert name_filters(nn.Linear(3, 3)) == name_filters(nn.Conv2d(1, 2, (1, 3))) == []
    assert filter_results([]) == {}


def _roughness(weight: torch.Tensor) -> float:
    layer = nn.Conv2d(weight.shape[1], weight.shape[0], weight.shape[2:])  # type: ignore[arg-type]
    layer.weight.data = weight
    return roughness(nn.Sequential(layer), "end")["first_layer/roughness@end"]


@pytest.mark.parametrize("shape", [(5, 3, 3, 3), (2, 1, 4, 2), (3, 2, 1, 5)])
def test_roughness_pair_by_pair(shape: tuple[int, int, int, int]) -> None:
    weight = torch.randn(shape).double()
    pairs, variances = [], []
    for w in weight:
        n, mean = w.numel(), float(w.mean())
        variances.append(sum((float(v) - mean) ** 2 for v in w.flatten()) / (n - 1))
        for plane in w.tolist():
            pairs += [(row[i] - row[i + 1]) ** 2 for row in plane for i in range(len(row) - 1)]
            for above, below in pairwise(plane):
                pairs += [(a - b) ** 2 for a, b in zip(above, below, strict=True)]
    naive = (sum(pairs) / len(pairs)) / (2 * sum(variances) / len(variances))
    assert _roughness(weight) == pytest.approx(naive, rel=1e-9)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("size", [2, 3, 5, 7])
def test_white_noise_has_roughness_one_whatever_its_size(size: int, channels: int) -> None:
    assert _roughness(0.3 + torch.randn(20_000, channels, size, size)) == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize("size", [2, 3, 5, 7])
def test_a_ramp_is_smooth_and_a_chessboard_rough(size: int) -> None:
    """A ramp's steps are 1 in rows and 0 in columns, its variance k²/12; a chessboard's steps are 2 throughout."""
    ramp = torch.arange(float(size)).expand(4, 1, size, size)
    assert _roughness(-0.1 * ramp) == pytest.approx(3 / size**2, rel=1e-5)
    board = (-1.0) ** (torch.arange(size)[:, None] + torch.arange(size))
    assert _roughness(board.expand(4, 1, size, size)) == pytest.approx(2 / board.var().item(), rel=1e-5)


def test_without_neighbours_differences_or_convolutions_there_is_no_roughness() -> None:
    flat = nn.Conv2d(1, 2, 3)
    nn.init.constant_(flat.weight, 0.1)
    assert roughness(flat, "init") == roughness(nn.Conv2d(3, 4, 1), "init") == roughness(nn.Linear(3, 3), "init") == {}
    nn.init.constant_(flat.weight, torch.nan)
    assert math.isnan(roughness(flat, "end")["first_layer/roughness@end"])
