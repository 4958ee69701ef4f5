"""Causes in the optimizer's settings, regularization, batches and number format."""

from math import cos, log, nan, pi

import pytest

from cnnlab.common.words import number
from cnnlab.diagnosis.causes.optimization import (
    accumulated,
    batches,
    clipped,
    decay,
    epsilon,
    few_steps,
    momentum,
    reversed_update,
    schedule,
    smoothed,
    weights_kept,
)
from cnnlab.diagnosis.finding import SEEN

STEPS = (0, 50, 100, 150, 200)


def test_usual_settings_are_no_cause(row, evidence):
    run = evidence(
        *(row(step) for step in STEPS),
        clip=1.0,
        weight_decay=5e-4,
        label_smoothing=0.1,
        batch_size=64,
        steps_per_epoch=25,
        precision="float32",
        update={"momentum": 0.9, "dampening": 0.0, "eps": 1e-8, "beta1": 0.9, "beta2": 0.999, "maximize": 0.0},
    )
    suspects = (accumulated, batches, clipped, decay, epsilon, few_steps, momentum, schedule, smoothed)
    assert not any(suspect(run) for suspect in suspects) and not reversed_update(run).supporting


@pytest.mark.parametrize(
    ("suspect", "context", "name", "override"),
    [
        (clipped, {"clip": 1e-4}, "clip_too_small", "trainer.clip=1"),
        (decay, {"weight_decay": 1.0}, "weight_decay_too_strong", "optimizer.weight_decay=0.0005"),
        (smoothed, {"label_smoothing": 0.95}, "label_smoothing_too_strong", "trainer.label_smoothing=0.1"),
        (momentum, {"update": {"momentum": 0.999}}, "momentum_too_large", "optimizer.momentum=0.9"),
        (momentum, {"update": {"dampening": 0.99}}, "momentum_too_large", "optimizer.dampening=0"),
        (momentum, {"update": {"beta2": 0.1}}, "momentum_too_large", "optimizer.betas=[0.9,0.999]"),
        (epsilon, {"update": {"eps": 1.0}}, "epsilon_too_large", "optimizer.eps=1e-08"),
        (epsilon, {"norm_epsilon": 100.0}, "epsilon_too_large", "give the norm layers an eps of 1e-5"),
        (reversed_update, {"update": {"maximize": 1.0}}, "update_reversed", "optimizer.maximize=false"),
        (batches, {"batch_size": 2}, "batch_unsuitable", "trainer.batch_size=64"),
        (batches, {"batch_size": 1024, "steps_per_epoch": 1}, "batch_unsuitable", "trainer.batch_size=64"),
    ],
)
def test_a_setting_far_from_what_is_usual(row, evidence, suspect, context, name, override):
    found = suspect(evidence(row(0), row(150), **context))
    assert found.name == name and found.points >= 8 and found.remedy.override == override


def test_decoupled_decay_is_judged_with_rate_and_steps(row, evidence):
    steps = [row(step) for step in STEPS]
    assert decay(evidence(*steps, optimizer="adamw", learning_rate=2e-3, weight_decay=0.1)) is None
    assert decay(evidence(*steps, optimizer="adamw", learning_rate=2e-3, weight_decay=30.0)).points >= 9


def test_weights_that_have_shrunk(row, evidence):
    run = evidence(row(0), row(200, weight_std=(0.03, 0.01, 0.005, 0.1)), weight_decay=None)
    assert weights_kept(run) == pytest.approx(0.1)
    assert "10 %" in decay(run).supporting[0] and "weight decay pulls" in decay(run).clause


def test_weights_that_shrink_without_decay_are_pulled_by_something_else(row, evidence):
    rows = row(0), row(200, weight_std=(0.03, 0.01, 0.005, 0.1))
    found = decay(evidence(*rows, weight_decay=0.0))
    assert "its weight decay is 0" in found.clause and found.remedy.override == "optimizer=adamw"
    asgd = decay(evidence(*rows, weight_decay=0.0, optimizer="ASGD", update={"lambd": 1.0}))
    assert asgd.remedy.override == "optimizer.lambd=0.0001"
    assert decay(evidence(row(0), row(200), weight_decay=0.0)) is None


