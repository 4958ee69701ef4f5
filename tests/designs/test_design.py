"""A design's totals, depth and groups against counting by hand."""

import json

import pytest
from torch import nn

from cnnlab.designs.design import design
from cnnlab.networks.convnet import ConvNet

SHAPE = (1, 8, 8)


def small(measure: bool = False):
    network = ConvNet(SHAPE, 3, channels=(2, 4), kernel_size=3, convs_per_block=(2, 1), head=(5,), norm="batch")
    return design("small", network, SHAPE, measure)


def test_the_totals_are_those_of_counting_by_hand() -> None:
    found = small()
    convolutions = [2 * 1 * 9, 2 * 2 * 9, 4 * 2 * 9]  # batch norm takes the biases' place
    norms, head = 2 * (2 + 2 + 4), (4 * 2 * 2 + 1) * 5 + (5 + 1) * 3
    assert found.parameters == sum(convolutions) + norms + head
    cells = [64, 64, 16]
    macs = sum(w * n for w, n in zip(convolutions, cells, strict=True)) + 4 * 2 * 2 * 5 + 5 * 3
    assert found.macs == macs
    # 3, 5 after block 1, 6 with its pooling; a 3x3 on pixels two apart, and a pooling of such
    assert found.receptive_field == (12, 12)


def test_activations_within_a_block_can_be_left_out() -> None:
    network = ConvNet(SHAPE, 3, channels=(2, 4), convs_per_block=(3, 1), head=(5,), activate="last")
    assert design("linear", network, SHAPE).activations == 3


def test_what_is_predicted_is_what_autograd_keeps() -> None:
    found = small(measure=True)
    assert found.measured is not None and sum(found.measured.values()) == found.saved_bytes
    assert small().measured is None


def test_the_depth_of_the_non_linearity_counts_activations_alone() -> None:
    found = small()
    assert found.activations == 4
    assert [row.name for row in found.convolutions] == ["block1.conv1", "block1.conv2", "block2.conv1"]
    linear = design("linear", nn.Sequential(nn.Conv2d(1, 2, 3), nn.Identity(), nn.Flatten()), SHAPE)
    assert (linear.activations, len(linear.convolutions)) == (0, 1)


def test_neighbours_of_one_parent_are_one_group() -> None:
    groups = [(name, [row.name.rpartition(".")[2] for row in rows]) for name, rows in small().groups()]
    assert groups == [
        ("block1", ["conv1", "norm1", "activation1", "conv2", "norm2", "activation2", "pool"]),
        ("block2", ["conv1", "norm1", "activation1", "pool"]),
        ("head", ["flatten", "fc1", "activation1", "logits"]),
    ]


def test_a_design_goes_into_json_and_back() -> None:
    read = json.loads(json.dumps(small(measure=True).as_dict()))
    assert (read["name"], read["image_shape"], read["receptive_field"]) == ("small", [1, 8, 8], [12, 12])
    assert sum(row["macs"] for row in read["rows"]) == read["macs"]
    assert sum(row["weights"] + row["biases"] for row in read["rows"]) == read["parameters"]


@pytest.mark.parametrize(("module", "kept"), [(nn.LocalResponseNorm(3), False), (nn.GroupNorm(1, 2), True)])
def test_what_no_formula_covers_is_unknown_and_the_rest_is_counted(module: nn.Module, kept: bool) -> None:
    found = design("own", nn.Sequential(nn.Conv2d(1, 2, 3, bias=False), module), SHAPE)
    assert found.receptive_field is None and (found.saved_bytes is not None) == kept
    assert found.parameters == 2 * 9 + sum(p.numel() for p in module.parameters())
    assert found.macs == 2 * 9 * 6 * 6
