from torch import nn

from cnnlab.networks.modules.moments import LINEAR
from cnnlab.networks.modules.windows import Window
from cnnlab.theory.graph import Pool
from cnnlab.theory.reading import read_graph


def test_a_maximum_is_one_of_activations():
    pools = [Pool((0,), 4, (1, 1), Window((2, 2), (2, 2)), takes, LINEAR, True, False) for takes in ("max", "mean")]
    assert [pool.largest for pool in pools] == [True, False]


def test_nodes_come_after_what_feeds_them_and_the_logits_last():
    network = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(18, 3))
    graph = read_graph(network, (1, 8, 8))
    assert all(earlier < place for place, node in enumerate(graph.nodes) for earlier in node.inputs)
    assert [layer.weights for layer in graph.layers.values()] == [0, len(graph.nodes) - 1]
