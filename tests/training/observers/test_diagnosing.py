"""The verdict on histories written by hand: in the event file, in the log and in the results."""

import logging
from dataclasses import replace

import pytest

from cnnlab.diagnosis import Context
from cnnlab.telemetry.recorder import Recorder
from cnnlab.telemetry.schedule import Schedule
from cnnlab.training.observers.diagnosing import REMEDIES, Diagnosing

CONTEXT = Context(
    classes=10, planned_steps=500, learning_rate=0.1, activation="relu", suited="he", initializer="he", optimizer="sgd"
)
WELL = {
    "train/loss": 0.5,
    "train/accuracy": 0.3,  # of a network that learned, dead units would be excused
    "preactivation/std/01_conv1": 1.0,
    "preactivation/std/02_logits": 1.0,
    "activation/dead/01_conv1": 0.0,
}
DEAD = {**WELL, "activation/dead/01_conv1": 1.0}
STEPS = 100


@pytest.fixture
def recorder(dashboard) -> Recorder:
    return Recorder(None, Schedule(1, STEPS), dashboard, lambda *_: None)  # pyright: ignore[reportArgumentType]


class Looks:
    """An examination that finds nothing and counts how often it was asked."""

    def __init__(self):
        self.asked: list[str] = []
        self.reached = 0.9  # with whatever remedy
        self.mixed = 0.0

    def order(self) -> dict[str, float]:
        self.asked.append("order")
        return {"check/order_matters": self.mixed}

    def baseline(self) -> dict[str, float]:
        self.asked.append("baseline")
        return {"check/baseline": 0.9}

    def likeness(self) -> dict[str, float]:
        self.asked.append("likeness")
        return {}

    def modes(self) -> dict[str, float]:
        self.asked.append("modes")
        return {}

    def updating(self) -> dict[str, float]:
        self.asked.append("updating")
        return {}

    def weights(self) -> dict[str, float]:
        self.asked.append("weights")
        return {}

    def origin(self) -> dict[str, float]:
        self.asked.append("origin")
        return {}

    def trials(self) -> dict[str, float]:
        self.asked.append("trials")
        return {"check/best_rate": 0.01}

    def exchanges(self) -> dict[str, float]:
        self.asked.append("exchanges")
        return {"check/again": 0.1}

    def remedy(self, override: str) -> dict[str, float]:
        self.asked.append(f"remedy {override}")
        return {f"check/remedy/{override}": self.reached}


@pytest.fixture
def looks() -> Looks:
    return Looks()


@pytest.fixture
def judged(recorder, events, tmp_path, looks):
    """judged(rows): (the observer's results, {step: text} of the event file) after a measured step a row."""

    def judged(rows: list[dict[str, float]]) -> tuple[dict, dict[int, str]]:
        observer = Diagnosing(recorder, CONTEXT, STEPS, looks)
        for step, row in enumerate(rows):
            recorder.record(step, 0, row)
            observer.measured(step, row)
        results = observer.results(len(rows))
        recorder.dashboard.end(True)
        texts = events(tmp_path).Tensors("diagnosis/text_summary")
        return dict(results), {event.step: event.tensor_proto.string_val[0].decode() for event in texts}

    return judged


def test_it_is_given_at_powers_of_two_and_once_at_the_end(judged):
    _, texts = judged([WELL] * STEPS)
    steps = list(texts)
    assert steps[0] == 0 and steps[-1] == STEPS and 4 <= len(steps) <= 7
    assert all(step.bit_count() == 1 for step in steps[1:-1])


def test_a_healthy_run_says_so_with_its_numbers(judged, caplog, looks):
    results, texts = judged([WELL] * 3)
    assert results == {"diagnosis/first": "healthy", "diagnosis/count": 0} and not looks.asked
    assert texts[3].startswith("Healthy. Nothing harmful was found at 3 measured steps")
    assert not [record for record in caplog.records if record.name.startswith("cnnlab")]


