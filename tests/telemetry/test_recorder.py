"""What is recorded, and what is drawn against depth."""

from collections.abc import Mapping

import pytest

from cnnlab.telemetry.recorder import Recorder
from cnnlab.telemetry.schedule import Schedule


class _Charts:
    """Keeps what a dashboard is given to draw against depth."""

    def __init__(self) -> None:
        self.drawn: dict[str, Mapping[str, float]] = {}

    def by_depth(self, name: str, values: Mapping[str, float]) -> None:
        self.drawn[name] = values

    def scalars(self, step: int, values: Mapping[str, float]) -> None: ...


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
