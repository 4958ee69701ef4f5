"""Histograms: numpy's counts over the data's own range, whatever it is, and the share that is no number."""

import math

import numpy as np
import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from torch.utils.tensorboard import SummaryWriter

from cnnlab.networks.convnet import ConvNet
from cnnlab.telemetry import histograms as h
from cnnlab.telemetry.probe import Probe


def _one(x: torch.Tensor) -> h.Histogram:
    return h.read({"x": h.measure(x)})["x"]


@pytest.mark.parametrize(("scale", "shift"), [(1.0, 0.0), (1e-30, 0.0), (1e30, 0.0), (1.0, 500.0), (1e-3, -7.0)])
def test_counts_equal_numpy(scale, shift):
    x = torch.randn(3, 5, 40) * scale + shift
    found, (counts, edges) = _one(x), np.histogram(x.double().numpy(), bins=h.BINS)
    assert found.edges == pytest.approx(edges.tolist(), rel=1e-12)
    # A value within rounding of an edge may fall to either side of it.
    assert np.abs(np.array(found.counts) - counts).sum() <= 2 and sum(found.counts) == 600
    assert found.total == pytest.approx(x.double().sum().item(), rel=1e-9, abs=1e-9 * scale)
    assert found.squares == pytest.approx(x.double().square().sum().item(), rel=1e-9)
    assert found.nonfinite == 0


def test_the_whole_range_of_float32_and_its_smallest_values():
    whole = _one(torch.tensor([-3.4e38, 0.0, 3.4e38]))
    assert (whole.counts[0], whole.counts[20], whole.counts[-1]) == (1, 1, 1)
    tiny = _one(torch.tensor([0.0, 1e-45, 1e-43]))
    assert sum(tiny.counts) == 3 and tiny.counts[-1] == 1


def test_numbers_that_are_none_are_left_out_and_counted():
    x = torch.tensor([math.nan, math.inf, -math.inf, 1.0, 2.0, 2.0, 3.0, 4.0])
    found, clean = _one(x), _one(x[3:])
    assert found.counts == clean.counts and found.edges == clean.edges and found.total == 12
    assert found.nonfinite == 3 / 8
    assert (
        "| a | 37.5 % |" in h.note({"a": found, "b": clean})
        and "b" not in h.note({"a": found, "b": clean}).split("---")[-1]
    )
    assert h.note({"b": clean}) == ""


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_nothing_finite_has_no_counts(value):
    found = _one(torch.full((4, 4), value))
    assert found.counts == [] and found.nonfinite == 1


@pytest.mark.parametrize("value", [0.0, 3.0, -2e-20])
def test_one_value_has_one_bin_around_it(value):
    found = _one(torch.full((7,), value))
    assert found.counts == [7] and found.edges[0] < value < found.edges[1]


def test_a_probe_measures_activations_gradients_and_weights_of_every_layer():
    torch.manual_seed(0)
    net, x = ConvNet((1, 8, 8), 3, channels=(4,), head=(5,)), torch.randn(6, 1, 8, 8)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    probe = Probe(net, h.STATISTICS)
    kept = {}
    net.block1.activation1.register_forward_hook(lambda module, inputs, output: kept.update(activation=output.detach()))
    with probe.watch():
        torch.nn.functional.cross_entropy(net(x), torch.arange(6) % 3).backward()
        optimizer.step()
    found = h.read(probe.values)
    assert {key.split("/")[0] for key in found} == {"activation", "gradient", "weight"}
    expected = np.histogram(kept["activation"].double().numpy(), bins=h.BINS)[0]
    assert np.abs(np.array(found["activation/histogram/01_block1.conv1"].counts) - expected).sum() <= 2
    assert sum(found["weight/histogram/01_block1.conv1"].counts) == 4 * 9
    assert sum(found["gradient/histogram/04_head.logits"].counts) == 18


def test_tensorboard_takes_it(tmp_path):
    with SummaryWriter(str(tmp_path)) as writer:
        writer.add_histogram_raw("weights", **_one(torch.tensor([1.0, 2.0, 2.0, math.nan])).raw(), global_step=3)
    events = EventAccumulator(str(tmp_path)).Reload()
    [event] = events.Histograms("weights")
    assert event.step == 3 and sum(event.histogram_value.bucket) == 3 and event.histogram_value.max == 2


def test_reading_nothing():
    assert h.read({}) == {}
