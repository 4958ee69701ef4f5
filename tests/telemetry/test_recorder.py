"""What is recorded, and what is drawn against depth."""

from collections.abc import Mapping

import pytest
import torch
from torch import nn

from cnnlab.telemetry import recorder
from cnnlab.telemetry.probe import Probe
from cnnlab.telemetry.recorder import Recorder
from cnnlab.telemetry.schedule import Schedule


class _Charts:
    """Keeps what a dashboard is given to draw against depth."""

    def __init__(self) -> None:
        self.drawn: dict[str, Mapping[str, float]] = {}
        self.written: list[int] = []

    def by_depth(self, name: str, values: Mapping[str, float]) -> None:
        self.drawn[name] = values

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        self.written.append(step)


@pytest.fixture
def charts() -> _Charts:
    return _Charts()


@pytest.fixture
def telemetry(charts: _Charts) -> Recorder:
    return Recorder(probe=None, schedule=Schedule(10, 100), dashboard=charts, log=lambda *_: None)  # pyright: ignore


def test_the_last_measurement_of_the_layers_is_what_is_drawn(telemetry: Recorder, charts: _Charts) -> None:
    telemetry.record(0, 0, {"train/loss": 2.3, "weight/std/01_a": 1.0, "weight/std/02_b": 2.0})
    telemetry.record(1, 0, {"weight/std/01_a": 3.0, "weight/std/02_b": 4.0})
    telemetry.record(2, 0, {"validation/loss": 2.2})
    assert telemetry.by_depth("end") == {"weight/std/01_a@end": 3.0, "weight/std/02_b@end": 4.0}
    assert charts.drawn == {"weight_std@end": {"01_a": 3.0, "02_b": 4.0}}


def test_every_chart_of_a_measurement_is_drawn(telemetry: Recorder, charts: _Charts) -> None:
    telemetry.draw_by_depth({"activation/std/01_a": 100.0, "gradient/mean/01_a": 3.0}, "init")
    assert charts.drawn == {
        "activation_std@init": {"01_a": 100.0},
        "activation_std_log10@init": {"01_a": pytest.approx(2.0)},
        "gradient_mean@init": {"01_a": 3.0},
    }


@pytest.fixture
def clock(monkeypatch) -> list[float]:
    """The time in seconds; set its one element to move it."""
    now = [100.0]
    monkeypatch.setattr(recorder, "monotonic", lambda: now[0])
    return now


@pytest.fixture
def measuring(charts: _Charts) -> Recorder:
    statistics = {"activation": {"mean": torch.mean}}
    probe = Probe(nn.Sequential(nn.Linear(2, 3), nn.ReLU()), statistics)
    return Recorder(probe, Schedule(1, 100), charts, lambda *_: None)  # pyright: ignore[reportArgumentType]


def _measure(measuring: Recorder, step: int) -> tuple[Mapping[str, float], dict[str, float]]:
    """What the recorder makes of a step, and what it is."""
    x = torch.randn(4, 2)
    with measuring.probe.watch():
        mean = measuring.probe.network(x).mean()
    row = measuring.measured(step, 0, {"train/loss": torch.tensor(float(step))}, {"optimizer/lr": 0.5})
    expected = {"step": step, "epoch": 0, "optimizer/lr": 0.5, "train/loss": step, "activation/mean/01_0": mean.item()}
    return row, expected


def test_measured_steps_are_written_together_soon_and_in_order(measuring, charts, clock):
    expected = [_measure(measuring, step)[1] for step in range(3)]
    assert charts.written == [0], "the first at once, those that follow it within half a second wait"
    clock[0] += recorder.WAIT_S
    measuring.rest()
    assert charts.written == [0, 1, 2]
    expected.append(_measure(measuring, 3)[1])
    measuring.record(4, 0, {"validation/loss": 1.0})
    assert charts.written == [0, 1, 2, 3, 4]
    assert measuring.history[:4] == [pytest.approx(row) for row in expected]


def test_a_row_that_somebody_looks_at_does_not_wait(measuring, charts, clock):
    _measure(measuring, 0)
    row, expected = _measure(measuring, 1)
    assert charts.written == [0]
    assert dict(row) == pytest.approx(expected) and len(row) == 5 and charts.written == [0, 1]
    later, _ = _measure(measuring, 2)
    assert row["train/loss"] == 1 and later["train/loss"] == 2


def test_the_step_that_raised_is_not_recorded_and_hides_none(measuring, charts, clock):
    for step in range(2):
        _measure(measuring, step)
    with measuring.probe.watch():
        measuring.probe.network(torch.randn(4, 2))
    assert [row["step"] for row in measuring.history] == [0, 1]


def _network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 3))


def _step(network: nn.Module, probe: Probe, step: int) -> None:
    x = torch.randn(8, 2, generator=torch.Generator().manual_seed(step))
    with probe.watch():
        network(x).square().mean().backward()
        torch.optim.SGD(network.parameters(), 0.1).step()


@pytest.mark.parametrize("kept", [2, 64])
def test_what_a_probe_hands_over_is_what_it_would_have_said_step_by_step(monkeypatch, kept):
    monkeypatch.setattr("cnnlab.telemetry.probe.KEPT", kept)
    networks = [_network(), _network()]
    waiting, asked = map(Probe, networks)
    said = []
    for step in range(5):
        _step(networks[0], waiting, step)
        waiting.add({"step": torch.tensor(float(step))})
        _step(networks[1], asked, step)
        said.append({"step": float(step)} | asked.read())
    assert waiting.take() == [pytest.approx(row, nan_ok=True) for row in said]
    assert waiting.take() == [] and waiting.read() == {}


def test_numbers_that_wait_keep_no_graph():
    network = _network()
    probe, x = Probe(network), torch.randn(8, 2)
    with probe.watch() as seen:
        seen["train/loss"] = network(x).mean()
    probe.add({"train/more": network(x).sum()})
    assert not any(value.requires_grad for value in probe.values.values())
