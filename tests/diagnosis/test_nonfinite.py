"""The first NaN: layer, direction, producer or propagator, step, last healthy step."""

from math import inf, nan

import pytest
import torch
from torch import nn

from cnnlab.diagnosis.evidence import Context
from cnnlab.diagnosis.nonfinite import nonfinite, sudden
from cnnlab.telemetry.probe import Probe


def test_finite_runs_say_nothing(row, evidence):
    assert nonfinite(evidence(row(0), row(1))) == []


def test_a_forward_producer_and_its_propagators(row, evidence):
    broken = row(
        40, loss=nan, preactivation_nonfinite=(0.0, 12.0, 64.0, 10.0), gradient_nonfinite=(9.0,) * 4,
        activation_largest=(1e30, inf, nan),
    )  # fmt: skip
    [found] = nonfinite(evidence(row(0), row(30), broken))
    expected = {
        "layer": "02_block2.conv1",
        "direction": "forward",
        "role": "producer",
        "step": 40,
        "last_healthy_step": 30,
    }
    assert found.numbers == expected
    assert "from inputs of at most 1.0e+30 in size" in found.sentence and "2 later layers" in found.sentence


def test_a_backward_producer(row, evidence):
    [found] = nonfinite(evidence(row(0), row(40, gradient_nonfinite=(5.0, 3.0, 0.0, 0.0))))
    assert (found.numbers["layer"], found.numbers["direction"]) == ("02_block2.conv1", "backward")
    assert "1 earlier layer passes it on" in found.sentence


def test_the_loss_itself(row, evidence):
    [found] = nonfinite(evidence(row(0), row(40, loss=inf, gradient_nonfinite=(5.0,) * 4)))
    assert found.numbers["layer"] == "loss" and found.numbers["role"] == "producer"


def test_ruined_weights_make_the_first_layer_a_propagator(row, evidence):
    broken = row(40, loss=nan, preactivation_nonfinite=(5.0,) * 4)
    [found] = nonfinite(evidence(row(0), row(30), broken))
    assert found.numbers["role"] == "propagator" and "an earlier update ruined its weights" in found.sentence
    [start] = nonfinite(evidence(broken | {"step": 0}))
    assert "last_healthy_step" not in start.numbers and "images" in start.sentence


def test_the_trainer_knows_the_step_between_two_measurements(row, evidence):
    broken = row(64, loss=nan, preactivation_nonfinite=(5.0,) * 4)
    epoch = {"step": 65, "train/epoch_loss": nan, "train/first_nonfinite_step": 41.0}
    [found] = nonfinite(evidence(row(0), row(32), broken, epoch))
    assert found.step == 41 and "from step 41 on" in found.sentence and found.numbers["last_healthy_step"] == 32
    # By step 64 every layer has it, so none is accused.
    assert found.numbers["layer"] == "unknown" and "not known" in found.sentence


def test_an_infinity_without_growth_before_it_is_sudden(row, evidence):
    broken = row(64, loss=nan, preactivation_nonfinite=(5.0,) * 4)
    assert [m.step for m in sudden(evidence(row(0), row(32), broken))] == [32, 64]
    growing = row(32, preactivation_largest=(5.0, 5.0, 5.0, 4000.0))
    jumping = row(32, weight_update_ratio=(0.5,) * 4)
    assert sudden(evidence(row(0), growing, broken)) is None and sudden(evidence(row(0), jumping, broken)) is None
    assert sudden(evidence(broken)) is None and sudden(evidence(row(0))) is None


def test_an_epoch_without_a_measured_step(row, evidence):
    [found] = nonfinite(evidence(row(0), {"step": 20, "train/epoch_loss": nan}))
    assert found.step == 20 and "no layer was measured" in found.sentence


@pytest.mark.parametrize(
    ("spoil", "layer", "direction", "role"),
    [
        (lambda net: net[2].weight.data.fill_(3e38), "02_2", "forward", "producer"),
        (lambda net: net[0].weight.data.fill_(float("nan")), "01_0", "forward", "propagator"),
        (
            lambda net: net[2].register_full_backward_hook(lambda m, gi, go: (gi[0] * inf,)),
            "01_0",
            "backward",
            "producer",
        ),
    ],
)
def test_on_a_real_network(evidence, spoil, layer, direction, role):
    net = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, 3))
    probe, x = Probe(net), torch.randn(16, 4)
    optimizer = torch.optim.SGD(net.parameters(), lr=1e-3)
    history = []
    for step in (0, 1):
        if step:
            spoil(net)
        with probe.watch():
            loss = nn.functional.cross_entropy(net(x), torch.zeros(16, dtype=torch.long))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        history.append({"step": step, **probe.read({"train/loss": loss})})
    [found] = nonfinite(evidence(*history))
    assert (found.numbers["layer"], found.numbers["direction"], found.numbers["role"]) == (layer, direction, role)
    assert found.numbers["last_healthy_step"] == 0
    assert isinstance(evidence(*history).context, Context)
