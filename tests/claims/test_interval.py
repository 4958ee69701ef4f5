"""Intervals of a textbook example."""

import pytest

from cnnlab.claims.interval import of_two, of_values

# Hours of sleep gained with two drugs by ten patients: Student 1908, as in R's `sleep`.
FIRST = [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0]
SECOND = [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4]


def test_welch_s_interval_is_that_of_a_textbook_example():
    """R's manual, t.test(extra ~ group, data = sleep): 95 % -3.3654832 to 0.2054832, df 17.776."""
    estimate = of_two(FIRST, SECOND)
    assert estimate.interval(0.05) == pytest.approx((-3.3654832, 0.2054832), abs=5e-8)
    assert estimate.freedom == pytest.approx(17.776, abs=5e-4)
    assert estimate.p_below(0) == pytest.approx(0.07939, abs=5e-6)


def test_the_interval_of_pairs_is_that_of_the_same_example():
    estimate = of_values([a - b for a, b in zip(FIRST, SECOND, strict=True)])
    assert estimate.interval(0.05) == pytest.approx((-2.4598858, -0.7001142), abs=5e-8)
