"""Runs by several processes as people start and stop them: the terminal, a sweep, torchrun."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
import torch

pytestmark = pytest.mark.slow
TRAIN = ["-m", "cnnlab.train", "trainer.device=cpu", "dataset.size=12", "model.channels=[4,8]"]
TRAIN += ["telemetry.pictures=false", "telemetry.theory=false"]
TORCHRUN = ["-m", "torch.distributed.run"]


def _start(place: Path, *arguments: str) -> subprocess.Popen:
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen([sys.executable, *arguments], cwd=place, start_new_session=True, **streams)


def _run_of(place: Path) -> dict:
    (folder,) = (place / "outputs" / "runs").iterdir()
    return json.loads((folder / "run.json").read_text())


def _wait_for_steps(folder: Path) -> None:
    end = time.monotonic() + 120
    while not ((folder / "metrics.jsonl").is_file() and (folder / "metrics.jsonl").stat().st_size):
        assert time.monotonic() < end
        time.sleep(0.1)


def _ranks(processes: list[psutil.Process]) -> list[psutil.Process]:
    return [p for p in processes if p.is_running() and p.status() != psutil.STATUS_ZOMBIE]


@pytest.mark.parametrize(("how", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGKILL, -9)])
def test_stopped_it_saves_and_leaves_no_process(tmp_path, how, code):
    process = _start(tmp_path, *TRAIN, "trainer.devices=2", "trainer.epochs=5000", "hydra.run.dir=run")
    _wait_for_steps(tmp_path / "run")
    children = psutil.Process(process.pid).children(recursive=True)
    if how == signal.SIGINT:
        os.killpg(process.pid, how)  # as a terminal does
    else:
        process.send_signal(how)
    _, said = process.communicate(timeout=60)
    assert process.returncode == code and "Traceback" not in said
    end = time.monotonic() + 30
    while _ranks(children):
        assert time.monotonic() < end
        time.sleep(0.1)
    assert json.loads((tmp_path / "run" / "run.json").read_text())["status"] == "interrupted"
    assert (tmp_path / "run" / "checkpoints" / "last.pt").is_file()


def test_asked_to_save_it_saves_and_goes_on(tmp_path):
    batches = ["trainer.batch_size=2", "trainer.checkpoint_minutes=null", "trainer.epochs=50"]
    process = _start(tmp_path, *TRAIN, "trainer.devices=2", "hydra.run.dir=run", *batches)
    _wait_for_steps(tmp_path / "run")
    last = tmp_path / "run" / "checkpoints" / "last.pt"
    process.send_signal(signal.SIGUSR2)
    end = time.monotonic() + 60
    while not last.is_file():
        assert time.monotonic() < end
        time.sleep(0.05)
    assert torch.load(last, weights_only=True)["resume"]["place"]["within"] > 0, "not the end of an epoch"
    assert process.poll() is None
    process.terminate()
    process.communicate(timeout=60)
    assert process.returncode == 143


def test_the_jobs_of_a_sweep_may_have_several(tmp_path):
    done = subprocess.run(
        [sys.executable, *TRAIN[:2], "-m", *TRAIN[2:], "trainer.devices=2", "trainer.max_steps=10", "seed=0,1",
         "hydra.sweep.dir=sweep"], cwd=tmp_path, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    runs = [json.loads(path.read_text()) for path in (tmp_path / "sweep").glob("*/run.json")]
    assert [run["status"] for run in runs] == ["completed"] * 2
    assert {run["device_name"] for run in runs} == {"cpu, 2 processes with 1 thread each"}


def test_torchrun_trains_one_run_in_one_folder_on_one_machine_or_two(tmp_path):
    ends = ["-m", *TRAIN[1:], "trainer.max_steps=10"]
    one, two = tmp_path / "one", tmp_path / "two"
    for place in (one, two):
        place.mkdir()
    process = _start(one, *TORCHRUN, "--standalone", "--nproc-per-node", "2", *ends)
    said = process.communicate(timeout=200)
    assert process.returncode == 0, said
    nodes = ["--nnodes", "2", "--nproc-per-node", "1", "--rdzv-backend", "c10d", "--rdzv-id", "lab"]
    nodes += ["--rdzv-endpoint", "localhost:29571", "--local-addr", "localhost"]
    processes = [_start(two, *TORCHRUN, *nodes, *ends) for _ in range(2)]
    said = [process.communicate(timeout=200) for process in processes]
    assert [process.returncode for process in processes] == [0, 0], said
    assert sum("test accuracy" in out for out, _ in said) == 1, "one of them prints"
    for place in (one, two):
        assert _run_of(place)["status"] == "completed" and _run_of(place)["overrides"]["trainer.devices"] == "2"


def test_torchrun_without_a_run_ends_as_without_torchrun(tmp_path):
    for arguments, code, words in (
        (["--help"], 0, "trains a network"),
        (["trainer.epoch=1"], 1, "Did you mean 'trainer.epochs'?"),
        (["-m", "seed=0,1"], 1, "A sweep (-m) under torchrun"),
        (["trainer.devices=4"], 1, "torchrun started 2 processes"),
    ):
        process = _start(tmp_path, *TORCHRUN, "--standalone", "--nproc-per-node", "2", "-m", "cnnlab.train", *arguments)
        out, error = process.communicate(timeout=100)
        assert process.returncode == code and (out + error).count(words) == 1
    assert list(tmp_path.iterdir()) == []
