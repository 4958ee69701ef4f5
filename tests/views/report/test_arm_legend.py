"""Colours of groups."""

from pathlib import Path

from cnnlab.claims.groups import Group
from cnnlab.claims.metric import Metric
from cnnlab.claims.run_record import RunRecord
from cnnlab.views.report.arm_legend import DARK, LIGHT, ArmLegend


def _groups(*labels: dict) -> list[Group]:
    def run(value: float) -> RunRecord:
        return RunRecord("r", Path("r"), results={"test/accuracy": value})

    return [Group(str(each), each, Metric(), (run(i / 100),)) for i, each in enumerate(labels)]


def test_up_to_eight_groups_have_a_colour_each():
    groups = _groups(*({"a": str(i)} for i in range(8)))
    legend = ArmLegend.of(groups)
    assert [legend.index(group) for group in groups] == list(range(8)) and legend.axis is None
    assert len({legend.colour(group) for group in groups}) == 8 == len(set(DARK)) == len(LIGHT)
    assert legend.representatives(groups) == groups


def test_more_have_the_colour_of_the_first_axis_that_has_few_values():
    groups = _groups(*({"seedlike": str(i), "init": "he" if i % 2 else "zeros", "lr": str(i % 3)} for i in range(9)))
    legend = ArmLegend.of(groups)
    assert legend.axis == "init" and legend.entries == ("zeros", "he")
    assert [legend.index(group) for group in groups] == [i % 2 for i in (0, 1)] * 4 + [0]
    assert [group.labels["seedlike"] for group in legend.representatives(groups)] == ["8", "7"], "the best of each"


def test_where_every_axis_has_many_values_all_are_one_colour():
    groups = _groups(*({"a": str(i), "b": str(-i)} for i in range(20)))
    legend = ArmLegend.of(groups)
    assert legend.entries == ("all arms",) and {legend.index(group) for group in groups} == {0}
    assert len(legend.representatives(groups)) == 1
