"""What is read of Hydra's own section: of a job that runs, and of one that was only composed."""

import signal
import sys

import pytest
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import OmegaConf

from cnnlab.cli import hydra_job
from cnnlab.cli.entry import entry

SOURCES = [
    {"path": "hydra.conf", "schema": "pkg", "provider": "hydra"},
    {"path": "/home/mine", "schema": "file", "provider": "command-line"},
]


def _hydra(mode: RunMode, *task: str):
    return OmegaConf.create(
        {
            "mode": mode,
            "overrides": {"task": list(task), "hydra": []},
            "runtime": {"choices": {"model": "plain", "init": "he"}, "config_sources": SOURCES},
            "job": {"config": {"override_dirname": {"exclude_keys": ["seed"]}}},
        }
    )


CONFIG = OmegaConf.create({"seed": 3, "trainer": {"batch_size": 32, "half": "${.batch_size}"}})


def test_what_was_typed_is_kept_as_typed_without_plus_signs():
    hydra = _hydra(RunMode.RUN, "model=plain", "++trainer.batch_size=32", "+dataset.root=a=b", "model.channels=[4,8]")
    request = hydra_job.read_request(CONFIG, hydra)
    assert request.typed == {
        "model": "plain",
        "trainer.batch_size": "32",
        "dataset.root": "a=b",
        "model.channels": "[4,8]",
    }
    assert request.choices == {"model": "plain", "init": "he"}


def test_what_is_needed_to_compose_it_once_more_is_kept_as_given():
    request = hydra_job.read_request(CONFIG, _hydra(RunMode.RUN, "++trainer.batch_size=32", "model=plain"))
    assert request.lines == ("++trainer.batch_size=32", "model=plain") and request.config_dir == "/home/mine"


def test_settings_are_resolved_plain_values():
    config = hydra_job.read_request(CONFIG, _hydra(RunMode.RUN)).config
    assert config == {"seed": 3, "trainer": {"batch_size": 32, "half": 32}} and type(config["trainer"]) is dict


@pytest.mark.parametrize("mode, swept", [(RunMode.RUN, []), (RunMode.MULTIRUN, ["init", "optimizer.lr"])])
def test_only_a_sweep_names_its_runs_and_not_by_what_folders_leave_out(mode, swept):
    request = hydra_job.read_request(CONFIG, _hydra(mode, "init=he", "seed=3", "optimizer.lr=0.1"))
    assert list(request.swept) == swept


@pytest.fixture
def jobs(tmp_path, monkeypatch):
    """`jobs("-m", ...)` runs a command that does nothing; what each of its jobs knew of itself."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(HydraConfig.instance(), "cfg", None)
    before = signal.getsignal(signal.SIGTERM)

    def run(*arguments: str) -> list[tuple]:
        found = []

        def task(config):
            request = hydra_job.read_request(config)
            found.append((hydra_job.output_folder(), hydra_job.is_sweep(), hydra_job.choices(), request))

        monkeypatch.setattr(sys, "argv", ["cnnlab.summary", *arguments])
        entry("summary", task, lambda jobs: None)
        return found

    yield run
    signal.signal(signal.SIGTERM, before)


def test_a_running_job_knows_its_folder_its_choices_and_that_it_is_alone(jobs, tmp_path):
    [(folder, sweep, choices, request)] = jobs("model=single5x5", "hydra.run.dir=here")
    assert folder == tmp_path / "here" and folder.is_dir() and not sweep
    assert (choices["model"], choices["init"], choices["dataset"]) == ("single5x5", "he", "digits")
    assert request.choices["model"] == "single5x5" and request.typed["model"] == "single5x5"
    assert request.config["model"]["kernel_size"] == 5 and request.swept == [] and request.cwd == str(tmp_path)


def test_the_jobs_of_a_sweep_know_their_own_folders_and_values(jobs, tmp_path):
    found = jobs("-m", "init=he,zeros", "hydra.sweep.dir=all")
    assert [choices["init"] for _, _, choices, _ in found] == ["he", "zeros"]
    assert all(sweep for _, sweep, _, _ in found)
    assert {folder.parent for folder, *_ in found} == {tmp_path / "all"} and found[0][0] != found[1][0]
    assert [request.typed["init"] for *_, request in found] == ["he", "zeros"]
    assert all("init" in request.swept for *_, request in found)


def test_a_running_job_without_configs_of_ones_own_has_no_folder_of_them(jobs, tmp_path):
    [(*_, request)] = jobs("model=single5x5", "hydra.run.dir=here")
    assert request.config_dir is None and "model=single5x5" in request.lines
    (tmp_path / "own").mkdir()
    [(*_, request)] = jobs("--config-dir", "own", "hydra.run.dir=there")
    assert request.config_dir == str(tmp_path / "own")
