"""The text's table of weights, and where it is reversed, against counting the weights of real layers."""

import pytest
from rich.console import Console
from torch import nn

from cnnlab.designs.compare import sentences, where_fewer
from cnnlab.designs.design import Design, design
from cnnlab.networks.convnet import ConvNet
from cnnlab.views.comparison import comparison

SHAPE = (3, 32, 32)


def of(name: str, kernel_size: int, convs: int, channels: tuple[int, ...] = (16, 16)) -> Design:
    network = ConvNet(SHAPE, 10, channels=channels, kernel_size=kernel_size, convs_per_block=convs)
    return design(name, network, SHAPE, measure=True)


def text(*designs: Design, width: int = 80) -> str:
    console = Console(width=width)
    with console.capture() as captured:
        console.print(comparison(designs))
    return captured.get()


def test_the_table_of_the_text() -> None:
    lines = {line[:18].strip(): line[18:].split() for line in text(of("two", 3, 2), of("one", 5, 1)).splitlines()}
    assert lines["weights, c to c"] == ["18", "c²", "25", "c²", "(1.39x)"]
    assert lines["block1, 3 to 16"] == ["2,736", "1,200", "(0.44x)"]
    assert lines["block2, 16 to 16"] == ["4,608", "6,400", "(1.39x)"]
    assert lines["receptive field"] == ["16x16", "16x16"]
    assert lines["convolutions"] == ["4", "2", "(0.50x)"]
    assert lines["non-linearities"] == ["5", "3", "(0.60x)"]
    assert lines["activation memory"] == lines["measured"]


def test_it_says_whether_the_fields_agree_and_where_the_order_of_the_weights_is_reversed() -> None:
    said = sentences([of("two", 3, 2), of("one", 5, 1)])
    assert said == [
        "Same receptive field: yes, 16x16 at the last map.",
        "The order is reversed in block1: 2,736 weights against 1,200 with 3 input channels; there two has fewer than "
        "one only up to 5 output channels.",
    ]
    assert sentences([of("two", 3, 2), of("three", 3, 3)]) == ["Same receptive field: no."]


def block_weights(c_in: int, c: int, kernel_size: int, layers: int) -> int:
    convs = [nn.Conv2d(c_in if i == 0 else c, c, kernel_size, bias=False) for i in range(layers)]
    return sum(conv.weight.numel() for conv in convs)


@pytest.mark.parametrize("c_in", [1, 3, 16])
@pytest.mark.parametrize(("small", "large"), [((3, 2), (5, 1)), ((3, 3), (7, 1)), ((5, 1), (3, 3)), ((3, 5), (7, 1))])
def test_where_fewer_equals_counting(c_in: int, small: tuple[int, int], large: tuple[int, int]) -> None:
    channels = range(1, 80)
    fewer = [c for c in channels if block_weights(c_in, c, *small) < block_weights(c_in, c, *large)]
    said = where_fewer(c_in, *([k * k] * layers for k, layers in (small, large)))
    if not fewer:
        assert said == "for no number of output channels"
    elif fewer[-1] < channels[-1]:
        assert said == f"only up to {fewer[-1]} output channels"
    else:
        assert said == f"only from {fewer[0]} output channels on"


def test_other_widths_are_named_in_the_cells() -> None:
    said = " ".join(text(of("two", 3, 2), of("one", 5, 1, (20, 20))).split())
    assert "block1 3 to 16: 2,736 3 to 20: 1,500 (0.55x)" in said


def test_unlike_networks_are_compared_as_far_as_they_can_be() -> None:
    own = design("own", nn.Sequential(nn.Conv2d(3, 4, 3), nn.GroupNorm(2, 4)), SHAPE)
    linear = design("linear", ConvNet(SHAPE, 10, channels=(), head=()), SHAPE)
    said = text(own, linear, of("two", 3, 2))
    assert "The receptive field is not known for all of them." in said
    assert "?" in said
    assert "c²" not in said


@pytest.mark.parametrize("width", [80, 120])
def test_it_fits_the_terminal(width: int) -> None:
    assert max(map(len, text(of("stacked3x3", 3, 2), of("single5x5", 5, 1), width=width).splitlines())) <= width
