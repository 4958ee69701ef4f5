"""Real brief runs that are repaired, or cannot be; and when a change counts as help."""

import json
import math

import pytest

from cnnlab.cli.compose import compose_run
from cnnlab.diagnosis import Cause, Finding, Remedy
from cnnlab.training import repair as module
from cnnlab.training.perform import perform
from cnnlab.training.repair import Attempt, remedies_of

SMALL = ["dataset.size=8", "model.channels=[8]", "model.convs_per_block=1", "trainer.max_steps=120", "repair=true"]


def _repaired(folder, *overrides: str):
    keys = [line.partition("=")[0] for line in overrides]
    usual = [line for line in SMALL if line.partition("=")[0] not in keys]
    config, request, _ = compose_run("train", [*usual, *overrides])
    results = perform(config, request, folder, pictures=False, show=False)
    assert results.keys() == json.loads((folder / "results.json").read_text()).keys()
    return results, json.loads((folder / "repair.json").read_text())


def _advises(monkeypatch, *remedies: Remedy) -> None:
    """Whatever the diagnosis finds, this is what it advises."""
    monkeypatch.setattr(module, "remedies_of", lambda findings: list(remedies) if findings else [])


@pytest.mark.parametrize("fault", ["optimizer.lr=1e-6", "init=zeros", "optimizer.lr=100"])
def test_a_fault_is_repaired_and_the_command_that_works_is_given(tmp_path, fault):
    results, told = _repaired(tmp_path / "run", fault)
    key = fault.partition("=")[0]
    assert told["kept"] and all(line.startswith(key) for line in told["kept"]) and told["kept"] != [fault]
    assert results["diagnosis/repair/kept"] == told["kept"][0] and results["diagnosis/first"] != "healthy"
    before, after = float(told["accuracy"][0]), float(told["accuracy"][1])
    assert after > before + 0.1
    assert told["command"].startswith("python -m cnnlab.train dataset.size=8 'model.channels=[8]'")
    assert (
        told["command"].endswith(told["kept"][0]) and "repair" not in told["command"] and fault not in told["command"]
    )
    kept = [each for each in told["rounds"] if each["kept"]]
    run = json.loads((tmp_path / "run" / kept[-1]["folder"] / "results.json").read_text())
    assert run["validation/accuracy"] == after and run["train/steps"] == 120


def test_a_healthy_run_is_left_alone(tmp_path, capsys):
    results, told = _repaired(tmp_path / "run", "optimizer=adamw", "optimizer.lr=0.005")
    assert results["diagnosis/first"] == "healthy" and results["diagnosis/repair/tried"] == 0
    assert told["healthy"] and told["command"] is None and not (tmp_path / "run" / "repair").exists()
    assert capsys.readouterr().out == ""


def test_a_long_run_is_compared_with_itself_cut_short(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "BRIEF", 40)
    _, told = _repaired(tmp_path / "run", "init=zeros")
    assert told["steps"] == 40 and told["rounds"][0]["folder"] == "repair/0_as_it_was"
    for each in told["rounds"]:
        results = json.loads((tmp_path / "run" / each["folder"] / "results.json").read_text())
        assert results["train/steps"] == 40
    assert told["kept"] == ["init=he"]


def test_what_the_network_lacks_is_refused_in_words_and_the_next_is_tried(tmp_path, monkeypatch):
    _advises(monkeypatch, Remedy("model.nrm", "batch"), Remedy("init", "hee"), Remedy("init", "he"))
    _, told = _repaired(tmp_path / "run", "init=zeros")
    assert [(each["override"], each["status"]) for each in told["rounds"]] == [
        ("", "completed"),
        ("model.nrm=batch", "refused"),
        ("init=hee", "refused"),
        ("init=he", "completed"),
    ]
    assert "'model.nrm' is no setting" in told["rounds"][1]["error"] and told["kept"] == ["init=he"]
    assert not (tmp_path / "run" / "repair" / "1_model.nrm=batch").exists()


def test_what_does_not_help_is_not_kept_and_nothing_is_tried_twice(tmp_path, monkeypatch):
    rates = [Remedy("optimizer.lr", 1e-6 * k) for k in (1.0, 2.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0)]
    _advises(monkeypatch, Remedy(look="the images"), Remedy("optimizer.lr", factor=0.1), *rates)
    results, told = _repaired(tmp_path / "run", "optimizer.lr=1e-6")
    tried = [each["override"] for each in told["rounds"]]
    assert tried == ["", *(f"optimizer.lr={k}e-06" for k in (2, 3, 4, 5, 6))]
    assert told["kept"] == [] and told["command"] is None and not told["healthy"]
    assert results["diagnosis/repair/tried"] == 5 and results["diagnosis/repair/kept"] == ""


def test_a_later_change_of_a_setting_replaces_the_earlier_one(tmp_path, monkeypatch):
    _advises(monkeypatch, Remedy("optimizer.lr", 0.0005), Remedy("optimizer.lr", 0.01))
    _, told = _repaired(tmp_path / "run", "optimizer.lr=1e-6")
    assert [each["kept"] for each in told["rounds"]] == [None, True, True]
    assert len(told["kept"]) == 1 and told["command"].count("optimizer.lr=") == 1


def test_a_finding_that_is_a_note_asks_for_nothing():
    def finding(severity, *settings):
        return Finding("x", severity, 0, "", tuple(Cause(name, "", Remedy(name, 1), ()) for name in settings))

    found = [finding("problem", "a", "b"), finding("note", "c")]
    assert [remedy.setting for remedy in remedies_of(found)] == ["a", "b"]
    run = {"status": "completed", "loss": 1.0, "accuracy": 0.5, "images": 10}
    assert not Attempt("", **run, findings=found).healthy and Attempt("", **run, findings=found[1:]).healthy


def _attempt(accuracy: float, images: int = 144, status: str = "completed", loss: float = 1.0) -> Attempt:
    return Attempt("x", status=status, loss=loss, accuracy=accuracy, images=images)


def test_better_means_by_more_than_two_standard_errors():
    def error(p: float, n: int) -> float:
        p = (p * n + 1) / (n + 2)
        return p * (1 - p) / (n + 2)

    for n in (100, 144, 5000):
        margin = 2 * math.sqrt(error(0.5, n) + error(0.5, n))
        assert _attempt(0.5 + 1.02 * margin, n).helps(_attempt(0.5, n))
        assert not _attempt(0.5 + 0.95 * margin, n).helps(_attempt(0.5, n))
    assert not _attempt(1.0, 10).helps(_attempt(0.9, 10)), "one image of ten"


def test_finite_is_better_than_diverged_and_never_the_other_way():
    diverged, nan = _attempt(0.0, status="diverged", loss=math.nan), _attempt(0.5, loss=math.nan)
    assert _attempt(0.1).helps(diverged) and _attempt(0.1).helps(nan)
    assert not diverged.helps(_attempt(0.1)) and not diverged.helps(nan) and not nan.helps(diverged)
    assert not Attempt("x", error="refused").helps(diverged)
