"""The figures hold the curves and the marks, also where an axis cannot show them."""

import io

import numpy as np

from cnnlab.views.check_figure import one_batch_figure, range_figure


def _drawn(figure):
    figure.savefig(io.BytesIO(), format="png")
    return figure.axes[0]


def test_both_ways_are_drawn_on_a_logarithmic_axis_without_what_it_cannot_show():
    axes = _drawn(one_batch_figure([2.3, 1.0, float("nan")], [2.3, 0.0]))
    own, reference = axes.get_lines()
    assert axes.get_yscale() == "log" and list(own.get_xdata()) == [0, 1, 2]
    assert np.array_equal(own.get_ydata(), [2.3, 1.0, np.nan], equal_nan=True)
    assert np.array_equal(reference.get_ydata(), [2.3, np.nan], equal_nan=True)


def test_the_range_test_is_drawn_against_the_rate_with_its_marks():
    axes = _drawn(range_figure([1e-3, 1e-2, 1e-1, 1.0], [2.0, 1.0, 0.5, 90.0], {"best": 0.02, "largest": None}))
    curve, mark = axes.get_lines()
    assert axes.get_xscale() == "log" and list(curve.get_ydata()) == [2.0, 1.0, 0.5, 90.0]
    assert list(mark.get_xdata()) == [0.02, 0.02] and mark.get_label() == "suggested: 2.0e-02"
    assert axes.get_ylim() == (0, 2.5), "the end, where it blows up, does not flatten the rest"


def test_no_losses_at_all_are_no_mistake():
    assert _drawn(range_figure([], [], {"best": None, "largest": None, "rate": None})).get_legend() is None
