"""Every comparison is drawn where it is, in the colour of its outcome, and nothing covers anything."""

import re
from dataclasses import replace
from xml.etree import ElementTree

import pytest

from cnnlab.views.claims import verdict_figure as module
from cnnlab.views.claims.verdict_figure import MOST, verdict_figure
from cnnlab.views.report.vector_page import Sketch


@pytest.fixture
def draw(monkeypatch, check_texts):
    """draw(verdict): SVG, checked, and its texts."""
    drawn = []

    class Checked(Sketch):
        def _rendered(self):
            svg = super()._rendered()
            drawn[:] = [check_texts(self.figure), self.figure]
            return svg

    monkeypatch.setattr(module, "Sketch", Checked)

    def draw(verdict):
        svg = verdict_figure(verdict)
        ElementTree.fromstring(svg)
        return svg, *drawn

    return draw


def test_each_outcome_has_its_colour_and_hovering_tells_the_numbers(draw, verdict, comparison):
    outcomes = ("holds", "does not hold", "no difference that matters", "inconclusive")
    values = (0.05, -0.05, 0.0, 0.02)
    found = [comparison(o, v, place=f"{i} layers") for i, (o, v) in enumerate(zip(outcomes, values, strict=True))]
    svg, texts, _ = draw(verdict(*found))
    for variable in ("good", "bad", "muted", "unsure"):
        assert f"var(--{variable})" in svg
    assert texts.count("smaller than what matters") == 1 and "he against xavier" in texts
    assert {"0 layers", "1 layers", "by how much the sentence is right (test accuracy, points)"} <= set(texts)
    assert 'data-tip="0 layers: he 95.00 %, xavier 90.00 %: 5.00 points' in svg and "· holds · p after Holm" in svg


def test_the_axis_is_in_points_and_shows_the_margin(draw, verdict, comparison):
    _, texts, figure = draw(verdict(comparison("holds", 0.05)))
    (ax,) = figure.axes
    low, high = ax.get_xlim()
    assert low < -1 and high > 6 and ax.get_xscale() == "linear" and "he against xavier" in texts


def test_values_of_very_different_size_are_all_told_from_zero(draw, verdict, comparison):
    places = {"holds": 1e17, "inconclusive": 2.0, "does not hold": -3e6}
    found = [comparison(o, v, abs(v) / 4, place=o, key="activation/std") for o, v in places.items()]
    _, texts, figure = draw(verdict(*found, margin=1.0))
    (ax,) = figure.axes
    spots = [ax.transData.transform((value, 0))[0] for value in (0.0, *places.values())]
    assert min(abs(spot - spots[0]) for spot in spots[1:]) > 20
    assert any("logarithmic beyond 1" in text for text in texts) and "0" in texts


def test_units_have_panels_of_their_own(draw, verdict, comparison):
    found = [comparison(place="accuracy"), comparison("holds", 0.3, place="loss", key="test/loss")]
    _, _, figure = draw(verdict(*found, keys=("test/accuracy", "test/loss")))
    assert len(figure.axes) == 2
    assert [ax.get_xlabel() for ax in figure.axes] == [
        "by how much the sentence is right (test accuracy, points)",
        "by how much the sentence is right (test loss)",
    ]


def test_shares_that_trained_have_no_margin_and_slopes_no_points(draw, verdict, comparison):
    _, texts, _ = draw(verdict(comparison("holds", 0.4, 0.1, rule="trained"), rule="trained"))
    assert "smaller than what matters" not in texts
    assert "by how much the sentence is right (runs that trained, points)" in texts
    _, texts, figure = draw(
        verdict(comparison("holds", 0.02, 0.1, rule="slope"), rule="slope", is_="equal", margin=0.2)
    )
    assert "difference (slope of test accuracy)" in texts and figure.axes[0].get_xlim()[1] < 1


@pytest.mark.parametrize("count", [1, 2, 12, MOST + 6])
def test_one_row_or_many(draw, verdict, comparison, count):
    found = [
        comparison("holds", 0.02 + i / 100, place=f"{i} layers, CIFAR-10 with batch norm, no augmentation at all")
        for i in range(count)
    ]
    _, texts, _ = draw(verdict(*found))
    assert ("and 6 more" in texts) == (count > MOST)
    assert sum("layers" in text for text in texts) == min(count, MOST)


def test_where_nothing_is_estimated_there_are_signs_and_values(draw, verdict, comparison):
    exact = {"rule": "exact", "key": "model/parameters", "right": 25.0}
    found = [
        comparison("holds", 7.0, None, left=18.0, place="16 channels", **exact),
        comparison("does not hold", -3.0, None, left=28.0, place="1 channel", **exact),
        comparison("unknown", left=None, place="2 channels", reason="there are no runs of he", rule="exact"),
    ]
    svg, texts, _ = draw(verdict(*found[:2], rule="exact"))
    assert "he 18, xavier 25" in texts and "16 channels" in texts
    assert "var(--good)" in svg and "var(--bad)" in svg and "points" not in svg


def test_a_row_that_is_not_known_says_so_among_others(draw, verdict, comparison):
    reason = {"reason": "there are no runs of he", "place": "8 layers"}
    unknown = replace(comparison("unknown", half=None, **reason), left=None, right=None, value=None)
    _, texts, _ = draw(verdict(unknown, comparison(place="22 layers")))
    assert "not known: there are no runs of he" in texts


def test_what_a_sentence_says_needs_no_figure(verdict, comparison):
    assert verdict_figure(verdict(comparison("unknown", reason="no runs"))) == ""
    assert verdict_figure(verdict(comparison("holds", 1.0, None, rule="exact"), rule="exact")) == ""


def test_two_figures_of_a_page_share_no_name(verdict):
    ids = [set(re.findall(r'\bid="([^"]+)"', verdict_figure(verdict(), name))) for name in ("a", "b")]
    assert ids[0] and not ids[0] & ids[1]
