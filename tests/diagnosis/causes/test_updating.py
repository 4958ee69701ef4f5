"""Layers that are frozen, that no gradient reaches, and training that stops."""

import pytest

from cnnlab.diagnosis.causes.updating import detached, frozen, stopped, unregistered
from cnnlab.diagnosis.finding import SEEN

UNITS = {"01_block1.conv1": 8, "02_block2.conv1": 16, "03_head.fc1": 32, "04_head.logits": 10}


def test_usual_training_is_no_cause(row, evidence):
    run = evidence(*(row(step) for step in (0, 16, 32, 64, 100)), units=UNITS)
    assert not any(suspect(run) for suspect in (frozen, detached, stopped))


def test_frozen_layers_and_those_that_the_optimizer_lacks(row, evidence):
    most = tuple(UNITS)[:3]
    assert frozen(evidence(row(0), units=UNITS, frozen=most)).points > 9
    assert frozen(evidence(row(0), units=UNITS, frozen=most[:1])).points < 9  # a classical first layer is a choice
    assert "all weights" in frozen(evidence(row(0), units=UNITS, left_out=most, settings={})).clause


@pytest.mark.parametrize(("size", "seen"), [(1.0, False), (7e-4, True), (100.0, True)])
def test_a_frozen_layer_that_is_out_of_scale_stays_so(row, evidence, size, seen):
    run = evidence(row(0, preactivation_std=(1.2, 1.1, 1.3, size)), units=UNITS, frozen=("04_head.logits",))
    assert (frozen(run).points >= SEEN) is seen


def test_a_layer_that_is_frozen_at_zero_is_told_before_those_below_it_that_get_no_gradient(row, evidence):
    rows = [
        row(step, weight_std=(0.3, 0.1, 0.05, 0.0), weight_gradient_std=(0.0,) * 4, gradient_std=(0.0, 0.0, 0.0, 5e-3))
        for step in (0, 50, 100)
    ]
    run = evidence(*rows, units=UNITS, frozen=("04_head.logits",))
    assert frozen(run).points > detached(run).points
    assert "all weights of 04_head.logits are equal" in frozen(run).supporting[0]


def test_layers_that_no_gradient_reaches(row, evidence):
    cut = row(0, weight_gradient_std=(0.0, 0.0, 1e-3, 1e-3))
    for layer in tuple(UNITS)[:2]:
        del cut[f"gradient/std/{layer}"]
    found = detached(evidence(cut, cut | {"step": 100}))
    assert found is not None and "2 of 4 layers" in found.supporting[0] and "02_block2.conv1" in found.remedy.override
    zero = row(0, weight_gradient_std=(0.0, 0.0, 1e-3, 1e-3), gradient_std=(0.0, 0.0, 1e-3, 1e-3))
    assert detached(evidence(zero)) is None  # a gradient of 0 arrives, once


def test_gradients_that_are_cut_to_exactly_zero_at_every_step(row, evidence):
    """As by rounding: the layer above gets a gradient that cannot vanish within one layer."""
    cut = [
        row(s, weight_gradient_std=(0.0, 0.0, 1e-3, 1e-3), gradient_std=(0.0, 0.0, 1e-3, 1e-3)) for s in (0, 50, 100)
    ]
    assert "2 of 4 layers" in detached(evidence(*cut)).supporting[0]
    fading = [step | {"gradient/std/03_head.fc1": 1e-12} for step in cut]
    assert detached(evidence(*fading)) is None


def test_weights_whose_gradients_are_gone_before_the_update(row, evidence):
    gone = [row(step, weight_gradient_std=(0.0,) * 4) for step in (0, 50)]
    found = frozen(evidence(*gone, units=UNITS, settings={}))
    assert found.name == "layers_frozen" and "gone before the update" in found.clause
    assert frozen(evidence(*gone, units=UNITS)) is None, "in a loop of one's own they may be cleared after it"
    decay = [row(step, weight_gradient_std=(0.0,) * 4, weight_update_ratio=(1e-5,) * 4) for step in (0, 50)]
    assert "gone before the update" in frozen(evidence(*decay, units=UNITS)).clause


def _unstepped(row, step: int, **how) -> dict[str, float]:
    """A watched step in which no optimizer takes one."""
    return {key: value for key, value in row(step, **STILL, **how).items() if key != "optimizer/lr"}


def test_in_a_loop_of_ones_own_an_optimizer_that_never_steps_is_told(row, evidence):
    run = evidence(*(_unstepped(row, step) for step in range(3)), units=UNITS)
    assert "optimizer.step()" in frozen(run).remedy.code and frozen(run).points >= SEEN
    assert frozen(evidence(*(_unstepped(row, step) for step in range(3)), units=UNITS, settings={})) is None
    lost = evidence(*(row(step, **STILL) for step in range(3)), units=UNITS)  # in rounding, or at a rate of 0
    assert frozen(lost) is None


def test_steps_outside_of_the_watched_ones_are_neither_small_nor_missing(row, evidence):
    rows = [
        _unstepped(row, step, weight_std=(0.3 + step / 1e3, 0.1, 0.05, 0.1), weight_gradient_std=(0.0,) * 4)
        for step in range(3)
    ]
    for each in rows:  # the backward pass is outside as well
        for layer in UNITS:
            del each[f"gradient/std/{layer}"]
    run = evidence(*rows, units=UNITS)
    assert run.updated_elsewhere and not any(suspect(run) for suspect in (frozen, detached, stopped))
    assert detached(evidence(*rows, units=UNITS, settings={})) is not None


