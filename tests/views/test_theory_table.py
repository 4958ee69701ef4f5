"""The table of what theory expects, for predictions written by hand."""

import math
from collections.abc import Mapping

import pytest
from rich.console import Console

from cnnlab.theory import Expectation, Expected
from cnnlab.theory.expectation import ExpectedLayer
from cnnlab.theory.theory_report import TheoryReport
from cnnlab.views.theory_table import theory_table


def layer(signal: Expected, gradient: Expected, activated: bool = True) -> ExpectedLayer:
    square = signal.value**2
    own = signal if not activated else Expected(99.0, 98.0, 100.0)
    return ExpectedLayer(square, square, 0.0, gradient.value**2, own, signal if activated else None, gradient)


def lines(layers: Mapping[str, ExpectedLayer], width: int = 80, full: bool = False) -> list[str]:
    console = Console(width=width)
    with console.capture() as captured:
        console.print(theory_table(TheoryReport("he", 64, Expectation(dict(layers))), full))
    return captured.get().splitlines()


BAND = Expected(0.8412, 0.499, 1.31)
SMALL = Expected(2.13e-4, 1e-4, 4.05e-4)


def test_a_row_a_layer_with_signal_and_gradient_and_their_bands() -> None:
    said = lines({"01_conv1": layer(BAND, SMALL), "02_logits": layer(SMALL, BAND, activated=False)})
    assert said[0] == "Theory before the first step, init=he on 64 training images"
    rows = [" ".join(line.split()) for line in said]
    assert "01_conv1 0.84 0.50 to 1.3 2.1e-4 1.0e-4 to 4.0e-4" in rows
    assert "02_logits 2.1e-4 1.0e-4 to 4.0e-4 0.84 0.50 to 1.3" in rows


def test_what_the_initializers_name_does_not_say_stands_below_the_title() -> None:
    console = Console(width=80)
    with console.capture() as captured:
        remark = "init=he takes another gain."
        console.print(theory_table(TheoryReport("he", 64, Expectation({"01_c": layer(BAND, SMALL)}), remark=remark)))
    assert captured.get().splitlines()[1] == remark


def test_zero_and_unknown_have_no_band() -> None:
    nothing, unknown = Expected(0.0, 0.0, 0.0), Expected(math.nan, math.nan, math.nan)
    said = lines({"01_conv1": layer(nothing, unknown), "02_logits": layer(BAND, nothing)})
    assert ["01_conv1", "0", "?"] in [line.split() for line in said]
    assert "?: no formula, since weights below the last layer have non-zero mean, or batch norm" in " ".join(
        " ".join(said).split()
    )
    assert "?:" not in " ".join(lines({"01_conv1": layer(BAND, SMALL)}))


@pytest.mark.parametrize("width", [80, 120])
def test_nothing_is_cut_and_a_long_name_is_folded(width: int) -> None:
    tiny = Expected(1.4e-120, 1.1e-120, 1.9e-120)
    said = lines({f"{i:02d}_features.stage{i}.convolution": layer(tiny, tiny) for i in range(1, 4)}, width)
    assert max(map(len, said)) <= width
    assert not any("…" in line for line in said)
    # Column by column, as a folded name reads.
    starts = "".join(line.split("1.4e-120")[0].strip() for line in said)
    assert "02_features.stage2.convolution" in starts


def test_a_deep_network_shows_its_ends_unless_asked_for_all() -> None:
    layers = {f"{i:02d}_conv{i}": layer(BAND, SMALL) for i in range(1, 41)}
    short, full = lines(layers), lines(layers, full=True)
    assert any("... 16 more, full=true" in line for line in short)
    assert sum("_conv" in line for line in short) == 24
    assert [line[:2] for line in full if "_conv" in line] == [f"{i:02d}" for i in range(1, 41)]
    assert not any("more" in line for line in lines(dict(list(layers.items())[:25])))
