"""The learning rate as a cause."""

from math import nan

import pytest
import torch
from torch.nn import functional as F

from cnnlab.diagnosis.causes.starting_weights import too_large as weights_too_large
from cnnlab.diagnosis.causes.step_size import loss_multiplied, too_large, too_small, usual
from cnnlab.diagnosis.finding import SEEN


def test_a_usual_rate_is_no_cause(row, evidence):
    run = evidence(row(0), row(100), row(200), learning_rate=0.02)
    assert too_large(run) is None and too_small(run) is None


def test_usual_rates_go_by_the_optimizer(row, evidence):
    assert usual(evidence(row(0), optimizer="adamw"))[1] < usual(evidence(row(0), optimizer="sgd"))[1]
    assert usual(evidence(row(0), optimizer="SomethingNew")) == (None, None)


def test_too_large(row, evidence):
    rows = [row(0, loss=2.3, weight_update_ratio=(0.9,) * 4), row(1, loss=80.0), row(2, loss=nan)]
    found = too_large(evidence(*rows, learning_rate=5.0))
    assert found.name == "learning_rate_too_large" and found.points > 9
    assert any("rises from 2.3 to 80" in clue for clue in found.supporting)


def test_too_small(row, evidence):
    rows = [row(step, accuracy=0.1, weight_update_ratio=(1e-6,) * 4) for step in (0, 100, 200)]
    found = too_small(evidence(*rows, learning_rate=1e-5))
    assert found.points >= 9 and found.remedy.override == "optimizer.lr=0.02"  # in the middle of what is usual
    tested = too_small(evidence(*rows, {"step": 201, "check/best_rate": 0.013}, learning_rate=1e-5))
    assert tested.points > found.points and tested.remedy.override == "optimizer.lr=0.01"


@pytest.mark.parametrize(("best", "less"), [(0.02, True), (1.0, False)])
def test_a_range_test_speaks_for_or_against(row, evidence, best, less):
    rows = [row(step, accuracy=0.1, weight_update_ratio=(5e-4,) * 4) for step in (0, 100, 200)]
    without = too_small(evidence(*rows, learning_rate=0.02)).points
    tried = too_small(evidence(*rows, {"step": 201, "check/best_rate": best}, learning_rate=0.02)).points
    assert (tried < without) == less


def test_a_range_test_is_too_short_for_adadelta(row, evidence):
    small = row(0, weight_update_ratio=(1e-6,) * 4), row(200, weight_update_ratio=(1e-6,) * 4)
    run = evidence(*small, {"step": 200, "check/best_rate": 0.01}, optimizer="adadelta", learning_rate=1e-3)
    assert too_small(run).remedy.override == "optimizer.lr=0.5"


def test_an_infinity_after_calm_steps_speaks_against_a_rate_that_is_too_large(row, evidence):
    broken = row(32, loss=float("nan"), preactivation_nonfinite=(5.0,) * 4)
    grown = row(16, preactivation_largest=(5.0, 5.0, 5.0, 1e6))
    assert too_large(evidence(row(0), grown, broken)).points > 0
    assert too_large(evidence(row(0), row(16), broken)) is None


def test_an_optimizer_that_does_not_step_has_no_small_rate(row, evidence):
    assert too_small(evidence(row(0), *(row(step, weight_update_ratio=(0.0,) * 4) for step in (50, 150)))) is None


def test_a_rate_that_is_too_large_is_never_answered_with_a_larger_one(row, evidence):
    rows = [row(0, weight_update_ratio=(0.9,) * 4), {"step": 150, "check/best_rate": 0.3}]
    assert too_large(evidence(*rows, learning_rate=0.1)).remedy.override == "optimizer.lr=0.001"
    assert too_large(evidence(*rows, learning_rate=1.0)).remedy.override == "optimizer.lr=0.2"
    assert too_large(evidence(*rows, learning_rate=0.2)).remedy.override != "optimizer.lr=0.2"  # as it is set


