"""Jobs in processes of their own: none takes others along, and none outlives the launcher."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from hydra.core.utils import JobStatus
from omegaconf import OmegaConf

from cnnlab.cli.launchers.local import LocalLauncher, preloaded
from cnnlab.runs.run_folder import RunFolder

WORDS = ["what=nothing", "what=raise", "what=exit", "what=kill", "what=last"]


def _task(config):
    if config.what == "raise":
        raise ValueError("no luck")
    if config.what == "exit":
        sys.exit(3)
    if config.what == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if config.what.startswith("write"):
        import torch

        print("threads", torch.get_num_threads())
        print("to stderr", file=sys.stderr)
    return config.what, os.getpid()


def test_every_job_has_its_own_process_and_end(launched):
    launcher = launched(_task, LocalLauncher(jobs=2, threads=1))
    results = launcher.launch([[word] for word in WORDS], 0)
    assert [result.status for result in results] == [
        JobStatus.COMPLETED, JobStatus.FAILED, JobStatus.FAILED, JobStatus.FAILED, JobStatus.COMPLETED
    ]  # fmt: skip
    assert [list(result.overrides) for result in results] == [[word] for word in WORDS]
    processes = {results[0].return_value[1], results[4].return_value[1]}
    assert len(processes) == 2 and os.getpid() not in processes
    assert "no luck" in str(results[1]._return_value) and "3" in str(results[2]._return_value)
    assert "killed by SIGKILL" in str(results[3]._return_value)


def _stopped(config):
    with RunFolder(Path("sweep", f"what={config.what}")).opened(None):
        os.kill(os.getpid(), getattr(signal, config.what))
        time.sleep(60)


def test_a_job_that_is_told_to_stop_says_by_what(launched):
    results = launched(_stopped, LocalLauncher(jobs=2, threads=1)).launch([["what=SIGTERM"], ["what=SIGINT"]], 0)
    for number, result in zip(("SIGTERM", "SIGINT"), results, strict=True):
        run = json.loads(Path("sweep", f"what={number}", "run.json").read_text())
        assert (run["status"], run["error"]) == ("interrupted", f"stopped by {number}")
        assert str(result._return_value) == f"stopped by {number}"
        assert Path("sweep", f"what={number}", "train.log").read_text() == ""


def test_what_a_job_prints_is_in_its_log_and_it_has_its_threads(launched):
    (result,) = launched(_task, LocalLauncher(jobs=1, threads=1)).launch([["what=write"]], 0)
    assert result.status == JobStatus.COMPLETED
    assert Path("sweep/what=write/train.log").read_text().splitlines() == ["threads 1", "to stderr"]


def _meet(config):
    """Ends only when three others run at the same time."""
    Path(f"{config.what}.here").touch()
    end = time.monotonic() + 60
    while len(list(Path().glob("*.here"))) < 4:
        assert time.monotonic() < end
        time.sleep(0.02)


def test_jobs_run_side_by_side_as_many_as_asked(launched):
    results = launched(_meet, LocalLauncher(jobs=4, threads=1)).launch([[f"what={i}"] for i in range(4)], 0)
    assert [result.status for result in results] == [JobStatus.COMPLETED] * 4


def test_the_number_of_jobs_follows_from_cores_and_threads(launched, monkeypatch):
    monkeypatch.setattr("cnnlab.cli.launchers.local._cores", lambda: 6)
    for threads, jobs in ((1, 6), (2, 3), (4, 1), (8, 1)):
        launcher = launched(_task, LocalLauncher(jobs=None, threads=threads))
        assert launcher.parallel(launcher.config) == jobs
    monkeypatch.setattr("cnnlab.cli.launchers.local._gpus", lambda config: 4)
    assert launcher.parallel(launcher.config) == 4


ASKED = """
import sys
from omegaconf import OmegaConf
from cnnlab.cli.launchers.local import _gpus
if __name__ == "__main__":
    counted = _gpus(OmegaConf.create({"trainer": {"device": "auto"}}))
    told = _gpus(OmegaConf.create({"trainer": {"device": "cpu"}})), "torch" in sys.modules
    import torch
    print(counted == torch.cuda.device_count(), *told)
