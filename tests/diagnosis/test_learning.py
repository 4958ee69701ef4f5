"""Updates, what was learned, generalization, test images of another kind."""

import math

import pytest

from cnnlab.diagnosis.causes.step_size import too_large
from cnnlab.diagnosis.learning import _instead, full_updates, generalization, learned, never_predicted, unlike, updates


def _epoch(step: int, train: float, accuracy: float, loss: float) -> dict[str, float]:
    return {
        "step": step,
        "train/epoch_loss": loss,
        "train/epoch_accuracy": train,
        "validation/accuracy": accuracy,
        "validation/loss": loss,
    }


def test_healthy_training_says_nothing(row, evidence):
    run = evidence(row(0), row(200), _epoch(200, 0.9, 0.88, 0.4), row(300), _epoch(400, 0.95, 0.9, 0.35))
    assert updates(run) == learned(run) == generalization(run) == []


def test_large_updates(row, evidence):
    [found] = updates(evidence(row(0, weight_update_ratio=(0.2, 0.9, 0.8, 1.1)), learning_rate=0.1))
    assert found.numbers["ratio"] == pytest.approx(0.85)


def test_one_layer_alone_is_no_finding(row, evidence):
    assert updates(evidence(row(0, weight_update_ratio=(2e-3, 2e-3, 2e-3, 0.5)))) == []


def test_a_warm_up_does_not_hide_large_updates(row, evidence):
    """At a 25th of the learning rate 5 % is what 125 % is at the whole of it."""
    warming = row(0, weight_update_ratio=(0.05,) * 4) | {"optimizer/lr": 0.004}
    [found] = updates(evidence(warming, learning_rate=0.1))
    assert (
        found.numbers["full"] == pytest.approx(1.25)
        and "still rising to its peak, where it would be 125 % of their size" in found.sentence
    )
    assert updates(evidence(row(0, weight_update_ratio=(0.05,) * 4), learning_rate=0.1)) == []


def test_updates_are_not_scaled_to_a_rate_that_is_never_reached(row, evidence):
    """Of a Noam schedule, which multiplies a rate of 1."""
    rates = (1e-4, 2e-4, 1e-2, 5e-3)
    rows = [row(i * 50, weight_update_ratio=(5e-4,) * 4) | {"optimizer/lr": rate} for i, rate in enumerate(rates)]
    run = evidence(*rows, learning_rate=1.0, optimizer="Adam")
    assert full_updates(run) == pytest.approx([0.05, 0.025, 5e-4]) and updates(run) == [] and too_large(run) is None
    [found] = updates(evidence(*rows[:2], learning_rate=1.0))
    assert found.numbers["full"] > 1, "it is still rising, as far as is known"


def test_a_single_large_update_in_a_warm_up_is_a_coincidence(row, evidence):
    """Four and more updates are judged by their median, with a tighter limit than one alone."""
    rising = [(0.004, 0.012), (0.008, 0.008), (0.02, 0.02), (0.05, 0.05)]
    rows = [row(i, weight_update_ratio=(ratio,) * 4) | {"optimizer/lr": lr} for i, (lr, ratio) in enumerate(rising)]
    assert updates(evidence(*rows, learning_rate=0.1)) == []
    rows = [row(i, weight_update_ratio=(3 * lr,) * 4) | {"optimizer/lr": lr} for i, (lr, _) in enumerate(rising[:3])]
    assert updates(evidence(*rows, learning_rate=0.1)) == []
    [found] = updates(
        evidence(*rows, row(3, weight_update_ratio=(0.09,) * 4) | {"optimizer/lr": 0.03}, learning_rate=0.1)
    )
    assert found.step == 0 and found.numbers["full"] == pytest.approx(0.3)


@pytest.mark.parametrize(
    ("accuracy", "ratio", "found"), [(0.1, 5e-4, True), (0.6, 5e-4, True), (0.97, 5e-4, False), (0.6, 2e-3, False)]
)
def test_small_updates(row, evidence, accuracy, ratio, found):
    """Where much was learned they are no matter."""
    rows = [row(step, accuracy=accuracy, weight_update_ratio=(ratio,) * 4) for step in (0, 100, 200)]
    assert [f.name for f in updates(evidence(*rows))] == (["small_updates"] if found else [])


def test_a_schedule_that_ended_at_zero_is_no_finding(row, evidence):
    end = row(400, accuracy=0.1, weight_update_ratio=(1e-9,) * 4) | {"optimizer/lr": 1e-6}
    assert updates(evidence(row(0, accuracy=0.1), end)) == []


