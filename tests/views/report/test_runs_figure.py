"""Every run is a dot."""

import re

from cnnlab.claims.study import Study
from cnnlab.views.report.arm_legend import ArmLegend
from cnnlab.views.report.runs_figure import MOST, chance_of, runs_figure


def test_every_run_with_a_value_has_a_mark_that_names_it(make_sweep):
    study = Study.of([make_sweep({"a": [0.9, 0.8, ("diverged", 0.12)], "b": [0.7, "failed"]})])
    svg = runs_figure(study.groups, ArmLegend.of(study.groups))
    assert len(re.findall(r'data-tip="[ab] · seed', svg)) == 4
    assert 'data-arm="0" data-tip="a · seed 2 · 12.00 % · diverged · a,seed=2"' in svg
    assert svg.count("b: 70.00 %") == 2, "the mean and its line"


def test_a_loss_that_is_no_number_is_left_out_and_nothing_is_no_figure(make_sweep):
    study = Study.of([make_sweep({"a": [{"test/loss": "nan"}, 0.5], "b": ["failed"]})], "test/loss")
    assert len(re.findall("· seed", runs_figure(study.groups, ArmLegend.of(study.groups)))) == 1
    study = Study.of([make_sweep({"a": ["failed"]}, name="none")])
    assert runs_figure(study.groups, ArmLegend.of(study.groups)) == ""


def test_many_groups_are_cut_to_the_best(make_sweep):
    study = Study.of([make_sweep({f"arm{i:02}": [0.5 + i / 200] for i in range(MOST + 5)})])
    svg = runs_figure(study.groups, ArmLegend.of(study.groups))
    assert ">arm44<" in svg and ">arm04<" not in svg


def test_chance_is_shown_where_it_is_near(make_sweep):
    assert chance_of(Study.of([make_sweep({"a": [0.12, 0.5]})]).groups) == 0.1
    assert chance_of(Study.of([make_sweep({"a": [0.90, 0.95]}, name="far")]).groups) is None
    assert chance_of(Study.of([make_sweep({"a": [0.12, 0.5]}, name="loss")], "test/loss").groups) is None
