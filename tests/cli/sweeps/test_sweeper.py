"""The sweeper with launchers that do, or do not do, what they are told."""

import json
from types import SimpleNamespace

import pytest
from hydra._internal.callbacks import Callbacks
from hydra._internal.core_plugins.basic_launcher import BasicLauncher
from hydra.core.utils import JobReturn, JobStatus
from hydra.types import HydraContext

from cnnlab.cli.sweeps.sweeper import LabSweeper

DONE = {"status": "completed", "error": None}


class Launcher:
    """Writes run folders without training. `behave(number)`: a status, or an exception to raise or return."""

    def __init__(self, behave=lambda number: "completed"):
        self.behave, self.launched = behave, []

    def launch(self, job_overrides, initial_job_idx):
        results = []
        for number, lines in enumerate(job_overrides, start=initial_job_idx):
            config = self.loader.load_sweep_config(None, list(lines))
            self.launched.append(config.hydra.sweep.subdir)
            what = self.behave(number)
            if isinstance(what, BaseException):
                if not isinstance(what, Exception):
                    raise what
                results.append(JobReturn(overrides=lines, status=JobStatus.FAILED, _return_value=what))
                continue
            folder = self.sweep / config.hydra.sweep.subdir
            folder.mkdir(parents=True)
            job = next(
                job
                for job in json.loads((self.sweep / "sweep.json").read_text())["jobs"]
                if job["name"] == config.hydra.sweep.subdir
            )
            (folder / "run.json").write_text(json.dumps({**DONE, "status": what, "config_hash": job["config_hash"]}))
            (folder / "results.json").write_text('{"validation/accuracy": 0.5}')
            results.append(JobReturn(overrides=lines, status=JobStatus.COMPLETED))
        return results


@pytest.fixture
def sweep_with(composed, tmp_path, monkeypatch):
    """`sweep_with(launcher, *overrides)` sweeps in `tmp_path / "s"`; returns the folders that were reported."""
    reported = []
    monkeypatch.setattr("cnnlab.views.report.sweep_report.publish", lambda folder: reported.append(folder.name))

    def sweep_with(launcher, *overrides, **settings):
        loader, master = composed(*overrides, folder=tmp_path / "s")
        monkeypatch.setattr(
            "cnnlab.cli.sweeps.sweeper.Plugins.instance",
            lambda: SimpleNamespace(instantiate_launcher=lambda *_: launcher),
        )
        sweeper = LabSweeper(**{"arms": None, "tune": None, "params": None, "paired": False} | settings)
        of_sweep = {"settings": lambda jobs: None, "estimate": lambda config, threads: 3.0}
        task = SimpleNamespace(check=lambda jobs: None, of_sweep=of_sweep)
        sweeper.setup(
            hydra_context=SimpleNamespace(config_loader=loader, callbacks=None), task_function=task, config=master
        )
        launcher.loader, launcher.sweep = sweeper.frozen, tmp_path / "s"
        sweeper.sweep([line for line in overrides if not line.startswith("hydra.")])
        return reported

    return sweep_with


def test_what_is_finished_is_not_run_again(sweep_with):
    first, second = Launcher(), Launcher()
    assert sweep_with(first, "seed=0,1") == ["s"] and first.launched == ["seed=0", "seed=1"]
    assert sweep_with(second, "seed=0,1,2") == ["s", "s"] and second.launched == ["seed=2"]


def test_a_failed_run_ends_with_exit_code_1_and_is_named(sweep_with, capsys):
    launcher = Launcher(lambda number: ImportError("no such thing") if number == 1 else "completed")
    with pytest.raises(SystemExit) as stop:
        sweep_with(launcher, "seed=0,1,2")
    printed = capsys.readouterr().err
    assert stop.value.code == 1 and "seed=1  failed: ImportError: no such thing" in printed
    assert "1 of 3 runs did not finish" in printed


class Basic(Launcher, BasicLauncher):
    """Runs the jobs in this process."""


def test_a_launcher_that_a_job_ends_loses_nothing_that_is_done(sweep_with, capsys):
    launcher = Basic(lambda number: SystemExit(3) if number == 1 else "completed")
    with pytest.raises(SystemExit) as stop:
        sweep_with(launcher, "seed=0,1,2")
    assert stop.value.code == 1 and "called sys.exit(3)" in capsys.readouterr().err
    again = Launcher()
    sweep_with(again, "seed=0,1,2")
    assert again.launched == ["seed=1", "seed=2"]


