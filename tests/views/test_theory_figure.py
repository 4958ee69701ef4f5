"""The figure holds what was predicted and measured, also where a logarithmic axis cannot show it."""

import io
from functools import partial

import pytest
from torch import nn

from cnnlab.networks.convnet import ConvNet
from cnnlab.networks.init import initialize
from cnnlab.theory import expected
from cnnlab.views.theory_figure import theory_figure


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


def test_a_zero_is_said_in_words(digits):
    network = ConvNet((1, 8, 8), 10)
    initialize(network, nn.init.zeros_)
    texts = [[t.get_text() for t in axes.texts] for axes in theory_figure(expected(network, digits), {}).axes]
    assert texts == [["theory: exactly 0 at 5 of 5 layers"], ["theory: exactly 0 at 5 of 6 layers"]]