def test_a_momentum_that_is_rather_large_is_a_weak_clue(row, evidence):
    assert 0 < momentum(evidence(row(0), update={"momentum": 0.98})).points < 9
    assert momentum(evidence(row(0), update={"momentum": 0.95})) is None


def test_alpha_of_rmsprop(row, evidence):
    one = momentum(evidence(row(0), optimizer="RMSprop", update={"alpha": 1.0}))
    assert one.remedy.override == "optimizer.alpha=0.99"
    assert momentum(evidence(row(0), optimizer="RMSprop", update={"alpha": 0.9})) is None
    assert momentum(evidence(row(0), optimizer="ASGD", update={"alpha": 0.0})) is None  # where it is another thing


def test_a_loss_that_stands_still_does_not_rise(row, evidence):
    creeping = [row(step, loss=2.3026 + 1e-5 * step, accuracy=0.1) for step in STEPS]
    assert not reversed_update(evidence(*creeping)).supporting
    rising = [row(step, loss=2.3 + 0.01 * step, accuracy=0.1) for step in STEPS]
    assert reversed_update(evidence(*rising)).supporting


def test_learning_to_be_wrong(row, evidence):
    wrong = [row(step, loss=log(10) * (1 + step / 50), accuracy=0.01) for step in STEPS]
    assert reversed_update(evidence(*wrong)).points >= 9


def test_a_schedule_that_leaves_no_time(row, evidence):
    decayed = [row(step) | {"optimizer/lr": 0.1 if step == 0 else 1e-4} for step in range(0, 201, 5)]
    assert schedule(evidence(*decayed, planned_steps=200)).remedy.override == "scheduler=one_cycle"
    assert schedule(evidence(*(step | {"optimizer/lr": 0.1} for step in decayed), planned_steps=200)) is None


def test_a_schedule_that_ends_long_before_the_run(row, evidence):
    """More steps without a learning rate are no remedy."""

    def run(rates, **about):
        rows = [row(step) | {"optimizer/lr": rate} for step, rate in enumerate(rates)]
        return evidence(*rows, **{"planned_steps": len(rates), **about})

    polynomial = [0.1 * max(0.0, 1 - step / 5) for step in range(14)]
    found = schedule(run(polynomial))
    assert found.supporting == ["from step 5 on the learning rate is less than 0.1 % of its peak"]
    assert found.points >= 9 and few_steps(run(polynomial)) is None
    cosine = [0.05 * (1 + cos(pi * step / 14)) for step in range(14)]
    for rates in (cosine, [0.1, 0.0], [0.0] * 14, [0.1] * 7 + [0.0] * 7):
        assert schedule(run(rates)) is None and few_steps(run(rates)) is not None
    assert schedule(run(polynomial, planned_steps=20)) is None, "it may still rise"


def test_a_schedule_that_raises_the_rate_above_what_was_set(row, evidence):
    rates = [row(step) | {"optimizer/lr": 0.1 if step < 100 else 100.0} for step in STEPS]
    found = schedule(evidence(*rates))
    assert found.points >= 9 and "step 100" in found.supporting[0] and found.remedy.override == "scheduler=one_cycle"


def test_one_epoch_of_few_large_batches_needs_more_epochs(row, evidence):
    few = {"batch_size": 512, "steps_per_epoch": 4, "planned_steps": 4}
    found = batches(evidence(row(3), **few, settings={"trainer.max_steps": None, "trainer.epochs": 1}))
    assert found.remedy.override == "trainer.epochs=75"
    assert (
        batches(evidence(row(3), **few, settings={"trainer.max_steps": 4})).remedy.override == "trainer.batch_size=64"
    )


