"""A run's logged steps: sorted by statistic and layer, finite or not, first, last and recent; its updates and rate."""

from math import nan

import pytest

FIRST, SECOND = "01_block1.conv1", "02_head.logits"


def test_the_first_updates_of_weights_that_began_at_zero_do_not_count(row, evidence):
    """The update of 0 to u is 100 % of u, after which weights are measured; it is no matter of the learning rate."""
    zero = {"weight_distinct": (nan, nan, 0.9, 0.9), "weight_std": (0.0, 0.0, 0.1, 0.1)}
    first = row(0, **zero, weight_update_ratio=(nan, nan, 1.0, 1.0), preactivation_std=(0.0, 0.0, 0.0, 1.0))
    run = evidence(first, row(1, weight_update_ratio=(1.0, 1.0, 0.9, 0.2)))
    assert [ratio for _, ratio in run.ratios] == [1.0, 0.2]  # of the last layer, whose weights were not zero


def test_the_last_measurement_is_the_last_finite_one_or_else_the_first(row, evidence):
    broken = row(30, loss=nan)
    run = evidence(row(0), row(20), broken, {"step": 40, "train/epoch_loss": 1.0})
    assert [m.step for m in run.measured] == [0, 20, 30] and run.steps == 40
    assert (run.first.step, run.last.step) == (0, 20)
    assert evidence(broken).last.step == evidence(broken).first.step == 30
    assert evidence({"step": 1, "train/loss": 2.0}).first is None


@pytest.mark.parametrize(
    "losses, step",
    [([9, 1, 1], 0), ([1, 9, 9], 1), ([1, 9, 1, 9, 9], 3), ([1, 1, 1], None), ([1, 9, 1], None), ([1, 9, nan], 1)],
)
def test_what_is_wrong_at_the_end_is_shown_since_when_it_is(row, evidence, losses, step):
    run = evidence(*(row(i, loss=loss) for i, loss in enumerate(losses)))
    shown = run.shown(lambda record: record.loss > 5)
    assert (shown and shown.step) == step


def test_recent_is_the_last_epoch_or_the_mean_of_the_last_five_batches(evidence):
    batches = [{"step": i, "train/loss": float(i)} for i in range(8)]
    assert evidence(*batches).recent("train/loss") == (3 + 4 + 5 + 6 + 7) / 5
    assert evidence(*batches[:2]).recent("train/loss") == 0.5
    epochs = [{"step": 4, "train/epoch_loss": 2.5}, {"step": 8, "train/epoch_loss": 1.5}]
    assert evidence(*batches, *epochs).recent("train/loss") == 1.5
    assert evidence().recent("train/loss") != evidence().recent("train/loss")


def test_steps_are_those_done(evidence):
    assert evidence({"step": 99, "train/loss": 1.0}).steps == 100, "a measured step is logged before its update"
    assert evidence({"step": 99, "train/loss": 1.0}, {"step": 120, "train/epoch_loss": 1.0}).steps == 120
    assert evidence({"step": 0, "train/loss": 1.0}, planned_steps=0).steps == 0
    assert evidence({"step": 500, "check/baseline": 0.9}).steps == 0


def test_a_rate_has_stopped_beside_the_most_that_was_reached(evidence):
    """A Noam schedule multiplies a rate of 1 that it never comes near."""
    noam = [64**-0.5 * min((step + 1) ** -0.5, (step + 1) * 100**-1.5) for step in range(40_000)]
    rows = [{"step": step, "optimizer/lr": noam[step], "train/loss": 1.0} for step in range(0, 40_000, 100)]
    run = evidence(*rows, {"step": 40_000, "train/epoch_loss": 1.0}, learning_rate=1.0, planned_steps=40_000)
    assert noam[-1] < 1e-3 < max(noam) < 0.0126 and run.stopped_from is None
    assert run.peak_rate == pytest.approx(max(noam), rel=0.01)
    assert evidence(*rows[:1], learning_rate=1.0).peak_rate == evidence(learning_rate=1.0).peak_rate == 1.0
    assert evidence(*rows, learning_rate=0.0126).peak_rate == 0.0126, "which was between two measured steps"
    never = [row | {"optimizer/lr": 0.0} for row in rows]
    assert evidence(*never, learning_rate=1.0, planned_steps=39_901).stopped_from is None
    ended = [row | {"optimizer/lr": 1e-3 if row["step"] < 5000 else 0.0} for row in rows]
    assert evidence(*ended, learning_rate=1.0, planned_steps=39_901).stopped_from == 5000


def test_layers_that_moved(row, evidence):
    run = evidence(row(0, weight_update_ratio=(0.0, 0.1, nan, 0.0)), row(1, weight_update_ratio=(0.0, 0.0, 0.0, 0.1)))
    assert run.moved == {"02_block2.conv1", "04_head.logits"}


def test_the_learning_rate_is_a_share_of_its_peak(evidence):
    rows = [{"step": step, "optimizer/lr": lr} for step, lr in ((0, 0.01), (5, 0.1))]
    assert evidence(*rows, learning_rate=0.1).rate_shares == [(0, pytest.approx(0.1)), (5, 1.0)]
    assert evidence(*rows, learning_rate=None).rate_shares == []
