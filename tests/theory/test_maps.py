"""Maps and their neighbours against plain loops over positions."""

import pytest
import torch

from cnnlab.theory.maps import HERE, MomentMaps, inside, kept, of_images, partners, shifted

STEPS = [HERE, (1, 0), (0, 1), (2, -1), (1, 3), (-1, 0), (-2, 2), (3, 0), (0, -4), (-5, 7)]
EVERY_STEP = [(down, right) for down in range(-3, 4) for right in range(-4, 5)]


def naive_shifted(rows: list[list[float]], step: tuple[int, int]) -> list[list[float]]:
    height, width = len(rows), len(rows[0])
    found = [[0.0] * width for _ in rows]
    for y in range(height):
        for x in range(width):
            if 0 <= y + step[0] < height and 0 <= x + step[1] < width:
                found[y][x] = rows[y + step[0]][x + step[1]]
    return found


@pytest.mark.parametrize("step", STEPS)
def test_shifted_looks_a_step_away_and_finds_0_outside(step):
    maps = torch.rand(2, 2, 3, 4) + 1
    expected = [[naive_shifted(rows, step) for rows in image] for image in maps.tolist()]
    assert shifted(maps, step).tolist() == expected


def test_partners_stand_in_the_order_of_the_steps():
    maps = torch.rand(2, 3, 4)
    found = partners(maps, ((0, 1), HERE, (2, -1)))
    for image, rows in zip(found.tolist(), maps.tolist(), strict=True):
        assert image == [naive_shifted(rows, step) for step in ((0, 1), HERE, (2, -1))]


def test_inside_marks_the_positions_whose_partner_lies_on_the_map():
    steps = (HERE, (1, -1), (0, 3))
    marked = inside((3, 4), steps)
    for i, (down, right) in enumerate(steps):
        pairs = {(y, x) for y in range(3) for x in range(4) if 0 <= y + down < 3 and 0 <= x + right < 4}
        assert {(y, x) for y, x in marked[i].nonzero().tolist()} == pairs
        assert float(marked[i].sum()) == len(pairs)


@pytest.mark.parametrize("size", [(3, 4), (1, 3), (2, 1), (1, 1)])
def test_of_a_step_and_its_opposite_one_is_kept_if_it_fits(size):
    found = kept(EVERY_STEP, size)
    fitting = [step for step in EVERY_STEP if abs(step[0]) < size[0] and abs(step[1]) < size[1]]
    assert found[0] == HERE and len(set(found)) == len(found) == (len(fitting) + 1) // 2
    assert all(step in found or (-step[0], -step[1]) in found for step in fitting)
    assert all(down > 0 or (down == 0 and right >= 0) for down, right in found)


def test_the_position_itself_is_kept_unasked():
    assert kept([(0, -1)], (2, 2)) == (HERE, (0, 1))
    assert kept([], (2, 2)) == (HERE,)


@pytest.fixture
def field() -> tuple[torch.Tensor, MomentMaps]:
    images = torch.randn(2, 3, 3, 4, dtype=torch.float64)
    return images, of_images(images, kept(EVERY_STEP, (3, 4)))


def test_images_have_the_means_of_their_channels(field):
    images, found = field
    assert found.size == (3, 4)
    for n in range(2):
        for y in range(3):
            for x in range(4):
                channels = [float(images[n, c, y, x]) for c in range(3)]
                assert found.mean[n, y, x].item() == pytest.approx(sum(channels) / 3)
                assert found.square[n, y, x].item() == pytest.approx(sum(v * v for v in channels) / 3)


@pytest.mark.parametrize("step", [(1, 0), (-1, 0), (1, -2), (-1, 2), (0, -3), (2, 3)])
def test_a_pair_is_the_mean_product_and_known_in_both_directions(field, step):
    images, found = field
    for n in range(2):
        channels = images[n].tolist()
        away = [naive_shifted(rows, step) for rows in channels]
        for y in range(3):
            for x in range(4):
                product = sum(channels[c][y][x] * away[c][y][x] for c in range(3)) / 3
                assert found.pair(step)[n, y, x].item() == pytest.approx(product)


def test_a_step_that_is_not_kept_is_no_silent_zero(field):
    few = field[1].at((HERE, (1, 0)))
    for ask in (few.pair, lambda step: few.both_ways().stacked([step])):
        with pytest.raises((ValueError, KeyError)):
            ask((0, 1))


def test_steps_that_leave_the_map_have_no_partner(field):
    steps = [(1, -2), HERE, (-1, 2), (7, 0), (0, -3)]
    stacked = field[1].both_ways().stacked(steps)
    for place, step in enumerate(steps):
        assert torch.equal(stacked[:, place], field[1].pair(step))
    assert not field[1].pair((7, 0)).any()
