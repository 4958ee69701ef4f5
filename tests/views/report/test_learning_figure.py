"""Curves with bands; panels for many groups."""

from itertools import product

from cnnlab.claims.study import Study
from cnnlab.views.report.arm_legend import ArmLegend
from cnnlab.views.report.learning_figure import learning_figure


def _figure(study: Study) -> tuple[str, str]:
    return learning_figure(study.groups, ArmLegend.of(study.groups))


def test_few_groups_have_a_line_a_run_a_band_and_a_mean(make_sweep):
    svg, caption = _figure(Study.of([make_sweep({"a": [0.9, 0.8], "b": [0.7]})]))
    assert svg.count("a · seed 0 · validation accuracy") == 1 and svg.count("a: mean validation accuracy") == 1
    assert "at the end 66.67 %" in svg and "lowest to the highest" in caption


def test_many_groups_have_a_panel_for_each_value_without_a_colour(make_sweep):
    arms = {f"{init},{lr}": [0.5, 0.6] for init, lr in product(("he", "zeros", "normal"), ("0.1", "0.01", "1"))}
    svg, _ = _figure(Study.of([make_sweep(arms, axes=("init", "optimizer.lr"))]))
    places = [svg.index(f">{name}<") for name in ("lr=0.01", "lr=0.1", "lr=1")]
    assert places == sorted(places) and 'data-arm="2"' in svg


def test_very_many_show_the_best_of_each_colour(make_sweep):
    arms = {f"{init},{lr}": [lr / 20] for init, lr in product(("he", "zeros"), range(1, 15))}
    svg, caption = _figure(Study.of([make_sweep(arms, axes=("init", "lr"))]))
    assert "The best group of each colour." in caption and "he, lr=14: mean" in svg and "he, lr=13" not in svg


def test_without_validation_there_is_no_figure(make_sweep):
    folder = make_sweep({"a": [0.9]})
    (folder / "a,seed=0" / "metrics.jsonl").write_text("")
    assert _figure(Study.of([folder])) == ("", "")
