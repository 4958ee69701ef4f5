"""The metric over its axes."""

import re
from itertools import pairwise, product

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


def _labels(svg: str, values: list[str]) -> list[tuple[float, float]]:
    """Left and right end of each value's label, in points; a digit is 0.636 of the 9 points high."""
    found = re.findall(r'<text[^>]*x="([\d.]+)"[^>]*>([^<]+)</text>', svg)
    places = [(float(x), 9 * 0.636 * len(text) / 2) for x, text in found if text in values]
    return sorted((x - half, x + half) for x, half in places)


@pytest.mark.parametrize(
    "values",
    [
        ["0.0001", "0.00031623", "0.001", "0.0031623", "0.01", "0.031623", "0.1", "0.31623", "1", "3.1623"],
        ["100", "110", "120", "10000", "60000"],
        [f"{10 ** (-4 + at / 12):.3g}" for at in range(49)],
        ["1", "2", "3", "1000.5"],
        [str(at) for at in range(130, 170)],
    ],
)
def test_labels_do_not_lie_on_each_other(values, make_sweep):
    study = Study.of([make_sweep({value: [0.5] for value in values}, axes=("setting",))])
    svg = axes_figure(study.groups, ArmLegend.of(study.groups))
    ends = _labels(svg, values)
    assert len(ends) >= 3 and all(right < left for (_, right), (left, _) in pairwise(ends))
    assert f">{values[0]}<" in svg and f">{values[-1]}<" in svg


def test_words_that_do_not_fit_are_turned(make_sweep):
    turned = {}
    for count in (3, 12, 40):
        arms = {f"word{at:03},{b}": [0.5] for at in range(count) for b in "12"}
        study = Study.of([make_sweep(arms, axes=("a", "b"), name=str(count))])
        svg = axes_figure(study.groups, ArmLegend.of(study.groups))
        turned[count] = re.search(r"<text[^>]*rotate\(-(\d+)[^>]*>word000<", svg)
    assert turned[12] and turned[40] and (turned[3] is None or turned[3][1] == "0")
    assert (turned[12][1], turned[40][1]) == ("30", "90")


def test_lines_of_one_colour_are_of_different_kinds(make_sweep):
    settings = product(("he", "xavier"), ("0.01", "0.1", "1"), ("relu", "tanh"))
    study = Study.of([make_sweep({",".join(each): [0.5] for each in settings}, axes=("init", "lr", "activation"))])
    svg = axes_figure(study.groups, ArmLegend.of(study.groups))
    lines = re.findall(r'data-tip="(init=[^"]*)">\s*<path[^>]*style="([^"]*)"', svg)
    dashed = {tip: "dasharray" in style for tip, style in lines}
    assert dashed == {
        f"init={init}, activation={name}": name == "tanh" for init in ("he", "xavier") for name in ("relu", "tanh")
    }
    assert svg.index(">relu<") < svg.index(">tanh<"), "the kinds are told"
