"""Of runs of one design, few pairs of groups are called different; of two designs mixed, the power is seen."""

from pathlib import Path

import numpy as np

from cnnlab.claims.false_verdicts import false_verdicts
from cnnlab.claims.run_record import RunRecord


def runs(values):
    return [
        RunRecord(
            str(i), Path(str(i)), seed=str(i), status={"status": "completed"}, results={"test/accuracy": float(v)}
        )
        for i, v in enumerate(values)
    ]


def test_the_rate_is_what_the_intervals_allow():
    """5 % of 400 draws is 20, with a standard deviation of 4.4; draws from the same 60 runs are not independent."""
    wrong = false_verdicts(runs(np.random.default_rng(2).normal(0.9, 0.01, 60)), group=6, draws=400)
    assert 2 <= wrong <= 36


def test_groups_are_disjoint():
    """With twelve runs of which six are far better, a draw is nearly always a mixture, and never shares a run."""
    wrong = false_verdicts(runs([0.9 + i / 1000 for i in range(6)] + [0.5 + i / 1000 for i in range(6)]), 6, 50)
    assert wrong < 10