def test_zero_weights_have_no_ratio(row, evidence):
    assert updates(evidence(row(0, weight_update_ratio=(math.nan, math.inf, math.nan, math.nan)))) == []


def test_loss_at_chance(row, evidence):
    stuck = [row(step, loss=2.31, accuracy=0.1) for step in (0, 50, 100, 150)]
    [found] = learned(evidence(*stuck))
    assert found.name == "loss_at_chance" and found.numbers["guessing"] == math.log(10)
    assert "2.310" in found.sentence and "2.303" in found.sentence
    assert learned(evidence(*stuck, classes=100))[0].name == "little_learned"


def test_a_short_run_near_guessing_is_told_too(row, evidence):
    rows = row(0, loss=2.31, accuracy=0.1), row(19, loss=2.3, accuracy=0.12)
    [found] = learned(evidence(*rows, planned_steps=20))
    assert found.name == "little_learned" and found.severity == "warning"
    assert learned(evidence(*rows, planned_steps=300)) == learned(evidence(*rows)) == []  # it goes on


def test_a_short_run_that_learns_has_not_learned_little(row, evidence):
    """Guessing gives 0.1: half-way to 1 is 0.55, where a run counts as one that learned is 0.865."""
    said = {a: learned(evidence(row(19, accuracy=a), planned_steps=20)) for a in (0.54, 0.56, 0.86, 0.87)}
    names = {accuracy: [finding.name for finding in found] for accuracy, found in said.items()}
    assert names == {0.54: ["little_learned"], 0.56: ["too_few_steps"], 0.86: ["too_few_steps"], 0.87: []}
    few = {"planned_steps": 20, "validation_images": 3, "test_images": 12}  # which judge nothing
    assert learned(evidence(row(19, accuracy=1.0), **few)) == [], "nothing is left that more steps would teach"
    assert learned(evidence(row(19, accuracy=0.6), **few))[0].name == "too_few_steps"
    assert "After 20 steps the accuracy is 86 %" in said[0.86][0].sentence and "learns" in said[0.86][0].sentence


def test_a_loss_far_from_that_of_guessing_does_not_hide_that_nothing_was_learned(row, evidence):
    run = evidence(*(row(step, loss=loss, accuracy=0.1) for step, loss in ((0, 4.4), (100, 3.0), (150, 2.5))))
    assert [f.name for f in learned(run)] == ["little_learned"]


def test_what_is_learned_of_training_images_alone_is_not_called_hardly_anything(row, evidence):
    rows = [row(step, loss=0.055, accuracy=0.98) for step in (0, 100, 150)]
    [found] = learned(evidence(*rows, {"step": 150, "test/accuracy": 0.0}, test_images=360))
    assert found.name == "little_learned" and found.sentence.endswith("0.055: what is learned does not hold for these.")
    [nothing] = learned(evidence(row(0, accuracy=0.1), row(150, loss=8.0, accuracy=0.1)))
    assert nothing.sentence.endswith("hardly anything is learned.")


def test_worse_than_a_linear_classifier(row, evidence):
    rows = [row(step, accuracy=0.5) for step in (0, 100, 200)]
    [found] = learned(evidence(*rows, {"step": 201, "check/baseline": 0.95}))
    assert found.name == "below_baseline" and "95 %" in found.sentence
    assert learned(evidence(*rows, {"step": 201, "check/baseline": 0.55})) == []


def test_what_was_learned_and_lost_again(row, evidence):
    rising = [_epoch(100, 0.8, 0.8, 0.7), _epoch(200, 0.9, 0.9, 0.4), _epoch(300, 0.5, 0.5, 1.4)]
    [found] = learned(evidence(row(0), *rising))
    assert found.name == "collapsed" and found.step == 200


