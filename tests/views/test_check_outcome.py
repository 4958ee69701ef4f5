"""What a check tells: what was found, what it means, what to type next."""

import shlex
from pathlib import Path

import pytest

from cnnlab.runs.request import Request
from cnnlab.runs.run_folder import RunFolder
from cnnlab.views.check_outcome import print_check

CONFIG = {
    "optimizer": {"lr": 1e-6, "weight_decay": 0.0005},
    "trainer": {"clip": None, "label_smoothing": 0.0, "max_steps": None, "epochs": 12},
    "model": {"dropout": 0.3},
}
REQUEST = Request(config=CONFIG, lines=("model=plain", "check=one_batch", "model.channels=[8,16]"))


def _trial(learned: bool) -> dict[str, object]:
    return {
        "learned": learned,
        "unfinished": False,
        "steps": 16,
        "accuracy": 1.0 if learned else 0.125,
        "first_loss": 2.31,
        "last_loss": 0.2,
    }


def _results(own: bool, reference: bool) -> dict[str, object]:
    both = {"check/one_batch": own, "check/one_batch/reference": reference}
    found = {f"{prefix}/{key}": value for prefix, way in both.items() for key, value in _trial(way).items()}
    return found | {"check/one_batch/images": 64}


@pytest.fixture
def told(tmp_path, monkeypatch, capsys):
    """told(results, request): {heading: text}"""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "240")

    def told(results, request=REQUEST) -> dict[str, str]:
        print_check(RunFolder(Path("outputs/runs/a b")), results, request)
        return {line[:15].strip(): line[15:] for line in capsys.readouterr().out.splitlines()}

    return told


def test_what_was_learned_is_told_with_its_steps_and_the_folder(told):
    lines = told(_results(True, True))
    assert lines["one batch"] == "learned by heart, all of 64 images, after 16 steps, loss from 2.3 to 0.20"
    assert lines["reference"].startswith("learned by heart") and "AdamW, learning rate 0.001" in lines["reference"]
    assert "try" not in lines and lines["dashboards"] == "python -m cnnlab.dashboard 'outputs/runs/a b'"


def test_where_only_the_reference_learns_the_settings_in_the_way_are_named(told):
    lines = told(_results(False, True))
    assert lines["one batch"] == "not learned: after 16 steps 12.5 % of 64 images are right, loss from 2.3 to 0.20"
    assert lines["so"].endswith("optimizer.lr=1e-06, optimizer.weight_decay=0.0005, model.dropout=0.3.")
    expected = ["python", "-m", "cnnlab.train", "model=plain", "model.channels=[8,16]", "check=range_test"]
    assert shlex.split(lines["try"]) == expected


def test_where_neither_learns_it_is_network_initialization_or_images(told):
    lines = told(_results(False, False))
    assert "network, its initialization, or the images" in lines["so"]
    command = shlex.split(lines["try"].partition(" (")[0])
    assert command == ["python", "-m", "cnnlab.train", "model=plain", "model.channels=[8,16]", "trainer.max_steps=0"]


def _falling(accuracy: float, reference: float) -> dict[str, object]:
    """Where neither has learned all of it, and both losses are still falling."""
    trials = {"check/one_batch": accuracy, "check/one_batch/reference": reference}
    ends = {
        f"{prefix}/{key}": v for prefix, a in trials.items() for key, v in {"accuracy": a, "unfinished": True}.items()
    }
    return _results(False, False) | ends


def test_a_loss_that_is_still_falling_does_not_speak_against_the_network(told):
    lines = told(_falling(0.953, 0.953))
    assert lines["so"].startswith("The network learns them, though slowly") and "Another" not in lines["so"]
    assert shlex.split(lines["try"])[-1] == "trainer.epochs=48"
    behind = told(_falling(0.328, 0.891))
    assert "What holds it back is the optimizer" in behind["so"] and behind["try"].endswith("check=range_test")
    stands = told(_falling(0.328, 0.891) | {"check/one_batch/unfinished": False})
    assert "What keeps it from that is the optimizer" in stands["so"]
    still = told(_falling(0.125, 0.328) | {"check/one_batch/unfinished": False})
    assert "What keeps it from that is the optimizer" in still["so"], "more steps of the same would not help"
    slower = told(_results(False, True) | {"check/one_batch/unfinished": True})
    assert slower["so"].startswith("The network can learn them. What holds it back is the optimizer")
    ahead = told(_falling(0.953, 0.5) | {"check/one_batch/reference/unfinished": False})
    assert ahead["so"].startswith("The network learns them"), "with its own optimizer"


def test_a_loss_that_is_not_finite_is_told(told):
    lines = told(_results(False, True) | {"check/one_batch/last_loss": float("nan")})
    assert lines["one batch"].endswith("loss from 2.3 to nan")


@pytest.mark.parametrize(
    "rate, words", [(0.01, "about the same"), (0.1, "larger"), (1e-6, "smaller"), (0.0075, "about the same")]
)
def test_the_suggested_rate_is_rounded_and_compared_with_the_runs_own(told, rate, words):
    found = {"best": 0.0075, "largest": 0.12, "rate": rate, "first_loss": 3.1, "least_loss": 0.45}
    lines = told({f"check/range_test/{key}": value for key, value in found.items()})
    said = "Learning rate 0.0075. While the rate grew, the loss fell from 3.1 to 0.45; at rates above 0.12 it blows up."
    assert lines["range test"] == said
    itself = "python -m cnnlab.train model=plain 'model.channels=[8,16]'"  # the run has that rate already
    assert lines["this run's"].endswith(f"which is {words}")
    assert lines["try"] == (itself if rate == 0.01 else "optimizer.lr=0.01")


NO_RATE = {f"check/range_test/{key}": value for key, value in {"best": None, "largest": None, "rate": 1.0}.items()}


def _request(settings: dict[str, float]) -> Request:
    config = {section: dict(values) for section, values in CONFIG.items()} | {"model": {}}
    for key, value in settings.items():
        section, name = key.split(".")
        config[section][name] = value
    return Request(config=config, lines=(*(f"{key}={value:g}" for key, value in settings.items()), "check=range_test"))


def test_no_suggestion_leads_to_the_other_check(told):
    lines = told(NO_RATE, _request({}))
    assert lines["range test"].startswith("No learning rate lowers the loss")
    assert shlex.split(lines["try"].partition(" (")[0])[-1] == "check=one_batch"


@pytest.mark.parametrize(
    "settings, without",
    [
        ({"trainer.clip": 1e-4, "trainer.label_smoothing": 0.9}, ["trainer.clip=null", "trainer.label_smoothing=0"]),
        ({"optimizer.weight_decay": 5.0}, ["optimizer.weight_decay=0"]),
        ({"model.dropout": 0.9}, ["model.dropout=0"]),
    ],
)
def test_no_suggestion_where_something_holds_back_leads_to_the_same_check_without_it(told, settings, without):
    """The other check would send back here."""
    lines = told(NO_RATE, _request(settings))
    assert sorted(shlex.split(lines["try"].partition(" (")[0])[3:]) == sorted([*without, "check=range_test"])
