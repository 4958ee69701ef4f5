"""Exact probabilities against all ways to deal out the right answers, counted."""

from itertools import combinations
from math import comb

import pytest

from cnnlab.diagnosis.chance import at_least, differ


@pytest.mark.parametrize(("right", "images", "share"), [(0, 5, 0.3), (5, 5, 0.3), (3, 12, 0.1), (18, 18, 1 / 3)])
def test_the_chance_of_guessing_as_well(right, images, share):
    ways = (comb(images, k) * share**k * (1 - share) ** (images - k) for k in range(right, images + 1))
    assert at_least(right, images, share) == pytest.approx(sum(ways))


@pytest.mark.parametrize(("one", "other"), [((18, 18), (60, 90)), ((3, 12), (95, 100)), ((0, 5), (7, 8))])
def test_the_chance_of_so_different_samples(one, other):
    (right, images), (others_right, others) = one, other
    total = right + others_right

    def ways(k: int) -> int:
        return comb(images, k) * comb(others, total - k) if 0 <= total - k <= others else 0

    further = range(right + 1, images + 1) if right / images >= others_right / others else range(right)
    expected = (ways(right) / 2 + sum(map(ways, further))) / comb(images + others, total)
    assert differ(one, other) == pytest.approx(expected) == differ(other, one)


def test_small_samples_against_every_way_to_deal():
    """Four of four right, and two of five: of the nine images six are right, whichever they are."""
    ways = [len({0, 1, 2, 3} & {*right}) for right in combinations(range(9), 6)]
    assert differ((4, 4), (2, 5)) == pytest.approx(ways.count(4) / len(ways) / 2)


def test_equal_samples_and_large_ones():
    assert differ((5, 10), (50, 100)) > 0.3
    assert differ((20, 20), (500_000, 1_000_000)) == pytest.approx(0.5**21, rel=1e-3)
