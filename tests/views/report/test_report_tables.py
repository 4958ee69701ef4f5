"""The tables' cells, in words where there is no number."""

import json

import pytest
from scipy import stats

from cnnlab.claims.study import Study
from cnnlab.views.report.report_tables import (
    TextTable,
    cost_table,
    diagnosis_table,
    difference_table,
    failure_table,
    group_table,
    noise_sentence,
    tune_table,
    tune_warnings,
)

TUNE = {
    "grid": {"optimizer.lr": ["0.01", "0.1"]},
    "seeds": ["100"],
    "metric": "validation/accuracy",
    "chosen": [
        {
            "labels": {"model": "a"},
            "setting": {"optimizer.lr": "0.1"},
            "edge": ["optimizer.lr"],
            "scores": [
                {"setting": {"optimizer.lr": "0.01"}, "mean": 0.91, "values": [0.90, 0.92]},
                {"setting": {"optimizer.lr": "0.1"}, "mean": None, "values": [None]},
            ],
        }
    ],
}


@pytest.fixture
def study(make_sweep) -> Study:
    arms = {"a": [0.90, 0.91, ("diverged", 0.11)], "b": [0.5], "c": [0.1, 0.1], "d": ["failed", "queued"]}
    return Study.of([make_sweep(arms, tune=TUNE)])


def _rows(table) -> dict[str, dict[str, str]]:
    return {row[0]: dict(zip(table.headings, row, strict=True)) for row in table.rows}


def test_a_group_has_its_numbers_or_says_why_not(study):
    rows = _rows(group_table(study))
    assert list(rows) == ["a", "b", "c", "d"], "the best mean first"
    assert rows["a"]["n"] == "3" and rows["a"]["mean (%)"] == "64.00" and rows["a"]["best"] == "91.00"
    assert rows["a"]["diverged"] == "1" and rows["a"]["trained"] == "2 of 3 (21 to 94 %)"
    assert rows["a"]["sd of the test set alone"] == "2.00"
    assert rows["b"]["95 %"] == "one seed: not known" and rows["b"]["sd"] == "not known"
    assert rows["c"]["95 %"] == "all equal" and rows["c"]["sd"] == "0.00"
    assert rows["d"]["n"] == "0 of 2" and rows["d"]["mean (%)"] == "not known"
    assert (rows["d"]["failed"], rows["d"]["missing"]) == ("1", "1") and "interrupted" not in rows["d"]


def test_a_difference_has_a_verdict_in_words(study):
    rows = difference_table(study.differences).rows
    verdicts = {(row[0], row[1]): row[-1] for row in rows}
    assert verdicts["a", "b"] == "one seed: not known" and verdicts["a", "d"] == "d has no results"
    assert "not distinguishable; about" in verdicts["a", "c"] and not difference_table([])
    low, high = stats.ttest_1samp([0.90, 0.91, 0.11], 0.10).confidence_interval(0.95)
    assert ("54.00", f"{100 * low - 10:.2f} to {100 * high - 10:.2f}") in [row[2:4] for row in rows]


def test_pairs_show_the_correlation_that_was_found(make_sweep):
    study = Study.of([make_sweep({"a": [0.1, 0.5, 0.9], "b": [0.2, 0.6, 0.95]}, paired=True)])
    table = difference_table(study.differences)
    assert dict(zip(table.headings, table.rows[0], strict=True))["correlation of the pairs"] == "1.00"


def test_tuning_marks_the_choice_and_warns_at_the_edge(study):
    assert tune_table(study).rows == (
        ("a", "optimizer.lr=0.01", "91.00", "90.00, 92.00", ""),
        ("a", "optimizer.lr=0.1", "not known", "none", "chosen"),
    )
    (warning,) = tune_warnings(study)
    assert warning.startswith("a: the best optimizer.lr is 0.1, at the edge of its grid")


def test_a_run_that_went_wrong_is_named_with_its_reason(study):
    assert [row[:3] for row in failure_table(study).rows] == [
        ("a,seed=2", "diverged", "ValueError: diverged"),
        ("d,seed=0", "failed", "ValueError: failed"),
        ("d,seed=1", "missing", ""),
    ]


def test_the_noise_floor_stands_beside_the_scatter(study, make_sweep):
    said = noise_sentence(study)
    assert "200 test images alone give 2.00" in said and f"{100 * study.scatter:.2f} points" in said
    assert noise_sentence(Study.of([make_sweep({"a": [0.5]}, name="one")])) == ""


def test_costs_and_findings_of_each_arm(study):
    rows = _rows(cost_table(study))
    assert rows["a"]["training time"] == "3.0 s" and rows["a"]["activation memory"] == "2.0 KiB"
    assert rows["d"]["MACs per image"] == "not known"
    assert ("a", "3 of 3", "Healthy", "Nothing harmful was found.", "", "") in diagnosis_table(study).rows


def test_a_sweep_without_tuning_has_no_table(make_sweep):
    study = Study.of([make_sweep({"a": [0.5]})])
    assert json.loads((study.experiment.folders[0] / "sweep.json").read_text())["tune"] is None
    assert not tune_table(study) and tune_warnings(study) == [] and not failure_table(study)


def test_a_column_that_says_the_same_in_every_row_is_constant():
    table = TextTable(("arm", "n"), (("a", "6"), ("b", "6")))
    assert [table.is_constant(heading) for heading in ("arm", "n", "elsewhere")] == [False, True, True]


@pytest.mark.parametrize(
    ("key", "best"), [("test/accuracy", True), ("model/parameters", True), ("diagnosis/count", False)]
)
def test_a_column_of_the_best_only_where_one_way_is_better(key, best, make_sweep):
    study = Study.of([make_sweep({"a": [0.9, 0.8], "b": [0.7]})], key)
    assert ("best" in group_table(study).headings) is best
    assert difference_table(study.differences).headings[0] == ("better mean" if best else "higher mean")
