"""What the process that draws gets from one that does not: histograms of the whole batch."""

import torch
from torch import nn

from cnnlab.telemetry import histograms
from cnnlab.telemetry.probe import Probe
from cnnlab.training.observers.beside import Beside

X = torch.randn(8, 2, generator=torch.Generator().manual_seed(0))


def _network() -> nn.Module:
    network = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 2))
    with torch.no_grad():
        for i, parameter in enumerate(network.parameters()):
            parameter.copy_(torch.linspace(-1, 1 + i, parameter.numel()).view(parameter.shape))
    return network


def _watched(ranks, x):
    network = _network()
    plain, _ = ranks.wrapped(network, False)
    beside = Beside(network, 9, None, ranks)
    probe = Probe(network, histograms.STATISTICS, None, ranks.rows)
    twice = torch.tensor(2.0)  # each loss is the mean over half the batch
    watch = beside.watch(0, twice) if ranks.rank else probe.watch(twice)
    with watch, beside.watch(3, None):  # 3: nothing is drawn
        plain(x[4 * ranks.rank : 4 * ranks.rank + 4]).square().mean().backward()
    return {key: value for key, value in probe.values.items()}, [step for step in range(9) if beside.due(step)]


def test_the_one_that_draws_has_the_rows_of_both(by_two):
    (found, steps), _ = by_two(_watched, X)
    assert steps == [0, 1, 2, 4, 8]
    network = _network()
    probe = Probe(network, histograms.STATISTICS)
    with probe.watch():
        network(X).square().mean().backward()
    whole, both = histograms.read(probe.values), histograms.read(found)
    assert whole.keys() == both.keys() and any(key.startswith("gradient") for key in whole)
    for key in whole:
        assert sum(both[key].counts) == sum(whole[key].counts), key
        torch.testing.assert_close(torch.tensor(both[key].edges), torch.tensor(whole[key].edges))
