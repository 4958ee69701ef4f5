"""When a run is measured, and what is drawn against depth."""

import math
from collections.abc import Mapping

import pytest

from cnnlab.telemetry.recorder import Schedule, Telemetry


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
def telemetry(charts: _Charts) -> Telemetry:
    return Telemetry(probe=None, schedule=Schedule(10, 100), dashboard=charts, log=lambda *_: None)  # pyright: ignore


def test_the_schedule_is_dense_at_first_and_has_the_last_step() -> None:
    steps = [step for step in range(24) if Schedule(10, 24)(step)]
    assert steps == [0, 1, 2, 4, 8, 10, 16, 20, 23]
    assert [step for step in range(24) if Schedule(10, 24, early=False)(step)] == [0, 10, 20, 23]


def test_the_last_measurement_of_the_layers_is_what_is_drawn(telemetry: Telemetry, charts: _Charts) -> None:
    telemetry.record(0, 0, {"train/loss": 2.3, "weight/std/01_a": 1.0, "weight/std/02_b": 2.0})
    telemetry.record(1, 0, {"weight/std/01_a": 3.0, "weight/std/02_b": 4.0})
    telemetry.record(2, 0, {"validation/loss": 2.2})
    assert telemetry.by_depth("end") == {"weight/std/01_a@end": 3.0, "weight/std/02_b@end": 4.0}
    assert charts.drawn == {"weight_std@end": {"01_a": 3.0, "02_b": 4.0}}


def test_signal_and_gradient_have_a_logarithmic_twin_without_what_has_no_logarithm(
    telemetry: Telemetry, charts: _Charts
) -> None:
    values = {"01_a": 100.0, "02_b": 0.0, "03_c": 1e-30, "04_d": math.inf}
    telemetry.draw_by_depth({f"activation/std/{layer}": value for layer, value in values.items()}, "init")
    assert charts.drawn["activation_std@init"] == values
    assert charts.drawn["activation_std_log10@init"] == {"01_a": pytest.approx(2.0), "03_c": pytest.approx(-30.0)}


def test_theory_has_no_logarithmic_twin(telemetry: Telemetry, charts: _Charts) -> None:
    telemetry.draw_by_depth({"gradient/std/01_a": 1.0}, "init", "_lower")
    assert set(charts.drawn) == {"gradient_std_lower@init"}
