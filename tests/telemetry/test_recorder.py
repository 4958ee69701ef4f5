"""What is recorded, and what is drawn against depth."""

import math
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


def test_signal_and_gradient_have_a_logarithmic_twin_without_what_has_no_logarithm(
    telemetry: Recorder, charts: _Charts
) -> None:
    values = {"01_a": 100.0, "02_b": 0.0, "03_c": 1e-30, "04_d": math.inf}
    telemetry.draw_by_depth({f"activation/std/{layer}": value for layer, value in values.items()}, "init")
    assert charts.drawn["activation_std@init"] == values
    assert charts.drawn["activation_std_log10@init"] == {"01_a": pytest.approx(2.0), "03_c": pytest.approx(-30.0)}


def test_theory_has_no_logarithmic_twin(telemetry: Recorder, charts: _Charts) -> None:
    telemetry.draw_by_depth({"gradient/std/01_a": 1.0}, "init", "_lower")
    assert set(charts.drawn) == {"gradient_std_lower@init"}


def test_a_layer_that_ran_again_is_drawn_by_its_first_call(telemetry: Recorder, charts: _Charts) -> None:
    telemetry.draw_by_depth(
        {"weight/std/01_a": 1.0, "activation/std/01_a": 2.0, "activation/std/01_a.call2": 3.0}, "end"
    )
    assert charts.drawn["activation_std@end"] == {"01_a": 2.0}