def test_a_run_that_learned_is_asked_whether_its_answers_are_those_of_single_images(judged, looks):
    learned = {**WELL, "train/accuracy": 0.97}
    results, _ = judged([learned] * 101)
    assert results["diagnosis/first"] == "healthy" and looks.asked == ["order"]
    looks.mixed = 1.0
    results, _ = judged([learned] * 101)
    assert results["diagnosis/first"] == "input_ignored" and results["diagnosis/input_ignored/severity"] == "problem"


def test_dead_units_are_told_wherever_one_looks(judged, caplog):
    with caplog.at_level(logging.WARNING, "cnnlab"):
        results, texts = judged([DEAD] * 3)
    assert results["diagnosis/first"] == "dead_units" and results["diagnosis/dead_units/step"] == 0
    assert "01_conv1" in results["diagnosis/dead_units"] and results["diagnosis/count"] == 1
    override = results["diagnosis/dead_units/override"]
    for text in texts.values():
        assert text.startswith("1. **Dead units.**") and f"`{override}`" in text
    said = [record.getMessage() for record in caplog.records]
    assert len(said) == len(texts) and said[-1].startswith("step 3: dead_units: ") and override in said[-1]


def test_what_is_found_later_is_not_foretold(judged):
    results, texts = judged([WELL, WELL, WELL, *[DEAD] * 6])
    assert texts[0].startswith("Healthy.") and "Dead units" in texts[9]
    assert results["diagnosis/dead_units/step"] == 3


def test_the_results_follow_the_last_step_even_if_no_verdict_was_due_there(judged):
    results, _ = judged([*[WELL] * 40, DEAD])
    assert results["diagnosis/first"] == "dead_units"


def test_what_to_say_without_findings_is_known_before_the_end(recorder, looks):
    observer = Diagnosing(recorder, CONTEXT, STEPS, looks)
    recorder.record(0, 0, WELL)
    assert "1 measured step." in observer.verdict[1] and observer.findings == []


def test_a_run_that_learned_little_is_looked_at_more_closely(judged, looks):
    poor = {**WELL, "train/loss": 2.0, "train/accuracy": 0.15}
    results, _ = judged([poor] * 101)
    first = results["diagnosis/little_learned/override"]
    assert looks.asked == [
        "order",
        "baseline",
        "likeness",
        "modes",
        "updating",
        "weights",
        "trials",
        "exchanges",
        f"remedy {first}",
    ]
    assert results["check/baseline"] == 0.9 and results[f"check/remedy/{first}"] == 0.9


def test_remedies_are_tried_until_one_helps_and_each_once(judged, looks):
    looks.reached = 0.1
    poor = {**WELL, "train/loss": 2.0, "train/accuracy": 0.15, "validation/accuracy": 0.15}
    results, _ = judged([poor] * 101)
    tried = [look for look in looks.asked if look.startswith("remedy")]
    assert 1 <= len(tried) == len(set(tried)) <= REMEDIES
    assert not [cause for cause in results if cause.endswith("/because") and "tried: 101 steps" in results[cause]]


def test_trials_are_spared_where_the_cause_was_seen(judged, looks):
    equal = {**WELL, "train/accuracy": 0.1, "weight/std/01_conv1": 0.1, "weight/distinct/01_conv1": 0.0}
    equal |= {"weight/std/02_logits": 0.1, "weight/distinct/02_logits": 0.9}
    results, _ = judged([equal] * 101)
    assert results["diagnosis/symmetry/cause"] == "weights_equal" and looks.asked == [
        "order",
        "baseline",
        "likeness",
        "modes",
        "updating",
        "weights",
    ]


def test_a_longer_run_is_not_tried_briefly(recorder, looks):
    """Its cause is told all the same."""
    few = replace(CONTEXT, batch_size=2, steps_per_epoch=600, settings={"trainer.max_steps": None})
    observer = Diagnosing(recorder, few, STEPS, looks)
    for step in range(101):
        recorder.record(step, 0, {**WELL, "train/loss": 2.0, "train/accuracy": 0.15, "validation/accuracy": 0.15})
    results = observer.results(101)
    assert results["diagnosis/little_learned/override"].startswith("trainer.epochs=")
    assert not [look for look in looks.asked if look.startswith("remedy trainer.epochs")]
