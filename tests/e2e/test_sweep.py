"""Sweeps as people type them: what goes wrong is named, and nothing else is lost."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

SMALL = ["dataset.size=12", "trainer.max_steps=20", "telemetry.theory=false"]
TINY = [*SMALL, "model.channels=[4,8]", "model.convs_per_block=1"]
YAML = "_target_: trouble.Trouble\nhow: none\nchannels: [4, 8]\nconvs_per_block: 1\n"


@pytest.fixture
def place(tmp_path) -> Path:
    """A folder with a configuration of its own, `mine`, whose networks can fail."""
    (tmp_path / "mine" / "model").mkdir(parents=True)
    shutil.copy(Path(__file__).with_name("trouble.py"), tmp_path / "mine")
    (tmp_path / "mine" / "model" / "trouble.yaml").write_text(YAML)
    return tmp_path


def _command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "cnnlab.train", "-m", *arguments]


@pytest.fixture
def run_sweep(run_command):
    """run_sweep(place, *arguments, code=0): in the folder `s`, or the usual one."""

    def run_sweep(place: Path, *arguments: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        done = run_command(*_command(*arguments)[1:], cwd=place)
        assert done.returncode == code, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        return done

    return run_sweep


def _runs(sweep: Path) -> dict[str, dict]:
    return {str(p.parent.relative_to(sweep)): json.loads(p.read_text()) for p in sweep.rglob("run.json")}


def _losses(folder: Path) -> list[float]:
    return [json.loads(line).get("train/loss") for line in (folder / "metrics.jsonl").read_text().splitlines()]


@pytest.mark.parametrize("launcher", ["local", pytest.param("basic", marks=pytest.mark.slow)])
def test_a_job_of_a_sweep_is_the_single_run_bit_for_bit(tmp_path, launcher, run_sweep):
    run_sweep(tmp_path, *TINY, "init=he,xavier", f"hydra/launcher={launcher}", "hydra.sweep.dir=s")
    for init in ("he", "xavier"):
        alone = [sys.executable, "-m", "cnnlab.train", *TINY, f"init={init}", f"hydra.run.dir={init}"]
        environment = os.environ | {"OMP_NUM_THREADS": "1"}
        subprocess.run(alone, cwd=tmp_path, check=True, capture_output=True, env=environment)
        swept, single = tmp_path / "s" / f"init={init},seed=0", tmp_path / init
        assert _losses(swept) == _losses(single) and None not in _losses(swept)[:3]
        assert (swept / "config.yaml").read_text() == (single / "config.yaml").read_text()


def test_twelve_runs_of_which_four_go_wrong(place, run_sweep):
    arms = [f"good{i}: ['optimizer.momentum=0.{i}']" for i in range(1, 9)]
    arms += [f"{how}: ['model.how={how}']" for how in ("raise", "exit", "kill", "diverge")]
    command = ["--config-dir", "mine", *SMALL, "model=trouble", f"hydra.sweeper.arms={{{', '.join(arms)}}}"]
    command += ["hydra.sweep.dir=s", "hydra.launcher.jobs=2"]
    first = run_sweep(place, *command, code=1)
    runs = _runs(place / "s")
    status = {name.removesuffix(",seed=0"): run["status"] for name, run in runs.items()}
    assert len(status) == 12 and [status.pop(f"good{i}") for i in range(1, 9)] == ["completed"] * 8
    assert status == {"raise": "failed", "exit": "failed", "kill": "interrupted", "diverge": "diverged"}
    for words in ("RuntimeError: something broke", "SystemExit: 3", "killed by SIGKILL", "not finite"):
        assert words in first.stderr
    assert "3 of 12 runs did not finish" in first.stderr
    assert "Traceback" in (place / "s" / "raise,seed=0" / "train.log").read_text()

    # The same command runs what is missing, keeps what was done, and what failed is still there to look at.
    started = {name: run["started"] for name, run in runs.items()}
    run_sweep(place, *command, code=1)
    again = {name for name, run in _runs(place / "s").items() if run["started"] != started[name]}
    assert again == {"raise,seed=0", "exit,seed=0", "kill,seed=0"}
    assert len(list((place / "s" / "attempts").iterdir())) == 3


def test_what_is_edited_while_a_sweep_runs_changes_nothing(place, run_sweep):
    command = ["--config-dir", "mine", *SMALL, "model=trouble", "model.how=edit,none", "hydra.sweep.dir=s"]
    run_sweep(place, *command, "hydra.launcher.jobs=1")
    assert "[5, 9]" in (place / "mine" / "model" / "trouble.yaml").read_text()
    widths = {(place / "s" / name / "config.yaml").read_text().count("- 4\n") for name in _runs(place / "s")}
    assert widths == {1}
    refused = run_sweep(place, *command, code=1)
    assert "model.channels is [4,8] there and [5,9] now" in refused.stderr


def test_more_seeds_and_arms_go_on_in_the_same_folder(tmp_path, run_sweep):
    run_sweep(tmp_path, *TINY, "init=he")
    (sweep,) = (tmp_path / "outputs" / "sweeps").iterdir()
    first = _runs(sweep)
    run_sweep(tmp_path, *TINY, "init=he", "seed=0,1")
    second = _runs(sweep)
    assert list(first) == ["seed=0"] and second["seed=0"] == first["seed=0"] and second.keys() == {"seed=0", "seed=1"}
    done = run_sweep(tmp_path, *TINY, "init=he", "seed=0,1", "sweep.dry_run=true")
    assert "0 of 2 runs to do" in done.stdout
    assert len(list((tmp_path / "outputs" / "sweeps").iterdir())) == 1


def test_tuning_comes_first_and_measuring_uses_what_it_found(tmp_path, run_sweep):
    tune = "hydra.sweeper.tune={optimizer.lr: '0.0001,0.05', seed: '100,101'}"
    run_sweep(tmp_path, *TINY, "init=he,xavier", "seed=0,1", tune, "hydra.sweep.dir=s")
    record = json.loads((tmp_path / "s" / "sweep.json").read_text())
    for choice in record["tune"]["chosen"]:
        means = {}
        for lr in ("0.0001", "0.05"):
            names = [f"tune/init={choice['labels']['init']},optimizer.lr={lr},seed={seed}" for seed in (100, 101)]
            results = [json.loads((tmp_path / "s" / name / "results.json").read_text()) for name in names]
            means[lr] = sum(result["validation/accuracy"] for result in results) / 2
        assert choice["setting"] == {"optimizer.lr": max(means, key=means.__getitem__)}
        assert choice["edge"] == ["optimizer.lr"]
    for job in record["jobs"]:
        run = json.loads((tmp_path / "s" / job["name"] / "run.json").read_text())
        assert run["status"] == "completed" and run["config_hash"] == job["config_hash"]
    measured = [job for job in record["jobs"] if job["stage"] == "measure"]
    assert len(measured) == 4 and all("optimizer.lr=0.05" in job["overrides"] for job in measured)


def test_a_killed_launcher_leaves_no_orphan_and_the_same_command_finishes(tmp_path):
    command = _command(*TINY, "seed=0,1,2", "hydra.sweep.dir=s", "hydra.launcher.jobs=2")
    long = [argument.replace("max_steps=20", "max_steps=20000") for argument in command]
    process = subprocess.Popen(long, cwd=tmp_path, stderr=subprocess.DEVNULL)
    while len(list((tmp_path / "s").glob("*/metrics.jsonl"))) < 2:
        assert process.poll() is None
        time.sleep(0.1)
    family = psutil.Process(process.pid).children(recursive=True)
    jobs = [run["pid"] for run in _runs(tmp_path / "s").values()]
    assert set(jobs) <= {child.pid for child in family}
    process.send_signal(signal.SIGKILL)
    process.wait()
    _, alive = psutil.wait_procs(family, timeout=20)
    assert not alive
    assert {run["status"] for run in _runs(tmp_path / "s").values()} == {"interrupted"}
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    assert [run["status"] for run in _runs(tmp_path / "s").values()] == ["completed"] * 3


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_a_stopped_sweep_marks_its_runs_and_says_how_to_go_on(tmp_path, how):
    command = _command(*TINY, "trainer.max_steps=20000", "seed=0,1,2", "hydra.sweep.dir=s", "hydra.launcher.jobs=2")
    process = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True)
    while len(list((tmp_path / "s").glob("*/metrics.jsonl"))) < 2:
        assert process.poll() is None
        time.sleep(0.1)
    family = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(how)
    _, printed = process.communicate(timeout=60)
    assert process.returncode == 128 + how and "The same command goes on" in printed and "Traceback" not in printed
    _, alive = psutil.wait_procs(family, timeout=20)
    assert not alive
    assert [run["status"] for run in _runs(tmp_path / "s").values()] == ["interrupted"] * 2


def test_runs_of_a_stopped_sweep_go_on_where_they_were(tmp_path, run_sweep):
    arguments = (*TINY, "trainer.max_steps=2500", "seed=0,1", "hydra.launcher.jobs=2")
    process = subprocess.Popen(_command(*arguments, "hydra.sweep.dir=s"), cwd=tmp_path, stderr=subprocess.DEVNULL)
    while len(list((tmp_path / "s").glob("*/checkpoints/last.pt"))) < 2:
        assert process.poll() is None
        time.sleep(0.02)
    process.send_signal(signal.SIGTERM)
    process.wait(60)
    run_sweep(tmp_path, *arguments, "hydra.sweep.dir=s")
    run_sweep(tmp_path, *arguments, "hydra.sweep.dir=whole")
    for name, run in _runs(tmp_path / "s").items():
        assert run["status"] == "completed" and [attempt["status"] for attempt in run["attempts"]] == ["interrupted"]
        assert _losses(tmp_path / "s" / name) == _losses(tmp_path / "whole" / name)
    assert not (tmp_path / "s" / "attempts").exists()


@pytest.mark.parametrize(
    "arguments, words",
    [
        (["init=he,xavir"], "init=xavir: there is no such init. Did you mean 'xavier'"),
        (["modle=a,b"], "'modle' is no setting. Did you mean 'model'"),
        (["seed=0,-1"], "seed=-1 is not allowed"),
        (["sweep.dry_run=perhaps"], "sweep.dry_run=perhaps is not allowed"),
        (["sweep.wait=false"], "Use hydra/launcher=slurm"),
        (["hydra.launcher.jobs=0"], "hydra.launcher.jobs=0 is not allowed"),
        (["hydra.sweep.subdir=x"], "hydra/sweeper=basic"),
        (["optimizer.lr=interval(0.1,1)"], "Write the values"),
        (["hydra.sweeper.tune={optimizer.lr: '0.1,-1', seed: '5'}"], "optimizer.lr=-1 is not allowed"),
    ],
)
def test_a_mistake_in_a_sweep_costs_nothing(tmp_path, arguments, words, run_sweep):
    done = run_sweep(tmp_path, *TINY, *arguments, code=1)
    assert words in done.stderr and len(done.stderr.strip().splitlines()) <= 5 and list(tmp_path.iterdir()) == []


def test_two_commands_never_share_a_folder(tmp_path, run_sweep):
    first = subprocess.Popen(
        _command(*TINY, "trainer.max_steps=20000", "hydra.sweep.dir=s"), cwd=tmp_path, stderr=subprocess.DEVNULL
    )
    while not list((tmp_path / "s").glob("*/run.json")):
        assert first.poll() is None
        time.sleep(0.1)
    second = run_sweep(tmp_path, *TINY, "trainer.max_steps=20000", "seed=1", "hydra.sweep.dir=s", code=1)
    assert "Another command is running the sweep in s" in second.stderr
    first.send_signal(signal.SIGTERM)
    assert first.wait() == 128 + signal.SIGTERM


def test_a_dry_run_lists_the_jobs_with_their_cost_and_writes_nothing(tmp_path, run_sweep):
    done = run_sweep(tmp_path, *TINY, "init=he,xavier", "seed=0,1", "sweep.dry_run=true", "hydra.launcher.jobs=2")
    assert done.stdout.count("to run") == 4 and "2 runs at a time: about" in done.stdout
    assert list(tmp_path.iterdir()) == []