def test_behind_a_layer_that_gives_nothing_the_others_are_neither_frozen_nor_detached(row, evidence):
    """Weights whose input is zero get no gradient."""
    behind = {"preactivation_std": (1.2, 1.1, 0.0, 0.0), "weight_gradient_std": (0.0,) * 4}
    steps = [row(step, **behind) for step in (0, 50, 100)]
    assert frozen(evidence(*steps, units=UNITS)) is None and detached(evidence(*steps)) is None


STILL = {"weight_update_ratio": (0.0,) * 4}
WITHOUT = {"weight_gradient_std": (0.0,) * 4}  # decay and momentum still move the weights


@pytest.mark.parametrize(("how", "what"), [(STILL, "no weight changes"), (WITHOUT, "no gradient arrives")])
def test_training_that_stops_is_dated(row, evidence, how, what):
    rows = [row(0), row(8), *(row(step, **how) for step in (16, 32, 64))]
    found = stopped(evidence(*rows))
    assert found.name == "layers_frozen" and f"from step 16 on {what}" in found.supporting[0]
    assert stopped(evidence(*rows, row(100))) is None  # and goes on
    assert stopped(evidence(*rows[:4])) is None  # twice may be luck


def test_what_does_not_count_as_stopped(row, evidence):
    """A schedule at its end, everything learned, a signal that vanishes, dead layers, weights that never moved."""
    annealed = [row(step, **STILL) | {"optimizer/lr": 1e-6} for step in (16, 32, 64)]
    assert stopped(evidence(row(0), *annealed)) is None
    learned = [row(step, loss=0.0, **WITHOUT) for step in (16, 32, 64)]
    assert stopped(evidence(row(0), *learned)) is None
    faded = [row(step, preactivation_std=(1e-2, 1e-4, 1e-6, 1e-8), **WITHOUT) for step in (16, 32, 64)]
    assert stopped(evidence(row(0), *faded)) is None
    dead = [row(step, activation_dead=(1.0, 1.0, 1.0), **WITHOUT) for step in (16, 32, 64)]
    assert stopped(evidence(row(0), *dead)) is None
    assert stopped(evidence(*(row(step, **STILL) for step in (0, 16, 32)))) is None
    # Its weights never had a gradient: without an input at first, and then because of what is behind it.
    begun = [row(step, preactivation_std=(1.2, 1.1, 0.0, 0.0), **WITHOUT) for step in (0, 8)]
    assert stopped(evidence(*begun, *(row(step, **WITHOUT) for step in (16, 32, 64)))) is None


def test_in_a_loop_of_ones_own_another_optimizer_may_have_the_other_layers(row, evidence):
    most = tuple(UNITS)[:3]
    assert frozen(evidence(row(0), row(50), units=UNITS, left_out=most)) is None
    still = [row(step, weight_update_ratio=(0.0, 0.0, 0.0, 2e-3)) for step in (0, 50)]
    assert "network.parameters()" in frozen(evidence(*still, units=UNITS, left_out=most)).remedy.code


def test_modules_in_a_list_are_told_whatever_was_learned(row, evidence):
    rows = [row(step, accuracy=0.97) for step in (0, 100, 200)]
    assert unregistered(evidence(*rows)) is None
    found = unregistered(evidence(*rows, unregistered=("blocks.0", "blocks.1")))
    assert found.name == "layers_frozen" and found.mistake and "blocks.0, blocks.1" in found.supporting[0]
    assert found.remedy.look.startswith("make blocks an nn.ModuleList")


def test_a_layer_that_the_optimizer_lacks_is_told_unless_no_gradient_comes(row, evidence):
    """As a head that was replaced after the optimizer was made."""
    still = [row(step, weight_update_ratio=(2e-3, 2e-3, 2e-3, 0.0)) for step in (0, 50)]
    found = frozen(evidence(*still, units=UNITS, left_out=("04_head.logits",)))
    assert found.points >= SEEN and "does not have all weights" in found.clause
    key = "{}/04_head.logits".format
    idle = [step | {key("weight/gradient_std"): 0.0, key("gradient/std"): 0.0} for step in still]
    assert frozen(evidence(*idle, units=UNITS, left_out=("04_head.logits",))) is None, "a head that is not used"
    cleared = [step | {key("weight/gradient_std"): 0.0} for step in still]
    assert frozen(evidence(*cleared, units=UNITS, left_out=("04_head.logits",))).points >= SEEN


def test_what_is_frozen_on_purpose_is_a_note_and_a_teacher_none(row, evidence):
    most, rows = tuple(UNITS)[:3], [row(0), row(100)]
    found = frozen(evidence(*rows, units=UNITS, frozen=most, set_aside=most))
    assert found.meant and not frozen(evidence(*rows, units=UNITS, frozen=most)).meant
    assert not frozen(evidence(*rows, units=UNITS, frozen=most, set_aside=most[:2])).meant
    assert frozen(evidence(*rows, units=UNITS, frozen=most, teachers=most)) is None
