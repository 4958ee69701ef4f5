"""Classical kernels against slow loops, as an initializer, and as a frozen first layer."""

import numpy as np
import pytest
import torch
from scipy import ndimage
from torch import Tensor, nn

from cnnlab.common.errors import InputError
from cnnlab.datasets.pictures import scene, smiley
from cnnlab.networks.convnet import ConvNet
from cnnlab.networks.init import initialize
from cnnlab.networks.kernels import CLASSICAL, MOUTH_CORNER, Kernel, apply, classical_, named

IMAGE = torch.randn(2, 3, 7, 6, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def naive(image: Tensor, kernel: Tensor, border: str) -> Tensor:
    """Four loops over (H, W); what lies outside is the nearest pixel, zero, or not asked for."""
    (h, w), k = image.shape, len(kernel)
    before = 0 if border == "valid" else (k - 1) // 2
    rows, columns = (h - k + 1, w - k + 1) if border == "valid" else (h, w)
    out = torch.zeros(rows, columns, dtype=image.dtype)
    for i in range(rows):
        for j in range(columns):
            for a in range(k):
                for b in range(k):
                    y, x = i + a - before, j + b - before
                    if border == "edge":
                        y, x = min(max(y, 0), h - 1), min(max(x, 0), w - 1)
                    if 0 <= y < h and 0 <= x < w:
                        out[i, j] += kernel[a, b] * image[y, x]
    return out


@pytest.mark.parametrize("border", ["edge", "zero", "valid"])
@pytest.mark.parametrize("size", [1, 2, 3, 4, 5])
def test_apply_against_loops(border: str, size: int) -> None:
    kernel = torch.randn(size, size, dtype=torch.float64)
    expected = torch.stack([torch.stack([naive(channel, kernel, border) for channel in image]) for image in IMAGE])
    torch.testing.assert_close(apply(IMAGE, kernel, border), expected)
    torch.testing.assert_close(apply(IMAGE[0, 0], kernel, border), expected[0, 0])


@pytest.mark.parametrize("name", CLASSICAL)
def test_apply_against_scipy(name: str) -> None:
    kernel = CLASSICAL[name].tensor().double()
    expected = ndimage.correlate(IMAGE[0, 0].numpy(), kernel.numpy(), mode="nearest")
    np.testing.assert_allclose(apply(IMAGE[0, 0], kernel).numpy(), expected, atol=1e-12)


def test_identity_leaves_a_picture_equal() -> None:
    picture = scene().float()
    assert torch.equal(apply(picture, CLASSICAL["identity"].tensor()), picture)


def test_what_the_kernels_are_known_for() -> None:
    flat = torch.full((1, 8, 8), 7.0)
    ramp = torch.arange(8.0).expand(1, 8, 8)
    for name, kernel in CLASSICAL.items():
        keeps = name in ("identity", "box_blur", "gaussian", "sharpen", "emboss")
        torch.testing.assert_close(apply(flat, kernel.tensor()), flat if keeps else torch.zeros_like(flat))
    # A slope of 1 to the right: positive in x, nothing in y, no second derivative.
    inside = {n: apply(ramp, k.tensor(), "valid") for n, k in CLASSICAL.items()}
    assert bool((inside["sobel_x"] == 8).all()) and bool((inside["prewitt_x"] == 6).all())
    assert bool((inside["sobel_y"] == 0).all()) and bool((inside["laplacian"] == 0).all())
    assert bool((apply(ramp.mT, CLASSICAL["sobel_y"].tensor(), "valid") == 8).all())
    assert all(kernel.source for kernel in CLASSICAL.values())


def test_smiley_counts_matches() -> None:
    """The text's example: the 3x3 detector finds all of its 4 cells once, at the left corner of the mouth."""
    face, detector = smiley()[0], MOUTH_CORNER.values
    counted = torch.zeros(5, 5)
    for i in range(5):
        for j in range(5):
            counted[i, j] = sum(int(face[i + a, j + b] and detector[a][b]) for a in range(3) for b in range(3))
    found = apply(smiley().float(), MOUTH_CORNER.tensor(), "valid")[0]
    assert torch.equal(found, counted)
    assert (found == 4).nonzero().tolist() == [[3, 1]] and int(found.max()) == 4


def test_a_wrong_name_is_told() -> None:
    with pytest.raises(InputError, match="Did you mean 'sharpen'"):
        named("sharpn")


@pytest.mark.parametrize("size", [3, 4, 5, 7])
@pytest.mark.parametrize("c_in", [1, 3])
def test_fill_on_a_picture_is_the_kernel_on_its_grey(size: int, c_in: int) -> None:
    weight = classical_(torch.empty(14, c_in, size, size))
    picture = torch.rand(c_in, 9, 9)
    before, after = (size - 1) // 2, size // 2
    padded = nn.functional.pad(picture, (before, after, before, after))
    found = nn.functional.conv2d(padded[None], weight)[0]
    kernels = list(CLASSICAL.values())
    for i, channel in enumerate(found):
        expected = apply(picture.mean(0), kernels[i % 11].tensor(), "zero")
        torch.testing.assert_close(channel, expected)


def test_fill_of_feature_maps_has_he_variance_and_no_twins() -> None:
    weight = classical_(torch.empty(220, 64, 3, 3))
    squares = weight.square().sum(dim=(1, 2, 3))
    assert squares.mean().item() == pytest.approx(2.0, rel=0.05)
    one = CLASSICAL["outline"].tensor()
    share = weight[4, 10] / one
    torch.testing.assert_close(share, share[0, 0].expand(3, 3))
    assert not torch.allclose(weight[0], weight[11])


def test_twins_of_the_first_layer_part_in_training() -> None:
    """22 filters of 11 kernels are pairs at first; the random mixing behind them gives them different gradients."""
    network = ConvNet((1, 8, 8), 3, channels=[22, 12], convs_per_block=1, head=[])
    initialize(network, classical_)
    first = network.get_parameter("block1.conv1.weight")
    assert torch.equal(first[:11], first[11:])
    optimizer = torch.optim.SGD(network.parameters(), 0.1)
    nn.functional.cross_entropy(network(torch.randn(8, 1, 8, 8)), torch.arange(8) % 3).backward()
    optimizer.step()
    assert all(not torch.allclose(first[i], first[i + 11], atol=1e-9) for i in range(11))


def test_fully_connected_weights_are_filled_after_he() -> None:
    weight = classical_(torch.empty(200, 50, 1, 1))
    assert weight.var().item() == pytest.approx(2 / 50, rel=0.1)


def test_2x2_weights_are_refused_in_words() -> None:
    with pytest.raises(InputError, match=r"block1\.conv1.*3x3 and do not fit 2x2"):
        initialize(ConvNet((1, 8, 8), 3, channels=[4], kernel_size=2), classical_)


def test_frozen_first_layer_stays_classical() -> None:
    network = ConvNet((3, 8, 8), 3, channels=[11, 4], first_layer="classical")
    initialize(network, nn.init.normal_, bias=0.5)
    layer = network.get_submodule("block1.conv1")
    optimizer = torch.optim.SGD([p for p in network.parameters() if p.requires_grad], 0.1)
    nn.functional.cross_entropy(network(torch.randn(4, 3, 8, 8)), torch.tensor([0, 1, 2, 0])).backward()
    optimizer.step()
    kernels = torch.stack([kernel.tensor() for kernel in CLASSICAL.values()])
    torch.testing.assert_close(layer.get_parameter("weight").sum(1), kernels)
    assert bool((layer.get_parameter("bias") == 0).all())
    assert not any(p.requires_grad for p in layer.parameters())
    assert network.get_parameter("block1.conv2.weight").grad is not None


@pytest.mark.parametrize(
    ("knobs", "words"), [({"kernel_size": 1}, "3x3 or larger"), ({"channels": []}, "no convolution")]
)
def test_first_layer_that_cannot_be_classical(knobs: dict, words: str) -> None:
    with pytest.raises(InputError, match=words):
        ConvNet((1, 8, 8), 3, **{"channels": [4], "first_layer": "classical", **knobs})


def test_one_classical_kernel_more_does_not_change_what_the_initializer_fills(monkeypatch) -> None:
    before = classical_(torch.empty(16, 1, 3, 3)).clone()
    more = {"scharr_x": Kernel(((-3, 0, 3), (-10, 0, 10), (-3, 0, 3)), "Scharr 2000"), **CLASSICAL}
    monkeypatch.setattr("cnnlab.networks.kernels.CLASSICAL", more)
    assert torch.equal(before, classical_(torch.empty(16, 1, 3, 3)))


@pytest.mark.parametrize(
    ("layer", "size"), [(nn.Conv1d(4, 4, 3), "3x1"), (nn.Conv3d(1, 4, 3), "3x3x3"), (nn.Conv2d(1, 4, (3, 5)), "3x5")]
)
def test_what_cannot_hold_a_kernel_is_told(layer: nn.Module, size: str) -> None:
    with pytest.raises(InputError, match=f"do not fit {size} weights; use square ones.*init=he"):
        initialize(nn.Sequential(layer), classical_)


def test_channels_of_a_depthwise_convolution_get_the_kernels_in_turn() -> None:
    layer = nn.Conv2d(11, 11, 3, groups=11)
    initialize(nn.Sequential(layer), classical_)
    torch.testing.assert_close(layer.weight[:, 0], torch.stack([kernel.tensor() for kernel in CLASSICAL.values()]))
