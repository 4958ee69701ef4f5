"""Verdicts by hand."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from cnnlab.claims.claim import Claim
from cnnlab.claims.compared import Comparison
from cnnlab.claims.decision import holm
from cnnlab.claims.verdict import Verdict

HE = Claim("He suits relu.", ("test/accuracy",), ("xavier",), ("he",), margin=0.01, guess="holds")


@pytest.fixture(scope="session")
def comparison() -> Callable[..., Comparison]:
    """comparison(outcome, value, half, **changes): he against xavier, value +- half."""

    def comparison(outcome: str = "holds", value: float = 0.05, half: float | None = 0.01, **changes) -> Comparison:
        interval = None if half is None else (value - half, value + half)
        found = Comparison("test/accuracy", "he", "xavier", n=6, left=0.9 + value, right=0.9, value=value, margin=0.01)
        return replace(found, interval=interval, outcome=outcome, p=None if half is None else 1e-6, **changes)

    return comparison


@pytest.fixture(scope="session")
def verdict(comparison) -> Callable[..., Verdict]:
    """verdict(*comparisons, **changes to the claim); of 22 layers, and of 8, without comparisons."""

    def verdict(*found: Comparison, **changes) -> Verdict:
        usual = (
            comparison("no difference that matters", 0.001, 0.004, place="8 layers"),
            comparison("holds", 0.835, 0.006, place="22 layers"),
        )
        adjusted = tuple(holm(found or usual))
        return Verdict(replace(HE, **changes), adjusted, sum(each.p is not None for each in adjusted))

    return verdict
