"""Signal and gradient against depth."""

from cnnlab.claims.study import Study
from cnnlab.views.report.arm_legend import ArmLegend
from cnnlab.views.report.depth_figure import depth_figure


def _figure(study: Study) -> tuple[str, str]:
    return depth_figure(study.groups, ArmLegend.of(study.groups))


def test_layers_are_named_with_their_band_over_seeds_and_theory(make_sweep):
    svg, caption = _figure(Study.of([make_sweep({"a": [0.9, {"activation/std/01_conv1@init": 3.0}], "b": [0.8]})]))
    assert "a · 1 conv1 · 2 (1 to 3)" in svg and "b · 2 logits · 0.5 (0.5 to 0.5)" in svg and "a: theory" in svg
    assert "its band" in caption and "before the first step" in svg and "after training" in svg


def test_more_groups_than_colours_show_the_best_of_each(make_sweep):
    arms = {f"{init},{lr}": [lr / 10] for init in ("he", "zeros") for lr in range(1, 6)}
    svg, caption = _figure(Study.of([make_sweep(arms, axes=("init", "lr"))]))
    assert "The best group of each colour: he, lr=5; zeros, lr=5." in caption and "he, lr=4" not in svg


def test_zeros_are_drawn_at_the_edge_and_said(make_sweep):
    dead = {"test/accuracy": 0.1, "gradient/std/01_conv1@init": 0.0, "activation/std/01_conv1@end": 0.0}
    svg, caption = _figure(Study.of([make_sweep({"a": [dead], "b": [0.8]})]))
    assert "a: the gradient's deviation is 0 in 1 of 2 layers before the first step." in caption
    assert "a: the signal's deviation is 0 in 1 of 1 layer after training." in caption and "b: the" not in caption
    assert svg.count("a · 1 conv1 · exactly 0") == 2


def test_without_layers_there_is_no_figure(make_sweep):
    assert _figure(Study.of([make_sweep({"a": ["failed"]})])) == ("", "")
