"""Sides of maps, and the smallest image that fits, against networks that run."""

import re
from functools import partial

import pytest
import torch
from hydra.core.override_parser.overrides_parser import OverridesParser

from cnnlab.common.errors import InputError
from cnnlab.networks.convnet import ConvNet
from cnnlab.networks.map_sizes import MapSizes, smallest

NETWORKS = {
    "vgg": {"channels": [2, 2, 2], "convs_per_block": 2},
    "unpadded": {"channels": [2], "convs_per_block": 9, "padding": "valid", "pool": "none"},
    "large kernel": {"channels": [2, 2], "kernel_size": 19, "convs_per_block": 1},
    "strides": {"channels": [2, 2, 2], "kernel_size": [5, 3, 2], "stride": [3, 1, 2], "padding": "valid"},
    "early pooling": {"channels": [2, 2, 2], "padding": "valid", "pool_after": "first"},
    "poolings": {"channels": [2] * 5, "kernel_size": 1, "convs_per_block": 1, "pool": "mean"},
}


def runs(size: int, **knobs) -> bool:
    try:
        network = ConvNet((1, size, size), 3, head=[], **knobs)
    except InputError:
        return False
    return network(torch.zeros(1, 1, size, size)).shape == (1, 3)


@pytest.mark.parametrize("knobs", NETWORKS.values(), ids=NETWORKS)
def test_the_smallest_image_runs_and_one_pixel_less_is_refused_with_its_number(knobs):
    with pytest.raises(InputError) as error:
        ConvNet((1, 1, 1), 3, **knobs)
    side = int(re.search(r"dataset.size=(\d+)", str(error.value))[1])
    assert runs(side, **knobs) and not runs(side - 1, **knobs)


@pytest.mark.parametrize("knobs", NETWORKS.values(), ids=NETWORKS)
def test_each_other_change_that_is_told_runs(knobs):
    with pytest.raises(InputError) as error:
        ConvNet((1, 5, 5), 3, **knobs)
    told = re.findall(r"model\.(\w+)=(\S+?)\.?(?:\s|$)", str(error.value).splitlines()[-1])
    alone = knobs in [NETWORKS[name] for name in ("unpadded", "strides", "early pooling")]  # no single change suffices
    assert bool(told) is not alone and ("fewer layers" in str(error.value)) is alone
    for key, value in told:
        assert runs(5, **{**knobs, key: OverridesParser.create().parse_override(f"{key}={value}").value()}), (
            key,
            value,
        )


def test_of_an_oblong_image_both_sides_are_named():
    with pytest.raises(InputError, match="images of 6x30 are too small") as error:
        ConvNet((1, 6, 30), 3, channels=[2, 2, 2])
    assert "larger than the 2x8 map at the input of block3.conv1" in str(error.value)
    assert 1 <= len(str(error.value).splitlines()) <= 5


@pytest.mark.parametrize("pool_after", ["last", "first"])
@pytest.mark.parametrize("pool", [["max", "none"], ["none", "max"]])
def test_the_last_map_is_that_of_the_network(pool, pool_after):
    made = MapSizes([5, 3], [1, 2], [2, 1], pool, "valid", pool_after)
    knobs = {"kernel_size": [5, 3], "convs_per_block": [1, 2], "stride": [2, 1]}
    network = ConvNet((1, 30, 41), 3, channels=[2, 2], padding="valid", pool=pool, pool_after=pool_after, **knobs)
    assert made.last([30, 41]) == list(network.block2(network.block1(torch.zeros(1, 1, 30, 41))).shape[2:])


@pytest.mark.parametrize("least", [1, 2, 3, 100, 128, 129])
def test_smallest_is_the_first_that_fits(least):
    assert smallest(partial(int.__le__, least)) == least
