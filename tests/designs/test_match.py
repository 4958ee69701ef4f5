"""The solved width or depth against trying all of them."""

import pytest
from torch import nn

from cnnlab.common.errors import InputError
from cnnlab.designs.make import Model
from cnnlab.designs.match import budget, match_field, match_width
from cnnlab.networks.convnet import ConvNet

SHAPE = (3, 16, 16)
STACKED = {"channels": [8, 16], "kernel_size": 3, "convs_per_block": 2}
SINGLE = {"channels": [8, 16], "kernel_size": 5, "convs_per_block": 1}


def model(**knobs: object) -> Model:
    return Model(knobs, lambda k: ConvNet(SHAPE, 5, **k))


@pytest.mark.parametrize("what", ["parameters", "macs", "memory"])
@pytest.mark.parametrize("factor", [0.3, 1.0, 2.7])
def test_width_is_the_nearest_of_all(what: str, factor: float) -> None:
    target = factor * budget(what, model(**STACKED).network(), SHAPE)

    def value(changes: dict) -> float:
        return budget(what, model(**SINGLE).network(changes), SHAPE)

    found = match_width(SINGLE["channels"], value, target)
    every = [value({"channels": [max(1, round(8 * s / 24)), max(1, round(16 * s / 24))]}) for s in range(1, 121)]
    assert abs(found.value - target) == min(abs(v - target) for v in every)
    assert found.value == value(found.changes)


def field(knobs: dict, changes: dict) -> float:
    return budget("receptive_field", model(**knobs).network(changes), SHAPE)


def test_field_is_matched_by_depth_first() -> None:
    # one 7x7 sees 7 pixels, so do three 3x3
    target = field({**SINGLE, "kernel_size": 7}, {})
    assert match_field(2, lambda c: field(STACKED, c), target).changes == {"convs_per_block": 3}


def test_field_is_matched_by_kernel_where_no_depth_fits() -> None:
    target = field(STACKED, {})
    found = match_field(1, lambda c: field({**SINGLE, "kernel_size": 7}, c), target)
    assert found.changes == {"kernel_size": 5}
    assert found.value == target


def test_a_list_of_depths_changes_its_last_block() -> None:
    knobs = {"channels": [2, 2], "kernel_size": 3, "convs_per_block": [1, 2], "pool": "none"}
    found = match_field([1, 2], lambda c: field(knobs, c), 13)
    assert (found.changes, found.value) == ({"convs_per_block": [1, 5]}, 13)


def test_the_nearest_depth_where_nothing_is_exact() -> None:
    knobs = {"channels": [2], "kernel_size": 5, "convs_per_block": 3, "pool": "none"}
    # depth: 1 + 4 l, kernel: 1 + 3 (k - 1), and 12 is neither
    found = match_field(3, lambda c: field(knobs, c), 12)
    assert (found.value, found.changes) == (13, {})


def test_what_the_model_refuses_ends_the_search() -> None:
    # unpadded: no kernel above 16 fits and only 7 layers of 3x3 do
    knobs = {"channels": [2], "kernel_size": 3, "convs_per_block": 1, "pool": "none", "padding": "valid"}
    assert match_field(1, lambda c: field(knobs, c), 99).changes == {"convs_per_block": 7}


def test_depth_of_1x1_kernels_changes_nothing_and_ends() -> None:
    knobs = {"channels": [2], "kernel_size": 1, "convs_per_block": 1, "pool": "none"}
    assert match_field(1, lambda c: field(knobs, c), 5).changes == {"kernel_size": 5}


def test_unknown_budgets_are_refused() -> None:
    with pytest.raises(InputError, match="match=memory is known only"):
        budget("memory", nn.Sequential(nn.LocalResponseNorm(3)), SHAPE)
    with pytest.raises(InputError, match="match=receptive_field"):
        budget("receptive_field", nn.Sequential(nn.LocalResponseNorm(3)), SHAPE)
