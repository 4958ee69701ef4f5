"""The part at fault, from trials in which one part was exchanged."""

import pytest

from cnnlab.diagnosis.causes import causes
from cnnlab.diagnosis.causes.exchanges import at_fault, judged, network, slow, training, weights
from cnnlab.diagnosis.finding import SEEN, Cause, Clue
from cnnlab.diagnosis.remedies import Remedy
from cnnlab.diagnosis.rules import diagnose

OWN, FAR, NEAR = 0.2, 0.8, 0.22


def _run(row, evidence, again=NEAR, by_training=NEAR, by_weights=NEAR, both=NEAR, baseline=0.9, **context):
    tried = {
        **{"check/again": again, "check/usual_training": by_training, "check/usual_weights": by_weights},
        **{"check/usual_both": both, "check/baseline": baseline, "validation/accuracy": OWN},
    }
    lr = {"optimizer/lr": context.get("learning_rate", 0.1)}
    rows = [row(step, loss=2.2, accuracy=OWN) | lr for step in (0, 100, 200)]
    return evidence(*rows, {"step": 200} | tried, validation_images=500, **context)


@pytest.mark.parametrize(
    ("tried", "part"),
    [
        ({"by_training": FAR, "both": FAR}, "training"),
        ({"by_weights": FAR, "both": FAR}, "weights"),
        ({"again": FAR, "by_training": FAR, "by_weights": FAR, "both": FAR}, "training"),  # the schedule, or later
        ({}, "network"),
        ({"by_training": FAR, "by_weights": FAR, "both": FAR}, ""),  # either makes up for it
        ({"both": FAR}, ""),  # two things at once
        ({"baseline": NEAR}, ""),  # nothing to be learned
        ({"baseline": 0.26}, ""),  # and 100 steps are too few to learn that
        ({"by_training": FAR, "by_weights": 0.55}, ""),  # new weights help, too
        ({"by_training": FAR, "by_weights": 0.35}, "training"),  # far less
        ({"by_training": float("nan")}, ""),  # not tried
    ],
)
def test_the_part_that_was_exchanged_when_it_learned(row, evidence, tried, part):
    assert at_fault(_run(row, evidence, **tried))[0] == part


def test_the_numbers_are_told(row, evidence):
    run = _run(row, evidence, by_weights=FAR)
    assert "reach 80 %, where the run reaches 20 % on 500 validation images" in at_fault(run)[1]
    assert weights(run).supporting == [at_fault(run)[1]] and training(run) is None and network(run) is None


def test_a_cause_of_the_part_gains_and_others_lose(row, evidence):
    run = _run(row, evidence, by_training=FAR, both=FAR)
    fits = Cause("it", "it", Remedy(), (Clue(2, "fits"),))
    assert judged(run, "training", fits).points > 2 > judged(run, "weights", fits).points
    assert judged(run, "", fits) == fits == judged(_run(row, evidence, both=FAR), "training", fits)
    small = _run(row, evidence, by_training=FAR, both=FAR, learning_rate=1e-4)
    first, second = causes(small)[:2]
    assert (first.name, second.name) == ("learning_rate_too_small", "training_unsuitable")


def test_depth_and_activation_gain_where_nothing_helps_and_lose_nothing_where_something_does(row, evidence):
    fits = Cause("it", "it", Remedy(), (Clue(2, "fits"),))
    assert judged(_run(row, evidence), "structure", fits).points > network(_run(row, evidence)).points
    for helps in ({"by_training": FAR, "both": FAR}, {"by_weights": FAR, "both": FAR}):
        assert judged(_run(row, evidence, **helps), "structure", fits) == fits


def test_what_was_seen_directly_is_never_overruled(row, evidence):
    run = _run(row, evidence, by_training=FAR, both=FAR)
    seen, likely = (Cause("it", "it", Remedy(), (Clue(points, "seen"),)) for points in (SEEN, SEEN - 1))
    assert judged(run, "weights", seen) == seen == judged(run, "training", seen)
    lifted = judged(run, "training", likely)
    assert lifted.points > seen.points and lifted.rank < seen.rank


def test_after_nan_better_is_measured_from_guessing(row, evidence):
    tried = {"check/again": 0.0, "check/usual_training": 0.13, "check/usual_weights": 0.0, "check/baseline": 0.4}
    scores = {"step": 200, "validation/accuracy": 0.0, "check/usual_both": 0.0}
    assert at_fault(evidence(row(0), scores | tried, validation_images=500))[0] != "training"
    tried["check/usual_training"] = 0.35
    told = at_fault(evidence(row(0), scores | tried, validation_images=500))
    assert told[0] == "training" and "the run reaches 0 %" in told[1]  # as it was, not as it counts


def test_no_trial_makes_a_finding_of_its_own(row, evidence):
    """Where no rule found anything, what trials show is no reason to alarm."""
    run = _run(row, evidence, by_training=FAR, both=FAR, learning_rate=1e-4)
    (cause,) = [cause for cause in causes(run) if cause.name == "learning_rate_too_small"]
    assert cause.points >= SEEN > cause.seen
    rows = [{"step": m.step, **m.scalars} for m in run.records]
    assert all(found.name != cause.name for found in diagnose(rows, run.context))


@pytest.mark.parametrize(
    ("cause", "tried", "context", "override"),
    [
        (training, {"by_training": FAR}, {"optimizer": "sgd"}, "optimizer=adamw"),
        (training, {"by_training": FAR}, {"optimizer": "adamw"}, "leave out what the training has beside AdamW"),
        (weights, {"by_weights": FAR}, {"initializer": "mine"}, "init=he"),
        (weights, {"by_weights": FAR}, {"initializer": "he"}, "init=lsuv"),
        (network, {}, {}, "follow an image through forward()"),
    ],
)
def test_what_is_advised_is_not_yet_set(row, evidence, cause, tried, context, override):
    assert override in cause(_run(row, evidence, **tried, **context)).remedy.override


def test_a_network_that_sees_single_pixels_is_given_larger_kernels(row, evidence):
    found = network(_run(row, evidence, settings={"model.kernel_size": 1}))
    assert found.remedy.override == "model.kernel_size=3"
    assert network(_run(row, evidence, settings={"model.kernel_size": 3})).remedy.look


def test_a_network_that_was_still_learning_one_batch_is_slow_and_not_at_fault(row, evidence):
    def run(reference, unfinished, accuracy=0.25):
        tried = {"check/reference": reference, "check/reference_unfinished": unfinished, "check/baseline": 0.9}
        tried |= {f"check/usual_{part}": NEAR for part in ("training", "weights", "both")}
        rows = [row(step, loss=2.2, accuracy=accuracy) for step in (0, 100, 149)]
        return evidence(*rows, {"step": 149, "validation/accuracy": OWN} | tried, validation_images=500)

    slowly = run(0.64, 1.0)
    assert at_fault(slowly)[0] == "" and network(slowly) is None
    assert slow(slowly).name == "too_few_steps" and "64 % on one batch" in slow(slowly).supporting[0]
    assert slow(slowly).remedy.override == "trainer.max_steps=600"  # of 150
    for other in (run(0.64, 0.0), run(0.12, 1.0), run(1.0, 0.0), run(0.64, 1.0, accuracy=0.11)):
        assert slow(other) is None and at_fault(other)[0] == "network"
    assert slow(_run(row, evidence)) is None, "where one batch was not tried"
