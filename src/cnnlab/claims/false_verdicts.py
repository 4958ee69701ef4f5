"""How often a claim is called right that is not: of groups drawn from runs of one design, neither is better."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from cnnlab.claims.claim import Claim
from cnnlab.claims.experiment import Experiment
from cnnlab.claims.run_record import RunRecord
from cnnlab.claims.verdict import judge

# By however little: a larger smallest difference that matters makes false verdicts rarer.
CLAIMS = [
    Claim("It is better.", keys=("test/accuracy",), arms=(arm,), than=(other,), margin=1e-9)
    for arm, other in (("first", "second"), ("second", "first"))
]


def false_verdicts(runs: Sequence[RunRecord], group: int, draws: int) -> int:
    """In how many of `draws` draws of two disjoint groups of `group` runs "the first is better" or "the second is
    better" holds; by their intervals, 5 % may."""
    chance = np.random.default_rng(0)
    wrong = 0
    for _ in range(draws):
        drawn = [runs[i] for i in chance.choice(len(runs), 2 * group, replace=False)]
        arms = [replace(run, labels={"arm": "first" if i < group else "second"}) for i, run in enumerate(drawn)]
        experiment = Experiment((), (), tuple(arms), ("arm",))
        wrong += any(judge(claim, experiment).word == "holds" for claim in CLAIMS)
    return wrong
