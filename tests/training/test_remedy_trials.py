"""A remedy is tried as its command would run, and the run does not notice."""

import pytest
import torch

import cnnlab
from cnnlab.cli.compose import compose_run
from cnnlab.cli.parts import make_parts
from cnnlab.common.errors import NotApplicable
from cnnlab.runs.request import Request
from cnnlab.training import remedy_trials as module
from cnnlab.training.remedy_trials import accuracy_with

CPU = torch.device("cpu")
STEPS = 60
SMALL = ["dataset=digits", "dataset.size=8", "model.channels=[8]", "model.convs_per_block=1", "trainer.device=cpu"]
FAULT = "optimizer.lr=1e-6"


@pytest.fixture(scope="module")
def asked():
    """(request, data) of a run that learns nothing."""
    config, request, _ = compose_run("train", [*SMALL, FAULT, f"trainer.max_steps={STEPS}"])
    return request, make_parts(config, CPU).data


def test_it_reaches_what_the_command_reaches(asked, tmp_path):
    def run(folder, *changes):
        return cnnlab.run(*SMALL, f"trainer.max_steps={STEPS}", *changes, folder=tmp_path / folder)

    with_it = run("with", "optimizer.lr=0.05")["validation/accuracy"]
    without = run("without", FAULT)["validation/accuracy"]
    assert accuracy_with(*asked, CPU, STEPS, "optimizer.lr=0.05") == pytest.approx(with_it)
    assert accuracy_with(*asked, CPU, STEPS, "") == pytest.approx(without) and with_it > without + 0.3


def test_the_choice_of_another_optimizer_takes_its_own_rate(asked):
    """With the rate that was typed for sgd, 1e-6, AdamW would learn nothing."""
    assert accuracy_with(*asked, CPU, STEPS, "optimizer=adamw") > 0.5


def test_two_changes_are_tried_together(asked, tmp_path):
    changes = ("optimizer.lr=0.05", "init=xavier")
    with_both = cnnlab.run(*SMALL, f"trainer.max_steps={STEPS}", *changes, folder=tmp_path / "both")
    found = accuracy_with(*asked, CPU, STEPS, " ".join(changes))
    assert found == pytest.approx(with_both["validation/accuracy"])


def test_a_long_run_is_cut_short(asked, monkeypatch):
    seen = []
    monkeypatch.setattr(module, "BRIEF", 7)
    monkeypatch.setattr(module, "accuracy_after", lambda trainer, batches, unseen, steps, seconds: seen.append(steps))
    accuracy_with(*asked, CPU, 100, "init=xavier")
    accuracy_with(*asked, CPU, 5, "init=xavier")
    assert seen == [7, 5]


def test_global_random_numbers_are_left_alone(asked):
    before = torch.get_rng_state()
    accuracy_with(*asked, CPU, 3, "init=xavier")
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("override", ["model.norm=bach", "optimizer.nonsense=1", "dataset.size=-3"])
def test_what_the_command_would_refuse_is_not_applicable(asked, override):
    with pytest.raises(NotApplicable, match="is refused"):
        accuracy_with(*asked, CPU, STEPS, override)


def test_a_run_from_python_cannot_be_composed_again(asked):
    with pytest.raises(NotApplicable, match="Python"):
        accuracy_with(Request(), asked[1], CPU, STEPS, "init=he")


def test_too_slow_is_not_applicable(asked, monkeypatch):
    monkeypatch.setattr(module, "SECONDS", 0.0)
    with pytest.raises(NotApplicable, match="seconds"):
        accuracy_with(*asked, CPU, STEPS, "init=he")
