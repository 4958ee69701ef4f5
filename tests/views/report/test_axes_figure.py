"""The metric over its axes."""

from itertools import product

import pytest

from cnnlab.claims.study import Study
from cnnlab.views.report.arm_legend import ArmLegend
from cnnlab.views.report.axes_figure import axes_figure, heat_map

GRID = {f"{init},{lr}": [0.5 + lr, 0.6] for init, lr in product(("he", "zeros"), (0.001, 0.01, 0.1))}


def _both(study: Study) -> tuple[str, str]:
    legend = ArmLegend.of(study.groups)
    return axes_figure(study.groups, legend), heat_map(study.groups, legend)


def test_two_axes_have_two_panels_and_a_heat_map(make_sweep):
    axes, heat = _both(Study.of([make_sweep(GRID, axes=("init", "optimizer.lr"))]))
    for svg in (axes, heat):
        assert ">init<" in svg and ">optimizer.lr<" in svg and ">0.001<" in svg and ">zeros<" in svg
    assert heat.count("he, lr=0.1: 60.00 %") == 2, "the cell and its number"


def test_a_single_axis_of_words_needs_neither_and_one_of_numbers_a_panel(make_sweep):
    assert _both(Study.of([make_sweep({"a": [0.9], "b": [0.8]})])) == ("", "")
    axes, heat = _both(Study.of([make_sweep({"1": [0.9], "10": [0.8], "9": [0.7]}, axes=("depth",), name="n")]))
    assert axes.index("depth=1:") and ">depth<" in axes and heat == ""
    assert _both(Study.of([make_sweep({"": [0.9]}, axes=(), name="none")])) == ("", "")


@pytest.mark.parametrize(("metric", "brightest"), [("test/accuracy", "0.9"), ("test/loss", "0.1")])
def test_the_best_cell_is_the_bright_one(make_sweep, metric, brightest):
    arms = {f"{a},{b}": [{metric: v}] for (a, b), v in zip(product("xy", "pq"), (0.1, 0.5, 0.6, 0.9), strict=True)}
    study = Study.of([make_sweep(arms, axes=("a", "b"))], metric)
    cell = heat_map(study.groups, ArmLegend.of(study.groups)).partition("#fde725")[0].rpartition("data-tip")[2]
    assert study.metric.bare(float(brightest)) in cell
