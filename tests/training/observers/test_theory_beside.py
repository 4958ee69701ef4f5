"""Curves of theory beside those of step 0, read back from the event file, for a prediction written by hand."""

import math

import pytest
from PIL import Image

from cnnlab.telemetry.by_depth import LOGARITHMIC, SECTION
from cnnlab.telemetry.recorder import Recorder
from cnnlab.telemetry.schedule import Schedule
from cnnlab.theory import Expectation, Expected
from cnnlab.theory.expectation import ExpectedLayer
from cnnlab.training.observers.theory_beside import TheoryBeside
from cnnlab.training.trainer import Place
from cnnlab.views.gallery import Gallery

HIDDEN = ExpectedLayer(1, 1, 0, 1, Expected(1.0, 0.5, 2.0), Expected(0.8, 0.6, 0.9), Expected(1e-3, 5e-4, 3e-3))
LOGITS = ExpectedLayer(1, 1, 0, 1, Expected(3.0, 2.0, 4.0), None, Expected(1e-2, 5e-3, 3e-2))
EXPECTATION = Expectation({"01_block1.conv1": HIDDEN, "02_head.logits": LOGITS})
MEASURED = {
    "activation/std/01_block1.conv1": 1.6,
    "preactivation/std/02_head.logits": 3.0,
    "gradient/std/01_block1.conv1": 5e-4,
    "gradient/std/02_head.logits": 1e-2,
    "train/loss": 2.3,
}
RATIOS = {
    "theory/log_ratio/01_block1.conv1": math.log(2),
    "theory/log_ratio/02_head.logits": 0.0,
    "theory/gradient_log_ratio/01_block1.conv1": -math.log(2),
    "theory/gradient_log_ratio/02_head.logits": 0.0,
}

PREDICTED = {
    f"theory/{what}_std{part}/{layer}": value
    for what, layer, values in (
        ("preactivation", "01_block1.conv1", (1.0, 0.5, 2.0)),
        ("activation", "01_block1.conv1", (0.8, 0.6, 0.9)),
        ("gradient", "01_block1.conv1", (1e-3, 5e-4, 3e-3)),
        ("preactivation", "02_head.logits", (3.0, 2.0, 4.0)),
        ("gradient", "02_head.logits", (1e-2, 5e-3, 3e-2)),
    )
    for part, value in zip(("", "_lower", "_upper"), values, strict=True)
}


@pytest.fixture
def recorder(dashboard) -> Recorder:
    return Recorder(None, Schedule(1, 9), dashboard, lambda *_: None)  # pyright: ignore[reportArgumentType]


def _curve(found, tag: str) -> list[tuple[int, float]]:
    return [(event.step, event.value) for event in found.Scalars(tag)]


def test_the_band_is_drawn_against_depth(recorder, events, tmp_path):
    TheoryBeside(EXPECTATION, recorder, None, tmp_path).measured(0, MEASURED)
    recorder.dashboard.end(True)
    found = events(tmp_path)
    for part, signal, gradients in (
        ("_predicted", 0.8, (1e-3, 1e-2)),
        ("_lower", 0.6, (5e-4, 5e-3)),
        ("_upper", 0.9, (3e-3, 3e-2)),
    ):
        assert _curve(found, f"{SECTION}/activation_std{part}@init") == [(1, pytest.approx(signal))]
        drawn = _curve(found, f"{SECTION}/gradient_std{part}@init")
        assert drawn == [(number, pytest.approx(value)) for number, value in enumerate(gradients, start=1)]
    assert _curve(found, f"{SECTION}/preactivation_std_upper@init") == [(1, 2.0), (2, 4.0)]


def test_a_single_run_has_the_prediction_as_a_second_curve_of_its_charts(recorder, events, tmp_path):
    for _ in range(2):  # as when it begins anew
        TheoryBeside(EXPECTATION, recorder, None, tmp_path, alone=True).measured(0, MEASURED)
    recorder.draw_by_depth({key: value for key, value in MEASURED.items() if key.count("/") == 2}, "init")
    recorder.dashboard.end(True)
    found, beside = events(tmp_path), events(tmp_path / "theory")
    assert set(beside.Tags()["scalars"]) == {f"{LOGARITHMIC}/{w}_std_log10@init" for w in ("activation", "gradient")}
    assert set(beside.Tags()["scalars"]) <= set(found.Tags()["scalars"]), "a card shows both"
    expected = [(1, pytest.approx(-3)), (2, pytest.approx(-2))]
    assert _curve(beside, f"{LOGARITHMIC}/gradient_std_log10@init") == expected


def test_the_runs_of_a_sweep_stay_one_each(recorder, tmp_path):
    TheoryBeside(EXPECTATION, recorder, None, tmp_path).measured(0, MEASURED)
    assert not (tmp_path / "theory").exists()


def test_the_results_are_the_prediction_and_the_logarithms_of_measured_over_expected(recorder, events, tmp_path):
    observer = TheoryBeside(EXPECTATION, recorder, None, tmp_path)
    observer.measured(0, MEASURED)
    recorder.dashboard.end(True)
    assert observer.results(9) == pytest.approx(RATIOS | PREDICTED)
    found = events(tmp_path)
    assert {tag: _curve(found, tag) for tag in found.Tags()["scalars"] if tag.startswith("theory/")} == {
        tag: [(0, pytest.approx(value))] for tag, value in RATIOS.items()
    }


def test_a_later_step_is_no_business_of_theory(recorder, events, tmp_path):
    observer = TheoryBeside(EXPECTATION, recorder, None, tmp_path)
    observer.measured(0, MEASURED)
    observer.measured(1, {key: 100 * value for key, value in MEASURED.items()})
    recorder.dashboard.end(True)
    assert observer.results(9) == pytest.approx(RATIOS | PREDICTED)
    assert [step for step, _ in _curve(events(tmp_path), "theory/log_ratio/02_head.logits")] == [0]


@pytest.mark.parametrize("pictures", [True, False])
def test_a_figure_is_drawn_where_pictures_are(pictures, recorder, network, data, events, tmp_path):
    gallery = Gallery(network, data.train.images[0] / 255, 9, recorder.dashboard) if pictures else None
    observer = TheoryBeside(EXPECTATION, recorder, gallery, tmp_path)
    observer.measured(0, MEASURED)
    assert not (tmp_path / "figures").exists(), "the first step does not wait for it"
    observer.resting(Place(1))
    drawn = sorted((path, path.stat().st_mtime_ns) for path in tmp_path.glob("figures/*"))
    observer.resting(Place(2))
    assert drawn == sorted((path, path.stat().st_mtime_ns) for path in tmp_path.glob("figures/*")), "drawn once"
    recorder.dashboard.end(True)
    assert ("pictures/by_depth" in events(tmp_path).Tags()["images"]) == pictures
    assert (tmp_path / "figures").exists() == pictures
    if pictures:
        with Image.open(tmp_path / "figures" / "theory.png") as figure:
            assert figure.format == "PNG" and figure.width > 400
