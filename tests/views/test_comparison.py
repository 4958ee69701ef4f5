"""Designs side by side: the table of the text, and that it fits the terminal."""

import pytest
from rich.console import Console
from torch import nn

from cnnlab.designs.design import Design, design
from cnnlab.networks.convnet import ConvNet
from cnnlab.views.comparison import comparison

SHAPE = (3, 32, 32)


def of(name: str, kernel_size: int, convs: int, channels: tuple[int, ...] = (16, 16), measure: bool = True) -> Design:
    network = ConvNet(SHAPE, 10, channels=channels, kernel_size=kernel_size, convs_per_block=convs)
    return design(name, network, SHAPE, measure=measure)


def text(*designs: Design, width: int = 80) -> str:
    console = Console(width=width)
    with console.capture() as captured:
        console.print(comparison(designs))
    return captured.get()


def cells(*designs: Design) -> dict[str, list[str]]:
    return {line[:18].strip(): line[18:].split() for line in text(*designs, width=120).splitlines()}


def test_the_table_of_the_text() -> None:
    lines = cells(of("two", 3, 2), of("one", 5, 1))
    assert lines["weights, c to c"] == ["18", "c²", "25", "c²", "(1.39x)"]
    assert lines["block1, 3 to 16"] == ["2,736", "1,200", "(0.44x)"]
    assert lines["block2, 16 to 16"] == ["4,608", "6,400", "(1.39x)"]
    assert lines["receptive field"] == ["16x16", "16x16"]
    assert lines["convolutions"] == ["4", "2", "(0.50x)"]
    assert lines["non-linearities"] == ["5", "3", "(0.60x)"]
    assert lines["activation memory"] == lines["measured"]


def test_all_are_measured_against_the_first() -> None:
    designs = [of(name, 3, convs, (8,), measure=False) for name, convs in (("a", 2), ("b", 4), ("c", 1))]
    lines = cells(*designs)
    assert text(*designs).split()[:3] == ["a", "b", "c"]
    assert lines["convolutions"] == ["2", "4", "(2.00x)", "1", "(0.50x)"]
    weights = {n: 9 * 3 * 8 + (n - 1) * 9 * 8 * 8 for n in (1, 2, 4)}
    assert lines["block1, 3 to 8"] == [
        str(weights[2]),
        *(f"{weights[4]:,}", f"({weights[4] / weights[2]:.2f}x)"),
        *(str(weights[1]), f"({weights[1] / weights[2]:.2f}x)"),
    ]
    assert "measured" not in lines


def test_parameters_and_macs_are_counted() -> None:
    network = ConvNet(SHAPE, 10, channels=(16, 16), kernel_size=5, convs_per_block=1)
    lines = cells(of("two", 3, 2), of("one", 5, 1))
    assert lines["parameters"][1] == f"{sum(p.numel() for p in network.parameters()):,}"
    full = sum(m.weight.numel() for m in network.modules() if isinstance(m, nn.Linear))
    macs = 32 * 32 * 5 * 5 * 3 * 16 + 16 * 16 * 5 * 5 * 16 * 16 + full
    assert lines["MACs per image"][1] == f"{macs / 1e6:.2f}M"


def test_what_the_table_does_not_say_stands_below() -> None:
    said = text(of("two", 3, 2), of("one", 5, 1), width=200).splitlines()
    below = said[said.index("") + 1 :]
    assert below[0].startswith("(0.50x): half as many as two. weights, c to c: ") and below[1] == ""
    assert below[2] == "Same receptive field: yes, 16x16 at the last map."
    assert below[3].startswith("two has fewer weights than one from c to c channels, but not in block1: 2,736 against")


def test_other_widths_are_named_in_the_cells() -> None:
    said = " ".join(text(of("two", 3, 2), of("one", 5, 1, (20, 20))).split())
    assert "block1 3 to 16: 2,736 3 to 20: 1,500 (0.55x)" in said


def test_unlike_networks_are_compared_as_far_as_they_can_be() -> None:
    own = design("own", nn.Sequential(nn.Conv2d(3, 4, 3), nn.GroupNorm(2, 4)), SHAPE)
    linear = design("linear", ConvNet(SHAPE, 10, channels=(), head=()), SHAPE)
    odd = design("odd", nn.Sequential(nn.Conv2d(3, 4, 3), nn.LocalResponseNorm(2)), SHAPE)
    lines = cells(own, linear, of("two", 3, 2), odd)
    assert lines["receptive field"] == ["?", "32x32", "16x16", "?"]
    assert lines["convolutions"] == ["1", "0", "(0.00x)", "4", "(4.00x)", "1", "(1.00x)"]
    assert lines["non-linearities"] == ["0", "0", "5", "0"], "nothing is a multiple of 0"
    assert lines["activation memory"][-1] == "?"
    assert "weights, c to c" not in lines and not any(name.startswith("block") for name in lines)


@pytest.mark.parametrize("width", [80, 120])
def test_it_fits_the_terminal(width: int) -> None:
    assert max(map(len, text(of("stacked3x3", 3, 2), of("single5x5", 5, 1), width=width).splitlines())) <= width
