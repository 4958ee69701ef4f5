"""Accuracy over what it costs."""

from cnnlab.claims.study import Study
from cnnlab.views.report.arm_legend import ArmLegend
from cnnlab.views.report.cost_figure import cost_figure


def _figure(study: Study) -> str:
    return cost_figure(study.groups, ArmLegend.of(study.groups))


def test_there_is_a_panel_for_each_cost_that_differs(make_sweep):
    dear = {"test/accuracy": 0.8, "model/macs": 1e6, "time/training_s": 5.0}
    svg = _figure(Study.of([make_sweep({"a": [0.9, 0.8], "b": [dear, dear]})]))
    assert ">MACs per image<" in svg and ">training time, s<" in svg and ">weights<" not in svg
    assert "b: 80.00 % in every run, 2 seeds · MACs per image 1.00M" in svg


def test_equal_costs_or_a_single_arm_are_no_figure(make_sweep):
    assert _figure(Study.of([make_sweep({"a": [0.9], "b": [0.8]})])) == ""
    assert _figure(Study.of([make_sweep({"a": [0.9]}, name="one")])) == ""
    assert _figure(Study.of([make_sweep({"a": ["failed"]}, name="none")])) == ""