"""


def test_gpus_are_counted_without_importing_torch_here(tmp_path):
    (tmp_path / "asked.py").write_text(ASKED)
    done = subprocess.run([sys.executable, "asked.py"], capture_output=True, text=True, cwd=tmp_path, timeout=120)
    assert done.stdout.split() == ["True", "0", "False"], done.stderr


def _look(config):
    import multiprocessing

    ours = multiprocessing.get_context("forkserver").Process(target=os.getpid)  # as a run with several processes has
    ours.start()
    ours.join()
    return os.environ.get("CUDA_VISIBLE_DEVICES"), ours.exitcode


@pytest.mark.parametrize(
    ("ours", "shares"), [(None, ["0,1", "2,3"]), ("3,5,GPU-8932f937,7", ["3,5", "GPU-8932f937,7"])]
)
def test_a_job_of_several_processes_has_its_share_of_cores_and_gpus(launched, monkeypatch, ours, shares):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if ours is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", ours)
    monkeypatch.setattr("cnnlab.cli.launchers.local._cores", lambda: 6)
    monkeypatch.setattr("cnnlab.cli.launchers.local._devices", lambda config: 2)
    launcher = launched(_look, LocalLauncher(jobs=None, threads=1))
    assert launcher.parallel(launcher.config) == 3
    monkeypatch.setattr("cnnlab.cli.launchers.local._gpus", lambda config: 5)
    assert launcher.parallel(launcher.config) == 2
    results = launcher.launch([["what=1"], ["what=2"]], 0)
    assert sorted(result.return_value for result in results) == [(share, 0) for share in shares]


def _sleep(config):
    Path(f"{config.what}.pid").write_text(str(os.getpid()))
    try:
        time.sleep(60)
    except KeyboardInterrupt:
        Path(f"{config.what}.told").touch()
        raise


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_jobs_are_told_to_stop_with_the_launcher(launched, how):
    before = signal.signal(how, signal.default_int_handler)
    launcher = launched(_sleep, LocalLauncher(jobs=2, threads=1))

    def stop():
        while len(list(Path().glob("*.pid"))) < 2:
            time.sleep(0.05)
        os.kill(os.getpid(), how)

    threading.Thread(target=stop, daemon=True).start()
    try:
        with pytest.raises(KeyboardInterrupt):
            launcher.launch([["what=a"], ["what=b"], ["what=c"]], 0)
    finally:
        signal.signal(how, before)
    assert {path.name for path in Path().glob("*.told")} == {"a.told", "b.told"} and not Path("c.pid").exists()
    for name in "ab":
        with pytest.raises(ProcessLookupError):
            os.kill(int(Path(f"{name}.pid").read_text()), 0)


HEAVY = {"torch", "torchvision", "sklearn", "scipy", "numpy", "tensorboard", "PIL", "matplotlib"}
IMPORTS = """
import importlib, os, sys
for module in sys.argv[2:]:
    importlib.import_module(module)
before = set(sys.modules)
# The pool of threads that would hang in a fork is started by the first operation on two threads.
threads = len(os.listdir("/proc/self/task")) if os.path.isdir("/proc/self/task") else 1
from cnnlab.train import run
run("trainer.max_steps=2", "dataset.size=12", folder=sys.argv[1])
print(threads, *sorted(set(sys.modules) - before))
"""


def test_what_the_server_imports_is_what_a_job_needs_and_starts_no_thread(tmp_path):
    """What is imported later is light, as numpy.polynomial: not scipy, sklearn, tensorboard, torch._dynamo, ..."""
    config = {"dataset": {"_target_": "cnnlab.datasets.digits.digits"}, "trainer": {"max_steps": 2, "epochs": 12}}
    command = [sys.executable, "-c", IMPORTS, str(tmp_path / "run"), *preloaded(OmegaConf.create(config))]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=120)
    assert done.returncode == 0, done.stderr
    threads, *late = done.stdout.split("\n")[-2].split()
    assert int(threads) == 1
    assert len([name for name in late if name.split(".")[0] in HEAVY]) < 15


def test_without_steps_and_torchvision_neither_is_waited_for(tmp_path):
    config = {"dataset": {"_target_": "cnnlab.datasets.noise.noise"}, "trainer": {"max_steps": 0, "epochs": 12}}
    code = IMPORTS.replace("trainer.max_steps=2", "trainer.max_steps=0").replace("dataset.size=12", "dataset=noise")
    command = [sys.executable, "-c", code, str(tmp_path / "run"), *preloaded(OmegaConf.create(config))]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=120)
    assert done.returncode == 0, done.stderr
    assert not {"torch._dynamo", "torchvision", "sklearn.datasets"} & set(done.stdout.split())


def test_a_module_of_one_s_own_is_not_imported_by_the_server():
    config = OmegaConf.create({"dataset": {"_target_": "mine.images"}, "trainer": {"max_steps": None, "epochs": 0}})
    assert not {"mine", "torch._dynamo"} & set(preloaded(config))