def test_a_run_that_has_only_begun(row, evidence):
    assert few_steps(evidence(row(0), row(4), planned_steps=5)).supporting == ["the run had only 5 steps"]
    assert few_steps(evidence(row(0), row(4), planned_steps=500)) is None
    assert few_steps(evidence(row(0), row(299), planned_steps=300)) is None


def test_gradients_that_are_never_cleared(row, evidence):
    rows = [row(step, weight_gradient_std=(1e-3 * (step + 1),) * 4) for step in (0, 8, 16, 32, 64)]
    assert accumulated(evidence(*rows)).points >= 9
    both = [row(s, weight_gradient_std=(1e-3 * (s + 1),) * 4, gradient_std=(1e-3 * (s + 1),) * 4) for s in STEPS]
    assert accumulated(evidence(*both)) is None  # larger gradients arrive


def test_gradients_that_grow_behind_a_first_update_that_is_too_large_did_not_add_up(row, evidence):
    rows = [row(step, weight_gradient_std=(1e-3 * (step + 1),) * 4) for step in (0, 8, 16, 32, 64)]
    first = row(0, weight_update_ratio=(0.9,) * 4)
    assert accumulated(evidence(first, *rows[1:])).points < accumulated(evidence(*rows)).points


def test_a_sum_that_is_never_cleared_does_not_fall(row, evidence):
    """Units that die leave ever less of the output's gradient, and then nothing of the weights' either."""
    weights, outputs = (1e-3, 1e-3, 1.5e-3, 2e-3, 0.0), (1e-3, 4e-4, 2e-4, 1e-4, 0.0)
    rows = [
        row(step, weight_gradient_std=(w,) * 4, gradient_std=(o,) * 4)
        for step, w, o in zip((0, 2, 4, 8, 16), weights, outputs, strict=True)
    ]
    assert accumulated(evidence(*rows[:4])).points >= 9
    assert accumulated(evidence(*rows)) is None


def test_a_schedule_that_climbs(row, evidence):
    rates = (0.1, 0.08, 0.05, -0.05, -0.1)
    found = schedule(evidence(*(row(s) | {"optimizer/lr": r} for s, r in zip(STEPS, rates, strict=True))))
    assert found.points >= 9 and "at step 200 the learning rate is negative" in found.supporting[0]


@pytest.mark.parametrize(("cosine", "reversed_"), [(-1.0, True), (-0.6, True), (0.1, False), (1.0, False)])
def test_a_first_update_up_the_gradient(row, evidence, cosine, reversed_):
    found = reversed_update(evidence(row(0), {"step": 100, "check/update_cosine": cosine}))
    assert bool(found.supporting) is reversed_


@pytest.mark.parametrize(
    ("first", "later", "summed"), [(1.0, 6.0, True), (1.0, 1.3, False), (64.0, 64.0, False), (0.01, 0.02, False)]
)
def test_gradients_that_add_up_as_the_optimizer_gets_them(row, evidence, first, later, summed):
    run = evidence(row(0), {"step": 100, "check/gradient_first": first, "check/gradient_later": later})
    assert (accumulated(run) is not None) is summed


@pytest.mark.parametrize(
    ("second", "later", "summed"),
    [(1.7, 5.0, True), (2.9, 3.5, False), (12.0, 30.0, True), (1.5, 1.5, False), (1.0, 1.0, False)],
)
def test_in_a_loop_of_ones_own_gradients_of_a_few_batches_may_be_added_up_on_purpose(
    row, evidence, second, later, summed
):
    """Of four batches the second watched step has two to four times the gradient, and so have all that follow."""
    growing = [row(step, weight_gradient_std=(1e-3 * (step + 1),) * 4) for step in (0, 8, 16, 32, 64)]
    names = ("first", "second", "later")
    seen = {f"check/gradient_{name}": share for name, share in zip(names, (1.0, second, later), strict=True)}
    assert (accumulated(evidence(*growing, {"step": 64} | seen)) is not None) is summed


