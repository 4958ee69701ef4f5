"""The text's arithmetic of sizes, against walking through the layers one by one."""

import pytest
from torch import nn

from cnnlab.designs import sizes
from cnnlab.designs.design import Design, design
from cnnlab.networks.convnet import ConvNet


def of(shape: tuple[int, int, int], **knobs: object) -> Design:
    return design("it", ConvNet(shape, 3, **knobs), shape)  # type: ignore[arg-type]


def test_the_chain_of_the_text() -> None:
    found = of((1, 199, 199), channels=(1,), convs_per_block=99, padding="valid", pool="none", head=())
    assert sizes.chain(found) == "199x199 > 197x197 > ... > 1x1   (99 convolutions)"
    assert sizes.formula(found).startswith("199 - 99 (3-1) = 1\n")


def test_short_chains_and_poolings_are_written_out() -> None:
    found = of((3, 28, 32), channels=(2, 2), convs_per_block=(2, 1))
    assert sizes.chain(found) == "28x32 > 28x32 > 28x32 > 14x16 > 14x16 > 7x8   (3 convolutions, 2 poolings)"
    assert not sizes.formula(found)[0].isdigit()


def test_a_long_run_between_others_is_collapsed() -> None:
    knobs = {"channels": (2, 2, 2), "convs_per_block": (1, 1, 20), "stride": (2, 2, 1), "pool": "none"}
    assert sizes.chain(of((1, 28, 28), **knobs)) == "28x28 > 14x14 > 7x7 > 7x7 > ... > 7x7   (22 convolutions)"


@pytest.mark.parametrize("side", [28, 32, 199])
@pytest.mark.parametrize("kernel_size", [2, 3, 4, 5, 7])
def test_layers_to_one_cell_equal_a_walk(side: int, kernel_size: int) -> None:
    layers, left = 0, side
    while left >= kernel_size:
        left, layers = left - kernel_size + 1, layers + 1
    said = sizes.unpadded(side, kernel_size)
    if left == 1:
        assert said == str(layers)
    else:
        assert said.endswith(f": never exactly 1x1 ({layers} leave {left}x{left})")
        assert float(said.split(":")[0]) == pytest.approx((side - 1) / (kernel_size - 1), rel=1e-3)


def test_five_on_199_as_in_the_text() -> None:
    assert sizes.unpadded(199, 5) == "49.5: never exactly 1x1 (49 leave 3x3)"
    assert sizes.unpadded(3, 5) == "larger than the image"


def test_only_padded_even_kernels_shift() -> None:
    assert [sizes.padded(k) for k in (3, 4)] == ["centred", "shifts by half a pixel per layer"]
    assert sizes.kernels_to_show(of((1, 28, 28), kernel_size=6)) == [2, 3, 4, 5, 6, 7]


@pytest.mark.parametrize(
    ("knobs", "drift"),
    [
        ({"kernel_size": 3}, 0.0),
        ({"kernel_size": 4, "padding": "valid", "pool": "none"}, 0.0),
        ({"kernel_size": 4, "convs_per_block": 6, "channels": (1, 1), "pool": "none"}, 6.0),
    ],
)
def test_drift_of_the_middle(knobs: dict, drift: float) -> None:
    assert sizes.drift(of((1, 32, 32), **knobs)) == (drift, drift)


def test_drift_is_unknown_without_a_map() -> None:
    assert sizes.drift(of((1, 8, 8), channels=())) is None
    assert sizes.drift(design("it", nn.Sequential(nn.Softmax2d()), (1, 8, 8))) is None
