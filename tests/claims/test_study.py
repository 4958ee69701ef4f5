"""Everything of a report, computed once."""

import math

import numpy as np
import pytest

from cnnlab.claims.study import Study, check_study
from cnnlab.common.errors import InputError


def test_a_study_has_groups_differences_and_the_answer(make_sweep):
    study = Study.of([make_sweep({"a": [0.80, 0.81], "b": [0.90, 0.92], "c": ["failed"]}, name="s x")])
    assert [g.name for g in study.groups] == ["a", "b", "c"] and [g.name for g in study.ranked] == ["b", "a", "c"]
    assert len(study.differences) == 3 and [d.other.name for d in study.with_the_best] == ["a", "c"]
    assert study.answer.startswith("b beats a by") and study.name == "s x"
    assert [run.state for run in study.unfinished] == ["failed"] and "1 failed" in study.caveats[0]


def test_the_scatter_is_pooled_over_the_arms(make_sweep):
    a, b = [0.8, 0.9, 0.7], [0.9, 0.92]
    study = Study.of([make_sweep({"a": a, "b": b, "c": [0.5]})])
    assert study.scatter == pytest.approx(math.sqrt((2 * np.var(a, ddof=1) + np.var(b, ddof=1)) / 3))
    assert Study.of([make_sweep({"a": [0.5]}, name="one")]).scatter is None


def test_a_metric_that_no_run_has_is_refused_with_those_there_are(make_sweep):
    folder = make_sweep({"a": [0.9]})
    with pytest.raises(InputError, match="Did you mean 'test/loss'") as refused:
        check_study([folder], "test/los")
    assert "test/accuracy, " in str(refused.value) and "conv1" not in str(refused.value)
    with pytest.raises(InputError, match="no run has a number"):
        Study.of([folder], "diagnosis/first")


def test_a_sweep_without_results_is_no_mistake(make_sweep):
    assert Study.of([make_sweep({"a": ["failed", "queued"]})]).answer.startswith("No run has a result yet")
