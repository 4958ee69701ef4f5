"""The command as people type it, in a process of its own."""

import json
import os
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

SMALL = ["dataset.size=12", "model.channels=[4,8]", "model.convs_per_block=1", "trainer.max_steps=30"]


@pytest.fixture
def train(run_command):
    """train(folder, *arguments, code=0): the command, typed there, which must end with that exit code."""

    def train(folder: Path, *arguments: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        done = run_command("-m", "cnnlab.train", *arguments, cwd=folder)
        assert done.returncode == code, done.stderr
        return done

    return train


def test_one_run_leaves_a_run_folder_and_says_where(tmp_path, train):
    done = train(tmp_path, *SMALL, "evaluation=invariance", "evaluation.images=50")
    (folder,) = (tmp_path / "outputs" / "runs").iterdir()
    assert "test accuracy" in done.stdout and f"python -m cnnlab.dashboard outputs/runs/{folder.name}" in done.stdout
    assert folder.name.startswith("stacked3x3_he_digits_dataset.size=12_") and "_seed0_" in folder.name
    names = {p.name.split(".")[0] if p.name.startswith("events") else p.name for p in folder.iterdir()}
    assert names >= {"config.yaml", "run.json", "metrics.jsonl", "results.json", "events", "checkpoints", "train.log"}
    results, run = (json.loads((folder / name).read_text()) for name in ("results.json", "run.json"))
    assert run["status"] == "completed" and run["config_hash"] and run["versions"]["torch"]
    assert {"test/accuracy", "test/loss", "model/parameters", "model/macs", "model/receptive_field"} <= results.keys()
    assert {"model/saved_bytes", "time/step_ms", "diagnosis/first", "test/accuracy@shift=2"} <= results.keys()
    assert "${" not in (folder / "config.yaml").read_text()


def test_a_checkpoint_goes_on_from_where_it_was(tmp_path, train):
    train(tmp_path, *SMALL, "hydra.run.dir=first")
    file = "init.file=first/checkpoints/last.pt"
    train(tmp_path, *SMALL, "init=checkpoint", file, "trainer.max_steps=0", "hydra.run.dir=again")
    first, again = (json.loads((tmp_path / run / "results.json").read_text()) for run in ("first", "again"))
    assert again["test/loss"] == first["test/loss"] and first["test/accuracy"] == again["test/accuracy"]
    told = train(
        tmp_path, *SMALL, "init=checkpoint", file, "model.channels=[4,9]", "hydra.run.dir=other", code=1
    ).stderr
    assert "does not fit this network" in told and "Traceback" not in told and not (tmp_path / "other").exists()
    assert "needs a file" in train(tmp_path, *SMALL, "init=checkpoint", code=1).stderr


def test_a_sweep_leaves_readable_folders_and_goes_on_after_a_divergence(tmp_path, train):
    train(tmp_path, "-m", *SMALL, "init=he,zeros", "optimizer.lr=0.05,1e9", "hydra.sweep.dir=outputs/sweeps/mine")
    folders = sorted(p.parent.name for p in (tmp_path / "outputs/sweeps/mine").glob("*/run.json"))
    assert len(folders) == 4 and any("init=he" in name and "optimizer.lr=0.05" in name for name in folders)
    status = {
        p.parent.name: json.loads(p.read_text())["status"] for p in tmp_path.glob("outputs/sweeps/mine/*/run.json")
    }
    assert {name: "diverged" if "1e9" in name or "1000000000" in name else "completed" for name in status} == status
    assert all((tmp_path / "outputs/sweeps/mine" / name / "results.json").exists() for name in folders)


@pytest.mark.parametrize(
    "arguments, words",
    [
        (["model.kernel_size=99"], "model.kernel_size=99 is larger than the 28x28 map"),
        (["+typo=1"], "'typo' is no setting"),
        (["-m", "trainer.epochs=1,1.5"], "trainer.epochs=1.5 is not allowed"),
    ],
)
def test_a_mistake_costs_nothing_and_leaves_nothing(tmp_path, arguments, words, train):
    done = train(tmp_path, *arguments, code=1)
    assert words in done.stderr and "Traceback" not in done.stderr and len(done.stderr.strip().splitlines()) <= 5
    assert done.stdout == "" and list(tmp_path.iterdir()) == []


def test_help_lists_the_choices(tmp_path, train):
    done = train(tmp_path, "--help")
    assert "stacked3x3" in done.stdout and "xavier" in done.stdout and list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "how, says", [(signal.SIGINT, "interrupted"), (signal.SIGTERM, "interrupted"), (signal.SIGKILL, "running")]
)
def test_a_run_that_is_stopped_does_not_say_completed(tmp_path, how, says):
    process = subprocess.Popen(
        [sys.executable, "-m", "cnnlab.train", "trainer.epochs=500", "hydra.run.dir=run"],
        *(), cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=os.environ, text=True,
    )  # fmt: skip
    metrics = tmp_path / "run" / "metrics.jsonl"
    deadline = time.time() + 120
    while not (metrics.exists() and metrics.stat().st_size) and time.time() < deadline:
        time.sleep(0.1)
    process.send_signal(how)
    try:
        said = process.communicate(timeout=60)[1]
    finally:
        process.kill()
    assert process.returncode != 0 and "Traceback" not in said
    assert ("Interrupted. Partial results are in " in said) == (says == "interrupted")
    status = json.loads((tmp_path / "run" / "run.json").read_text())
    assert status["status"] == says and status["pid"] == process.pid
    assert not (tmp_path / "run" / "results.json").exists()