def test_adagrad_has_rates_of_its_own_and_adadelta_starts_by_its_eps(row, evidence):
    assert usual(evidence(row(0), optimizer="Adagrad"))[1] > usual(evidence(row(0), optimizer="Adam"))[1]
    still = [row(step, weight_update_ratio=(1e-6,) * 4) for step in (0, 150)]
    slow = too_small(evidence(*still, optimizer="Adadelta", learning_rate=1.0, update={"eps": 1e-14}))
    assert slow.remedy.override == "optimizer.eps=1e-06"


@pytest.mark.parametrize(("reduction", "multiplied"), [("sum", True), ("mean", False)])
def test_a_loss_that_is_summed_is_more_than_any_mean_of_such_outputs(row, evidence, reduction, multiplied):
    logits = torch.randn(64, 10, generator=torch.Generator().manual_seed(0))
    wrong = F.cross_entropy(logits, logits.argmin(1), reduction=reduction).item()  # the largest there can be
    outputs = {"output/lowest": logits.min().item(), "output/highest": logits.max().item()}
    rows = [row(step, loss=wrong, accuracy=0.1) | outputs for step in (0, 100, 200)]
    assert bool(loss_multiplied(evidence(*rows))) is multiplied
    assert not loss_multiplied(evidence(*rows, settings={})), "a run has the mean"
    found = too_large(evidence(*rows))
    assert (found is not None and "reduction" in found.remedy.code) is multiplied
    assert found is None or found.seen < SEEN
    assert not any("the first loss" in clue for clue in weights_too_large(evidence(*rows)).supporting)


def test_where_no_rate_and_no_reference_learns_the_rate_is_not_too_large(row, evidence):
    """A network that feeds its own outputs back: it explodes at any rate."""
    dead = {"activation_dead": (0.0, 0.95, 0.1), "preactivation_nonfinite": (0.0,) * 4}
    rows = [row(0), row(16, **dead), {"step": 20, "train/loss": float("nan")}]

    def found(**checks: float) -> bool:
        tried = {"step": 20} | {f"check/{key}": value for key, value in checks.items()}
        return too_large(evidence(*rows, tried)).points > 0

    assert found() and found(best_rate=0.0, reference=1.0)
    assert not found(best_rate=0.0, reference=0.3, reference_unfinished=0.0)
    assert found(best_rate=0.0, reference=0.3, reference_unfinished=1.0), "a hundred steps are too few to tell"


def test_several_rates_keep_their_ratio(row, evidence):
    rows = [row(step, accuracy=0.1, weight_update_ratio=(1e-6,) * 4) for step in (0, 100, 200)]
    found = too_small(evidence(*rows, learning_rate=1e-5, slower=("01_block1.conv1",)))
    assert found.remedy.code == 'for group in optimizer.param_groups: group["lr"] *= 10'
    run = too_small(evidence(*rows, learning_rate=1e-5, slower=("01_block1.conv1",), settings={"optimizer.lr": 1e-5}))
    assert run.remedy.override == "optimizer.lr=0.02"


def test_lbfgs_s_many_steps_in_one_are_no_large_one(row, evidence):
    rows = [row(step, weight_update_ratio=(0.85,) * 4) for step in (0, 50, 100)]
    assert too_large(evidence(*rows)) is not None
    assert too_large(evidence(*rows, optimizer="LBFGS", update={"max_iter": 20.0}, learning_rate=1.0)) is None


def test_a_loss_divided_by_the_batch_size_once_more(row, evidence):
    rows = [row(step, accuracy=0.4) for step in (0, 50, 100)]
    share = {"step": 100, "check/loss_share": 1 / 32}
    found = too_small(evidence(*rows, share, batch_size=32, learning_rate=0.05))
    assert found.seen >= SEEN and "mean over the batch once" in found.remedy.code
    assert "1/32 of the mean cross entropy" in found.supporting[0]
    for unlike in ({"batch_size": 64}, {"batch_size": None}, {"batch_size": 32, "optimizer": "Adam"}):
        assert too_small(evidence(*rows, share, **{"learning_rate": 0.05, **unlike})) is None, "Adam divides it out"
