"""Slopes of power laws, and the best point of a grid."""

import math

import pytest

from cnnlab.claims.slope import best_of, log_slope


def test_a_power_law_has_its_exponent():
    assert log_slope({x: 3 * x**-1.5 for x in (4, 8, 22)}) == pytest.approx(-1.5)


def test_no_slope_where_there_is_no_logarithm():
    assert math.isnan(log_slope({4: 1.0}))
    assert math.isnan(log_slope({4: 1.0, 8: 0.0}))
    assert math.isnan(log_slope({4: 1.0, 8: math.nan}))


def test_the_vertex_of_a_parabola_between_the_points_of_the_grid():
    grid = [0.01, 0.03, 0.1, 0.3]
    scores = {x: 0.9 - 0.2 * (math.log(x) - math.log(0.04)) ** 2 for x in grid}
    assert best_of(scores, 1) == pytest.approx(0.04)
    assert best_of({x: -score for x, score in scores.items()}, -1) == pytest.approx(0.04)


def test_at_an_end_of_the_grid_the_best_is_not_known():
    assert best_of({0.01: 0.9, 0.03: 0.8, 0.1: 0.1}, 1) is None
    assert best_of({0.01: 0.1, 0.03: 0.8, 0.1: 0.9}, 1) is None


def test_beside_a_diverged_run_the_best_point_itself():
    assert best_of({0.01: 2.0, 0.03: 1.0, 0.1: math.nan}, -1) == 0.03
    assert best_of({0.01: math.nan, 0.03: math.nan, 0.1: math.nan}, -1) is None