def test_overfitting_needs_a_gap_and_a_rising_validation_loss(row, evidence):
    rising = [_epoch(100, 0.8, 0.7, 0.9), _epoch(200, 0.95, 0.72, 1.0), _epoch(300, 0.99, 0.71, 1.3)]
    [found] = generalization(evidence(row(0), *rising))
    assert found.name == "overfitting" and found.severity == "warning"
    assert found.numbers["gap"] == pytest.approx(0.28) and found.numbers["best_step"] == 100
    enough = generalization(evidence(row(0), *rising, validation_images=140))
    assert "71 % on 140 validation images" in enough[0].sentence
    assert generalization(evidence(row(0), *rising, validation_images=24)) == []  # cannot be known
    assert generalization(evidence(row(0), *rising, validation_images=25)) != []  # 0.28 is three times 0.091
    near = [_epoch(100, 0.8, 0.7, 0.9), _epoch(200, 0.95, 0.72, 1.0), _epoch(300, 0.99, 0.75, 1.3)]
    assert generalization(evidence(row(0), *near, validation_images=25)) == []
    flat = [_epoch(100, 0.8, 0.7, 0.9), _epoch(200, 0.95, 0.72, 0.91)]
    assert generalization(evidence(row(0), *flat)) == []


def test_nothing_but_training_images_is_known(row, evidence):
    by_heart = [_epoch(100, 0.5, 0.1, 2.4), _epoch(300, 0.95, 0.12, 4.0)]
    assert [f.name for f in generalization(evidence(row(0), *by_heart))] == ["memorized"]


@pytest.mark.parametrize(("test", "images", "found"), [(0.3, 140, True), (0.9, 140, False), (0.7, 5, False)])
def test_test_images_of_another_kind(row, evidence, test, images, found):
    """Not where the images are so few that chance alone explains the difference."""
    rows = row(0), _epoch(300, 0.97, 0.96, 0.1), {"step": 300, "test/accuracy": test}
    assert bool(unlike(evidence(*rows, validation_images=images))) == found
    assert bool(unlike(evidence(*rows, test_images=images))) == found


def test_the_test_has_the_last_word_on_what_was_learned(row, evidence):
    run = evidence(row(0), _epoch(300, 0.4, 0.4, 1.5), {"step": 300, "test/accuracy": 0.12})
    assert learned(run)[0].name == "little_learned" and "12 %" in learned(run)[0].sentence


def test_overfitting_is_seen_on_the_test_where_validation_tells_nothing(row, evidence):
    rows = row(0), _epoch(300, 1.0, 0.4, 3.0), {"step": 300, "test/accuracy": 0.43}
    few = {"validation_images": 24, "test_images": 400}
    [found] = generalization(evidence(*rows, **few))
    assert found.name == "overfitting" and found.numbers["gap"] == pytest.approx(0.57)
    assert found.sentence == "Accuracy is 100 % on training images and 43 % on 400 test images."
    copied = {"validation_images": 48, "copied": {"validation": 48}}
    assert generalization(evidence(*rows, **few | copied)) == [found]
    assert generalization(evidence(*rows, **few | {"test_images": 24})) == [], "neither is known"
    good = row(0), _epoch(300, 1.0, 0.9, 0.3), {"step": 300, "test/accuracy": 0.83}
    assert generalization(evidence(*good, **few)) == []


def test_few_validation_images_and_a_test_of_other_labels(row, evidence):
    """18 of 18 are right, and of 90 test images a third: that is no chance, and not little that was learned."""
    rows = row(0), _epoch(300, 1.0, 1.0, 0.01), {"step": 300, "test/accuracy": 1 / 3}
    run = evidence(*rows, classes=3, largest_class_share=1 / 3, validation_images=18, test_images=90)
    [found] = unlike(run)
    assert found.sentence == "Accuracy is 100 % on 18 validation images and 33.3 % on 90 test images."
    assert learned(run) == generalization(run) == []
    by_heart = row(0), _epoch(300, 1.0, 0.4, 5.0), {"step": 300, "test/accuracy": 1 / 3}
    run = evidence(*by_heart, classes=3, largest_class_share=1 / 3, validation_images=18, test_images=90)
    assert not unlike(run) and learned(run)[0].name == "little_learned"


def test_what_holds_for_validation_images_is_not_little(row, evidence):
    rows = row(0), _epoch(300, 1.0, 1.0, 0.01), {"step": 300, "test/accuracy": 0.1}
    assert learned(evidence(*rows, validation_images=300)) == []
    assert unlike(evidence(*rows, validation_images=300))


def test_test_images_that_are_told_apart_where_validation_tells_nothing(row, evidence):
    rows = row(0), _epoch(300, 1.0, 0.9, 0.1), {"step": 300, "test/accuracy": 0.67, "check/told_apart": 0.97}
    run = evidence(*rows, validation_images=6, test_images=90)
    assert [f.name for f in unlike(run)] == ["test_unlike_training"] and generalization(run) == []
    assert "100 % on training images and 67 % on 90 test images" in unlike(run)[0].sentence
    alike = evidence(*rows, {"check/told_apart": 0.6}, validation_images=6, test_images=90)
    assert not unlike(alike) and [f.name for f in generalization(alike)] == ["overfitting"]


