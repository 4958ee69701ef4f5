import pytest
import torch
from torch import nn

from cnnlab.common.errors import NotApplicable
from cnnlab.theory.maps import HERE
from cnnlab.theory.reading import read_graph
from cnnlab.theory.tracked import affordable, gradient_plan, pairs_of_positions, plan_of

IMAGES = torch.zeros(1, 1, 9, 9)


def _graph(*pooling: nn.Module):
    network = nn.Sequential(nn.Conv2d(1, 2, 3, stride=2), nn.ReLU(), *pooling, nn.Flatten(), nn.LazyLinear(3))
    network(IMAGES)
    return read_graph(network, (1, 9, 9))


def test_without_pooling_every_position_is_on_its_own():
    graph = _graph()
    assert set(plan_of(graph, IMAGES, {})) == {(HERE,)}
    assert pairs_of_positions(graph, IMAGES) == 4 * 4 + 1


def test_a_pooling_needs_the_pairs_within_its_windows_and_strides_lengthen_them():
    image, convolution, *_ = plan_of(_graph(nn.AvgPool2d(2)), IMAGES, {})
    assert set(convolution) == {HERE, (0, 1), (1, 0), (1, 1), (1, -1)}
    assert set(image) == {HERE, (0, 2), (2, 0), (2, 2), (2, -2)}


def test_windows_that_overlap_need_those_within_them():
    _, convolution, *_ = plan_of(_graph(nn.MaxPool2d(3, 1)), IMAGES, {})
    assert len(convolution) == 13 and (2, -2) in convolution


def test_gradients_need_what_windows_that_share_cells_pass_on():
    assert set(gradient_plan(_graph(nn.MaxPool2d(2)))) == {(HERE,)}
    network = nn.Sequential(nn.Conv2d(1, 2, 3), nn.AvgPool2d(3, 1, 1), nn.Conv2d(2, 2, 3, stride=2), nn.ReLU())
    network.extend([nn.AvgPool2d(3, 1, 1), nn.Flatten(), nn.LazyLinear(3)])
    network(IMAGES)
    graph = read_graph(network, (1, 9, 9))
    first, pool, second, relu, last, _ = gradient_plan(graph)
    assert first == (HERE,) and len(pool) == 13 and (2, -2) in pool
    assert set(second) == set(relu) == {HERE, (0, 1), (1, 0), (1, 1), (1, -1)}  # two positions of the map below apart
    assert {(2, 2), (0, 2)} < set(last)
    assert set(relu) <= set(plan_of(graph, IMAGES, {})[3]), "the slopes' correlation needs that of the signal"


def test_a_global_average_needs_all_pairs_unless_its_factor_is_known():
    graph = _graph(nn.AdaptiveAvgPool2d(1))
    average = next(i for i, node in enumerate(graph.nodes) if getattr(node, "whole", False))
    assert len(plan_of(graph, IMAGES, {})[1]) == (7 * 7 + 1) // 2
    assert plan_of(graph, IMAGES, {average: 0.3})[1] == (HERE,)


def test_too_many_pairs_are_refused_and_many_cost_images():
    graph = _graph()

    def plan(steps: int):
        return [(HERE,) * steps] * (len(graph.nodes) + 1)

    assert affordable(graph, plan(1), 8) == 8
    assert affordable(graph, plan(50_000), 8) == 2, "of 4 x 4 positions"
    with pytest.raises(NotApplicable, match="too many pairs"):
        affordable(graph, plan(1_000_000), 8)
