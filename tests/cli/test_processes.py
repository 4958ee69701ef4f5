"""What torchrun's environment says, and the override that follows from it."""

import pytest

from cnnlab.cli.processes import QUIET, local_processes, of_torchrun, quiet, with_devices
from cnnlab.common.errors import InputError


@pytest.fixture
def torchrun(monkeypatch):
    for name, value in {"TORCHELASTIC_RUN_ID": "x", "RANK": "3", "WORLD_SIZE": "4", "LOCAL_WORLD_SIZE": "2"}.items():
        monkeypatch.setenv(name, value)


def test_without_torchrun_nothing_changes(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "8")  # of another program
    assert of_torchrun() == (0, 1) and local_processes(3) == 3
    assert with_devices(["seed=1", "trainer.devices=2"]) == ["seed=1", "trainer.devices=2"]


def test_under_torchrun_the_number_of_processes_is_its_own(torchrun):
    assert of_torchrun() == (3, 4) and local_processes(4) == 2
    assert with_devices(["seed=1"]) == ["seed=1", "trainer.devices=4"]
    assert with_devices(["trainer.devices=4"]) == ["trainer.devices=4"]
    with pytest.raises(InputError, match="trainer.devices=2, but torchrun started 4 processes"):
        with_devices(["trainer.devices=2"])


def test_what_the_user_set_stays(monkeypatch):
    assert quiet() == QUIET
    monkeypatch.setenv("TORCH_CPP_LOG_LEVEL", "INFO")
    assert quiet() == {"TORCH_CPP_LOG_LEVEL": "INFO"}
