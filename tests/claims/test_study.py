"""Everything of a report, computed once."""

import json
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


SAID = {"sentence": "A is better.", "arm": "a", "than": "b", "margin": 0.01}


def test_a_sweep_with_a_claim_has_its_verdict_and_its_metric(make_sweep):
    study = Study.of(
        [make_sweep({"a": [0.90, 0.91, 0.92], "b": [0.50, 0.51, 0.52]}, claim={**SAID, "key": "test/loss"})]
    )
    assert (
        study.metric.key == "test/loss" and study.verdict is not None and study.verdict.claim.sentence == "A is better."
    )
    assert Study.of([make_sweep({"a": [0.9, 0.8]}, name="other")]).verdict is None


def test_a_claim_about_a_pattern_is_reported_on_with_accuracies(make_sweep):
    said = {**SAID, "key": "weight/std/*", "rule": "exact"}
    assert Study.of([make_sweep({"a": [0.9], "b": [0.5]}, claim=said)]).metric.key == "test/accuracy"


def test_a_claim_about_a_key_that_no_run_has_is_named(make_sweep):
    with pytest.raises(InputError, match="claim.key=test/acuracy: no run has .* Did you mean 'test/accuracy'"):
        Study.of([make_sweep({"a": [0.9], "b": [0.5]}, claim={**SAID, "key": "test/acuracy"})])


def test_a_claim_of_an_earlier_version_that_is_refused_now_is_not_judged(make_sweep):
    old = {**SAID, "rule": "trained", "margin": 0.9, "is": "equal"}
    study = Study.of([make_sweep({"a": [0.9, 0.8], "b": [0.5, 0.4]}, claim=old)])
    assert study.verdict is None and study.metric.key == "test/accuracy"
    assert study.caveats[-1].startswith("The claim is not judged: claim.is=equal: claim.rule=trained says which share")


def test_what_the_rule_of_an_earlier_version_s_claim_leaves_out_of_account_does_not_keep_it_from_being_judged(
    make_sweep,
):
    told = {
        "a": [{"test/accuracy": 0.9, "test/chance": 0.1}] * 6,
        "b": [{"test/accuracy": 0.1, "test/chance": 0.1}] * 6,
    }
    sweeps = [
        make_sweep(told, name=name, claim={**SAID, "rule": "trained", **more})
        for name, more in (("old", {"margin": 0.9, "key": "test/loss"}), ("new", {"margin": None}))
    ]
    old, new = (Study.of([sweep]) for sweep in sweeps)
    assert old.verdict is not None and new.verdict is not None and old.caveats == new.caveats == ()
    assert old.verdict.word == new.verdict.word == "holds" and old.metric.key == "test/accuracy"


def test_runs_that_were_checked_instead_of_trained_are_compared_by_what_they_checked(make_sweep):
    learned = [{"check/one_batch/accuracy": 1.0}, {"check/one_batch/accuracy": 0.9}]
    folder = make_sweep({"a": learned, "b": [{"check/one_batch/accuracy": 0.1}]})
    for path in folder.glob("*/results.json"):
        path.write_text(json.dumps({k: v for k, v in json.loads(path.read_text()).items() if k.startswith("check/")}))
    study = Study.of([folder])
    assert study.metric.key == "check/one_batch/accuracy" and [g.name for g in study.ranked] == ["a", "b"]


def test_arms_that_differ_are_written_with_the_digits_that_tell_them_apart(make_sweep):
    losses = {"a": (2.3013, 2.3015), "b": (2.3113, 2.3116), "c": (2.3213, 2.3212)}
    sweep = make_sweep({arm: [{"test/loss": loss} for loss in found] for arm, found in losses.items()})
    study = Study.of([sweep], "test/loss")
    assert "a beats all 2 others (2.301400)" in study.answer and "by 0.010050 in test loss" in study.answer
    weights = {"a": 26_870, "b": 27_120, "c": 26_540}
    sweep = make_sweep({arm: [{"model/parameters": n}] * 2 for arm, n in weights.items()}, name="weights")
    assert Study.of([sweep], "model/parameters").answer.startswith(
        "c beats all 2 others (26,540); the next, a, by 330 in"
    )
