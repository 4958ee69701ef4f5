"""The figure holds what was predicted and measured, also where a logarithmic axis cannot show it."""

import io
from functools import partial

import pytest
from torch import nn

from cnnlab.networks.convnet import ConvNet
from cnnlab.networks.init import initialize
from cnnlab.theory import expected
from cnnlab.views.theory_figure import describe, theory_figure


@pytest.mark.parametrize(
    ("fill", "convs_per_block"),
    [(nn.init.kaiming_normal_, 1), (nn.init.kaiming_normal_, 9), (partial(nn.init.uniform_, a=0.0, b=0.1), 1)],
)
def test_it_draws_any_prediction(fill, convs_per_block, digits):
    network = ConvNet((1, 8, 8), 10, channels=(4, 4), convs_per_block=convs_per_block)
    initialize(network, fill)
    expectation = expected(network, digits)
    measured = {key: 1.1 * e.value for key, e in expectation.by_key().items()}
    drawn = theory_figure(expectation, measured)
    drawn.savefig(io.BytesIO(), format="png")
    assert len(drawn.axes) == 2
    for axes, what in zip(drawn.axes, ("activation", "gradient"), strict=True):
        theory, points = axes.get_lines()
        names = [key for key in expectation.by_key() if key.startswith(f"{what}/")]
        assert axes.get_yscale() == "log" and len(theory.get_xdata()) == len(points.get_xdata()) == len(names)
        drawable = [v for v in (expectation.by_key()[key].value for key in names) if v > 0]
        shown = [v for v in theory.get_ydata() if v > 0]
        assert shown == pytest.approx(drawable)


def test_the_title_says_which_network_it_is(digits):
    network = ConvNet((1, 8, 8), 10, channels=(4, 4), convs_per_block=2)
    expectation = expected(network, digits)
    assert describe(expectation, "plain", "xavier", "relu") == "model=plain, init=xavier, 5 relu layers"
    assert describe(expectation, None, None, None) == "6 layers"
    assert describe(expectation, "mine", "own") == "model=mine, init=own, 6 layers"
    title = theory_figure(expectation, {"activation/std/01_a": 1.0}, describe(expectation, init="he")).get_suptitle()
    assert title == "init=he, 6 layers: before the first step, theory and measurement"
    unnamed = theory_figure(expectation, {}).get_suptitle()
    assert unnamed == "6 layers: before the first step, theory"


def test_layers_without_the_activation_are_not_counted_with_it(digits):
    network = nn.Sequential(nn.Conv2d(1, 4, 3), nn.Conv2d(4, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(64, 3))
    assert describe(expected(network, digits), activation="relu") == "3 layers with relu"


def test_the_narrow_figure_holds_the_same(digits):
    network = ConvNet((1, 8, 8), 10, channels=(4, 4), convs_per_block=3)
    expectation = expected(network, digits)
    drawn = theory_figure(expectation, {}, describe(expectation, "plain", "xavier", "relu"), narrow=True)
    drawn.draw_without_rendering()
    assert drawn.get_figwidth() == 3.5 and [t.get_text() for t in drawn.legends[0].get_texts()][1].startswith("theory")
    wide = theory_figure(expectation, {})
    for one, other in zip(drawn.axes, wide.axes, strict=True):
        assert one.get_lines()[0].get_ydata() == pytest.approx(other.get_lines()[0].get_ydata(), nan_ok=True)


def test_a_zero_is_said_in_words(digits):
    network = ConvNet((1, 8, 8), 10)
    initialize(network, nn.init.zeros_)
    texts = [[t.get_text() for t in axes.texts] for axes in theory_figure(expected(network, digits), {}).axes]
    assert texts == [["theory: exactly 0 at 5 of 5 layers"], ["theory: exactly 0 at 5 of 6 layers"]]
