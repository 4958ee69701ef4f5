"""A job in submitit's hands: sent back into the queue it goes on with its run, or starts afresh if it cannot."""

import json
import os
import signal
import tarfile
import time
from pathlib import Path

import pytest
from hydra.core.hydra_config import HydraConfig
from hydra.core.utils import JobStatus

from cnnlab.cli.launchers.job import compose_job, job_folder, pack_config
from cnnlab.cli.launchers.slurm_worker import SlurmWorker
from cnnlab.common.stopping import raise_if_asked
from cnnlab.runs.run_folder import RunFolder

submitit = pytest.importorskip("submitit")


def _task(config):
    """A run that hangs unless the file `free` is there, and cannot be taken up."""
    with RunFolder(Path(HydraConfig.get().runtime.output_dir)).opened(f"what: {config.what}"):
        while not os.path.exists("free"):
            time.sleep(0.05)
            raise_if_asked()
    return config.what


@pytest.fixture
def worker(launched, tmp_path) -> SlurmWorker:
    launcher = launched(_task)
    config = compose_job(launcher, ["what=x"], 0)
    return SlurmWorker(pack_config(launcher, config), job_folder(config), tmp_path / "sweep", threads=1)


@pytest.fixture
def submit(worker, tmp_path):
    jobs = []

    def submit(times: int = 3):
        executor = submitit.LocalExecutor(tmp_path / "jobs", max_num_timeout=times)
        executor.update_parameters(timeout_min=5)
        jobs.append(executor.submit(worker))
        return jobs[-1]

    yield submit
    for job in jobs:
        job._process.wait(30)


def _run(worker: SlurmWorker) -> dict:
    path = worker.folder / "run.json"
    return json.loads(path.read_text()) if path.exists() else {}


def _until(true) -> None:
    end = time.monotonic() + 60
    while not true():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_out_of_time_it_is_interrupted_and_starts_again(worker, submit, tmp_path):
    job = submit()
    _until(lambda: _run(worker).get("status") == "running")
    first = _run(worker)["pid"]
    os.kill(first, signal.SIGUSR2)
    _until(lambda: _run(worker).get("status") == "running" and _run(worker)["pid"] != first)
    (tmp_path / "free").touch()
    done = job.result()
    assert done.status is JobStatus.COMPLETED and done.return_value == "x" and _run(worker)["status"] == "completed"
    with tarfile.open(tmp_path / "sweep" / "attempts" / "what=x.1.tar") as tar:
        attempt = json.load(tar.extractfile("what=x/run.json"))
    assert attempt["pid"] == first and attempt["status"] == "interrupted" and "time limit" in attempt["error"]


def test_out_of_time_too_often_it_says_so(worker, submit):
    job = submit(times=0)
    _until(lambda: _run(worker).get("status") == "running")
    os.kill(_run(worker)["pid"], signal.SIGUSR2)
    assert "timed-out too many times" in str(job.exception())
    assert _run(worker)["status"] == "interrupted" and "too many times" in _run(worker)["error"]


def test_cancelled_it_is_interrupted(worker, submit, tmp_path):
    job = submit()
    _until(lambda: _run(worker).get("status") == "running")
    os.kill(_run(worker)["pid"], signal.SIGTERM)
    _until(lambda: _run(worker)["status"] == "interrupted")
    _until(job.done)
    assert not (tmp_path / "sweep" / "attempts").exists()


def test_what_finished_does_not_run_again(worker):
    with RunFolder(worker.folder).opened("first"):
        pass
    before = _run(worker)
    assert worker() is None and _run(worker) == before


def test_a_run_that_another_process_is_writing_stays(worker):
    with RunFolder(worker.folder).opened("first"):
        assert worker._prepare() and _run(worker)["status"] == "running"


def test_what_slurm_started_again_does_not(worker, monkeypatch, tmp_path):
    monkeypatch.setenv("SLURM_RESTART_COUNT", "1")
    with RunFolder(worker.folder).opened("first"):
        assert worker._prepare() and not worker.folder.exists()
        assert (tmp_path / "sweep" / "attempts" / "what=x.1.tar").exists()
        worker.folder.mkdir()  # for this test's own RunFolder to end in


def test_what_can_be_taken_up_stays_where_it_is(worker, monkeypatch, tmp_path):
    monkeypatch.setenv("SLURM_RESTART_COUNT", "1")
    with RunFolder(worker.folder).opened("first"):
        (worker.folder / "checkpoints").mkdir()
        (worker.folder / "checkpoints" / "last.pt").touch()
        assert worker._prepare() and _run(worker)["status"] == "interrupted"
    assert not (tmp_path / "sweep" / "attempts").exists()