@pytest.mark.parametrize(("kept", "summed"), [(2e4, True), (5.0, False), (nan, False)])
def test_gradients_that_were_never_cleared_and_explode_are_told_by_the_largest(row, evidence, kept, summed):
    seen = {"first": 1.0, "second": 1.98, "later": 1.63, "kept": kept}
    run = evidence(row(0), {"step": 100} | {f"check/gradient_{name}": share for name, share in seen.items()})
    found = accumulated(run)
    assert (found is not None) is summed
    assert found is None or f"{number(kept)} times" in found.supporting[0]


def test_a_gradient_that_grows_is_nothing_where_nobody_knows_of_classes(row, evidence):
    rows = [row(step, weight_gradient_std=(1e-3 * (step + 1),) * 4) for step in (0, 8, 16, 32, 64)]
    assert accumulated(evidence(*rows)) is not None and accumulated(evidence(*rows, classes=None)) is None


@pytest.mark.parametrize(("kept", "tiny"), [(2e-4, True), (0.2, False), (1.0, False)])
def test_clipping_is_seen_by_what_the_optimizer_gets(row, evidence, kept, tiny):
    found = clipped(evidence(row(0), {"step": 100, "check/gradient_kept": kept}))
    assert (found is not None) is tiny
    assert found is None or "clip_grad_norm_" in found.remedy.code


def test_a_warm_up_whose_end_nobody_knows_is_no_finding_of_its_own(row, evidence):
    warming = [row(step) | {"optimizer/lr": 1e-4 * (1 + step)} for step in range(0, 151, 10)]
    assert 0 < schedule(evidence(*warming, learning_rate=1.0)).points < SEEN
    assert schedule(evidence(*warming, learning_rate=1.0, planned_steps=150)).points >= SEEN
    decayed = [row(step) | {"optimizer/lr": 0.5**step} for step in range(0, 151, 10)]
    assert schedule(evidence(*decayed, learning_rate=1.0)).points >= SEEN


@pytest.mark.parametrize(("accuracy", "loss", "told"), [(0.1, -50.0, True), (0.9, -0.9, False), (0.1, 2.3, False)])
def test_a_negative_loss_is_no_cross_entropy(row, evidence, accuracy, loss, told):
    """Unless the network learns: then it is another loss, on purpose."""
    rows = [row(step, loss=loss, accuracy=accuracy) for step in STEPS]
    assert ("nll_loss" in reversed_update(evidence(*rows)).clause) is told
    assert "nll_loss" not in reversed_update(evidence(*rows, settings={})).clause


def test_minus_a_probability_is_told_though_it_is_learned_by(row, evidence):
    rows = [
        row(step, loss=loss, accuracy=0.7) for step, loss in zip(STEPS, (-0.1, -0.3, -0.5, -0.6, -0.7), strict=True)
    ]
    found = reversed_update(evidence(*rows))
    assert found.mistake and found.seen >= SEEN and "nll_loss of a softmax" in found.clause
    assert not reversed_update(evidence(*rows, settings={})).mistake, "a run's loss is its own"
    assert not reversed_update(evidence(*rows, row(250, loss=-3.0, accuracy=0.7))).mistake
    assert not reversed_update(evidence(row(0), row(50))).mistake


def test_nll_loss_of_plain_outputs_is_told_however_much_is_learned(row, evidence):
    rows = [row(step, loss=-float(step), accuracy=0.9) for step in (1, 50, 100)]
    assert not reversed_update(evidence(*rows)).supporting, "another loss may be negative"
    found = reversed_update(evidence(*rows, {"step": 100, "loss/unlogged": 1.0}))
    assert found.mistake and found.points >= 9 and "F.cross_entropy" in found.remedy.code


def test_few_steps_in_an_epoch_make_no_step_larger_and_the_noise_of_few_images_does(row, evidence):
    large = batches(evidence(row(0), batch_size=1024, steps_per_epoch=1))
    assert "little_learned" in large.explains and not {"large_updates", "dead_units"} & large.explains
    assert {"large_updates", "dead_units"} <= batches(evidence(row(0), batch_size=2)).explains