CLASSES = {"a": 180, "b": 180, "c": 180, "d": 29}


@pytest.mark.parametrize(("accuracy", "count", "found"), [(0.95, 8, True), (0.95, 1, False), (0.6, 8, False)])
def test_a_class_that_is_never_predicted(row, evidence, accuracy, count, found):
    """0.05^8 and 0.4^8 = 0.0007 of a class; but it may happen to any of four."""
    rows = row(0), {"step": 300, "test/accuracy": accuracy, "test/mistaken/3/2": count}
    run = evidence(*rows, classes=4, largest_class_share=0.3, class_images=CLASSES, test_images=158)
    findings = never_predicted(run)
    assert bool(findings) == found
    if found:
        assert findings[0].sentence == (
            "No test image is called d (all of its 8 images are called c); of all test images 95 % are called right."
        )


def test_an_only_image_is_not_all_of_them():
    assert _instead({"c": 1.0}) == "its only image is called c"
    assert _instead({"c": 2.0}) == "all of its 2 images are called c"
    assert _instead({"c": 3.0, "d": 1.0}) == "3 of its 4 images are called c"


def test_classes_that_are_never_predicted_are_counted_the_largest_first(row, evidence):
    names = dict.fromkeys("abcdefgh", 50)
    missed = {"test/mistaken/0/7": 9.0, "test/mistaken/0/6": 1.0}
    missed |= {f"test/mistaken/{label}/7": 10.0 + label for label in (1, 2, 3, 4)}
    rows = row(0), {"step": 300, "test/accuracy": 0.8} | missed
    [found] = never_predicted(evidence(*rows, classes=8, largest_class_share=1 / 8, class_images=names))
    assert found.sentence.startswith("No test image is called e (all of its 14 images are called h), nor d (all of its")
    assert ", nor 2 more classes; of all" in found.sentence and found.numbers == {"classes": 5}
    poor = evidence(row(0), {"step": 300, "test/accuracy": 0.4} | missed, classes=8, largest_class_share=1 / 8)
    assert never_predicted(poor) == []


def test_updates_are_small_only_where_layers_are_to_be_moved_at_the_full_rate(row, evidence):
    """A backbone that is frozen, or that has a small rate on purpose, is no reason for a larger one."""
    few = [row(step, weight_update_ratio=(1e-5, 1e-5, 1e-5, 3e-3)) for step in (0, 100, 200)]
    most = ("01_block1.conv1", "02_block2.conv1", "03_head.fc1")
    assert [f.name for f in updates(evidence(*few))] == ["small_updates"]
    assert updates(evidence(*few, slower=most)) == updates(evidence(*few, frozen=most)) == []
    none = [row(step, weight_update_ratio=(0.0, 0.0, 0.0, 3e-3)) for step in (0, 100, 200)]
    assert updates(evidence(*none, left_out=most)) == []
    less = [row(step, weight_update_ratio=(1e-6, 1e-6, 1e-6, 1e-5)) for step in (0, 100, 200)]
    [found] = updates(evidence(*less, slower=most))
    assert found.numbers["ratio"] == 1e-5
    [found] = updates(evidence(*few, slower=most, settings={"optimizer.lr": 0.1}))
    assert found.numbers["ratio"] == 1e-5, "in a run one setting moves them all"


def test_lbfgs_takes_several_steps_in_one(row, evidence):
    rows = [row(step, weight_update_ratio=(0.15,) * 4) for step in (0, 50, 100)]
    assert [f.name for f in updates(evidence(*rows))] == ["large_updates"]
    assert updates(evidence(*rows, optimizer="LBFGS", update={"max_iter": 5.0})) == []
    rows = [row(step, weight_update_ratio=(0.85,) * 4) for step in (0, 50, 100)]
    lbfgs = {"optimizer": "LBFGS", "learning_rate": 1.0, "update": {"max_iter": 20.0}}
    assert updates(evidence(*(step | {"optimizer/lr": 1.0} for step in rows), **lbfgs)) == []
    assert full_updates(evidence(rows[0] | {"optimizer/lr": 0.5}, **lbfgs)) == [pytest.approx(0.85 / 20 / 0.5)]