def test_a_diverged_run_is_a_result(sweep_with):
    again = Launcher()
    sweep_with(Launcher(lambda number: "diverged"), "seed=0,1")
    sweep_with(again, "seed=0,1")
    assert again.launched == []


def test_an_arm_is_measured_when_its_tuning_is_done(sweep_with, capsys):
    tune = {"optimizer.lr": "0.1,0.2", "seed": "9"}
    launcher = Launcher()
    broken = Launcher(lambda number: RuntimeError("broke") if number == 3 else "completed")
    with pytest.raises(SystemExit):
        sweep_with(broken, "init=he,xavier", "seed=0,1", tune=tune)
    assert broken.launched[4:] == ["init=he,seed=0", "init=he,seed=1"]
    sweep_with(launcher, "init=he,xavier", "seed=0,1", tune=tune)
    assert launcher.launched == ["tune/init=xavier,optimizer.lr=0.2,seed=9", "init=xavier,seed=0", "init=xavier,seed=1"]


def test_another_tuned_setting_does_not_mix_with_measured_runs(sweep_with, tmp_path, capsys):
    sweep_with(Launcher(), "seed=0", tune={"optimizer.lr": "0.1,0.2", "seed": "9"})
    before = json.loads((tmp_path / "s" / "sweep.json").read_text())
    (tmp_path / "s" / "tune" / "optimizer.lr=0.2,seed=9" / "results.json").write_text('{"validation/accuracy": 0.9}')
    (tmp_path / "s" / "seed=0" / "config.yaml").write_text("optimizer: {lr: 0.1}")
    with pytest.raises(SystemExit):
        sweep_with(Launcher(), "seed=0", tune={"optimizer.lr": "0.1,0.2", "seed": "9"})
    assert "optimizer.lr is 0.1 there and 0.2 now" in capsys.readouterr().err
    after = json.loads((tmp_path / "s" / "sweep.json").read_text())
    assert after == before, "what was chosen and measured is still on record"


def test_a_claim_that_is_switched_off_is_no_setting_of_the_jobs(sweep_with, tmp_path):
    launcher = Launcher()
    sweep_with(launcher, "claim=null", "seed=0,1")
    record = json.loads((tmp_path / "s" / "sweep.json").read_text())
    assert launcher.launched == ["seed=0", "seed=1"] and record["claim"] is None
    assert [job["overrides"] for job in record["jobs"]] == [["seed=0"], ["seed=1"]]


def test_a_dry_run_launches_nothing(sweep_with, tmp_path, capsys):
    launcher = Launcher()
    sweep_with(launcher, "seed=0,1", "sweep.dry_run=true")
    assert launcher.launched == [] and not (tmp_path / "s").exists()
    assert "2 of 2 runs to do, 6 s of training" in capsys.readouterr().out


def test_a_file_in_the_place_of_the_folder_is_told_before_anything_is_checked(sweep_with, tmp_path, capsys):
    (tmp_path / "s").touch()
    with pytest.raises(SystemExit):
        sweep_with(launcher := Launcher(), "seed=0")
    assert "hydra.sweep.dir" in capsys.readouterr().err and launcher.launched == []


def test_a_setting_of_the_launcher_is_told_as_any_other(composed, tmp_path, capsys):
    loader, master = composed("hydra.launcher.jobs=0", folder=tmp_path)
    sweeper = LabSweeper(None, None, None, False)
    with pytest.raises(SystemExit) as stop:
        sweeper.setup(
            hydra_context=HydraContext(config_loader=loader, callbacks=Callbacks()), task_function=print, config=master
        )
    assert stop.value.code == 1 and capsys.readouterr().err.startswith("hydra.launcher.jobs=0 is not allowed.\n")


@pytest.mark.parametrize("typed", ["same", "${hydra:job.num}", "${hydra.job.num}"])
def test_names_of_run_folders_are_the_sweepers_and_those_typed_are_refused_as_they_were(typed, sweep_with, capsys):
    with pytest.raises(SystemExit):
        sweep_with(Launcher(), "seed=0,1", f"hydra.sweep.subdir={typed}")
    assert capsys.readouterr().err.startswith(f"hydra.sweep.subdir={typed}: this sweeper names the run folders itself")
