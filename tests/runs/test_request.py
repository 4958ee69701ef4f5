"""A request is data: empty where nobody typed anything, closed to changes, free of the libraries at the door."""

import pickle
import subprocess
import sys
from dataclasses import FrozenInstanceError

import pytest

from cnnlab.runs.request import Request
from cnnlab.telemetry.hparams import row


def test_plain_python_asks_for_nothing_by_name():
    assert row(Request()) == {"overrides": ""}
    assert Request().swept == () and not Request().choices


def test_two_empty_requests_share_nothing():
    first, second = Request(), Request()
    assert all(a is not b for a, b in ((first.choices, second.choices), (first.typed, second.typed)))
    assert first == second and first != Request(typed={"seed": "1"})


def test_what_was_asked_for_does_not_change_under_a_run():
    request = Request({"model": "plain"})
    with pytest.raises(FrozenInstanceError):
        request.choices = {"model": "linear"}
    assert request.choices == {"model": "plain"}


def test_a_request_goes_to_another_process():
    asked = Request({"model": "plain"}, {"seed": "1"}, ["seed"], {"trainer": {"clip": None}})
    assert pickle.loads(pickle.dumps(asked)) == asked


def test_it_needs_neither_torch_nor_hydra():
    code = "import sys, cnnlab.runs.request; print({'torch', 'hydra', 'omegaconf'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


def test_a_changed_line_takes_the_place_of_the_one_before():
    asked = Request({"optimizer": "sgd"}, lines=["optimizer.lr=1", "+seed=3", "trainer.clip=1"])
    assert asked.with_changes({"seed": "4", "trainer.clip": None}) == ["optimizer.lr=1", "seed=4"]


def test_another_choice_takes_along_what_was_typed_for_the_one_before():
    asked = Request({"optimizer": "sgd", "init": "he"}, lines=["optimizer=sgd", "optimizer.lr=1", "init.bias=2"])
    assert asked.with_changes({"optimizer": "adamw"}) == ["init.bias=2", "optimizer=adamw"]
    assert asked.with_changes({"optimizer": None}) == ["optimizer.lr=1", "init.bias=2"]