ELSEWHERE = """
from torch import nn
from torch.nn import functional as F

class Deep(nn.Module):
    def __init__(self, num_classes):
        super().__init__()
        self.convs = nn.ModuleList(nn.Conv2d(1 if i == 0 else 4, 4, 3, padding=1) for i in range(30))
        self.fc = nn.Linear(4 * 64, num_classes)

    def forward(self, x):
        for conv in self.convs:
            x = F.relu(conv(x))
        return self.fc(x.flatten(1))
"""


def test_a_network_of_functions_from_elsewhere_has_theory_field_memory_and_advice_that_fits(tmp_path, train):
    (tmp_path / "model").mkdir()
    (tmp_path / "elsewhere.py").write_text(ELSEWHERE)
    (tmp_path / "model" / "deep.yaml").write_text("_target_: elsewhere.Deep\n")
    arguments = ("--config-dir", ".", "model=deep", "dataset.size=8", "trainer.max_steps=0", "telemetry.theory=true")
    arguments += ("trainer.channels_last=false",)  # in which flattening copies a map, and so saves what no formula says
    done = train(tmp_path, *arguments, "init=orthogonal", "init.gain=0.5", "hydra.run.dir=run")
    assert "try: nn.BatchNorm2d(channels) after every convolution" in done.stdout, "it has no model.norm to type"
    results = json.loads((tmp_path / "run" / "results.json").read_text())
    assert (
        results["model/receptive_field"] == 61 and results["model/saved_bytes"] == results["model/saved_bytes_measured"]
    )
    ratios = [value for key, value in results.items() if key.startswith("theory/log_ratio/")]
    assert len(ratios) == 31 and max(map(abs, ratios)) < 6, "of a signal that falls by 1e16"


TINY = ["dataset.size=8", "model.channels=[8]", "model.convs_per_block=1", "trainer.max_steps=120"]


def test_a_check_is_a_run_whose_exit_code_a_script_can_use(tmp_path, train):
    done = train(tmp_path, *TINY, "check=one_batch", "hydra.run.dir=good")
    assert done.stdout.startswith("one batch      learned by heart, all of 64 images")
    assert (tmp_path / "good" / "figures" / "check.png").is_file()
    done = train(tmp_path, *TINY, "check=one_batch", "optimizer.lr=1e-6", "hydra.run.dir=bad", code=1)
    assert "not learned" in done.stdout and done.stderr == ""
    (line,) = (line for line in done.stdout.splitlines() if line.startswith("try"))
    # what it says to type is typed, and so on
    again = train(tmp_path, *shlex.split(line[15:])[3:], "hydra.run.dir=range")
    (line,) = (line for line in again.stdout.splitlines() if line.startswith("try"))
    assert "learned by heart" in train(tmp_path, *TINY, "check=one_batch", line[15:].strip()).stdout.splitlines()[0]


def test_checks_and_repairs_of_a_sweep_are_quiet_and_reported(tmp_path, train):
    done = train(tmp_path, "-m", *TINY, "check=one_batch", "optimizer.lr=0.02,1e-6", "hydra.sweep.dir=checked")
    assert "check one batch accuracy" in done.stdout and "by heart" not in done.stdout
    train(tmp_path, "-m", *TINY, "repair=true", "init=he,zeros", "hydra.sweep.dir=repaired")
    told = json.loads((tmp_path / "repaired" / "init=zeros,seed=0" / "repair.json").read_text())
    assert told["kept"] == ["init=he"] and (tmp_path / "repaired" / "report.html").is_file()


def test_a_repair_ends_with_a_command_that_works(tmp_path, train):
    (tmp_path / "mine" / "model").mkdir(parents=True)
    (tmp_path / "mine" / "model" / "tiny.yaml").write_text("defaults: [stacked3x3, _self_]\nchannels: [8]\n")
    arguments = ["--config-dir", "mine", "model=tiny", "dataset.size=8", "trainer.max_steps=120", "init=zeros"]
    done = train(tmp_path, *arguments, "repair=true")
    assert "Helped: init=he." in done.stdout and "repair 1: init=he, 120 steps" in done.stderr
    (line,) = (line for line in done.stdout.splitlines() if line.startswith("try  "))
    assert shlex.split(line[15:])[:5] == ["python", "-m", "cnnlab.train", "--config-dir", "mine"]
    assert "Healthy" in train(tmp_path, *shlex.split(line[15:])[3:]).stdout
