"""A sweep on a real Slurm, started here with two virtual nodes on one machine: nothing is lost, nothing done twice."""

import json
import os
import signal
import socket
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, suppress
from getpass import getuser
from pathlib import Path

import pytest

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(580)]

# One machine as two nodes; neither cgroups nor a database, since run.json tells how a job ended. A job that goes back
# into the queue waits for cred_expire seconds there.
CONF = """
ClusterName=cnnlab
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ports[0]}
SlurmUser={user}
SlurmdUser={user}
AuthInfo=socket={folder}/munge.socket,cred_expire=5
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool-%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd-%n.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SlurmdParameters=config_overrides
SwitchType=switch/none
MpiDefault=none
KillWait=5
SchedulerParameters=batch_sched_delay=1,sched_interval=2
NodeName=n1 NodeHostname={host} NodeAddr=127.0.0.1 Port={ports[1]} CPUs=2
NodeName=n2 NodeHostname={host} NodeAddr=127.0.0.1 Port={ports[2]} CPUs=2
PartitionName=main Nodes=ALL Default=YES State=UP
"""

SLURM = ["hydra/launcher=slurm", "hydra.launcher.cpus_per_task=1", "hydra.launcher.poll_s=0.5"]


@pytest.fixture(scope="module")
def slurm(tmp_path_factory) -> Iterator[dict[str, str]]:
    """The environment in which commands find the cluster; no process of it is left afterwards."""
    folder = tmp_path_factory.mktemp("slurm")
    (folder / "state").mkdir()
    (folder / "munge.key").write_bytes(os.urandom(1024))
    (folder / "munge.key").chmod(0o600)
    conf = folder / "slurm.conf"
    conf.write_text(CONF.format(folder=folder, host=socket.gethostname(), user=getuser(), ports=_free_ports(3)))
    environment = os.environ | {"SLURM_CONF": str(conf), "OMP_NUM_THREADS": "1"}
    files = {name: folder / f"munge.{name}" for name in ("socket", "key-file", "pid-file", "log-file", "seed-file")}
    files["key-file"] = folder / "munge.key"
    munged = ["munged", "--foreground", "--force", *(f"--{name}={path}" for name, path in files.items())]
    with ExitStack() as stack:
        for name, command in {
            "munged": munged,
            "slurmctld": ["slurmctld", "-D"],
            "n1": ["slurmd", "-D", "-N", "n1"],
            "n2": ["slurmd", "-D", "-N", "n2"],
        }.items():
            log = stack.enter_context((folder / f"{name}.log").open("w"))
            daemon = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
            stack.callback(_end, daemon)
            if name == "munged":
                _until(lambda: files["socket"].exists())
        _until(lambda: _asked(environment, "sinfo", "-h", "-t", "idle", "-o", "%D") == "2", says=lambda: _logs(folder))
        stack.callback(_emptied, environment)
        yield environment


def test_a_killed_job_is_named_and_one_out_of_time_starts_again(slurm, tmp_path, cluster_sweep, stalling):
    command = cluster_sweep(*stalling(2), "seed=0,1", *SLURM)
    command += ["hydra.launcher.timeout_min=1", "hydra.launcher.signal_delay_s=20"]
    sweep = tmp_path / "sweep"
    killed, late = sweep / "dataset=stalls,seed=0", sweep / "dataset=stalls,seed=1"

    first = subprocess.Popen(
        command, env=slurm, cwd=tmp_path, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    _until(lambda: _run(killed).get("status") == _run(late).get("status") == "running", 120)
    _until(lambda: len(os.listdir(tmp_path / "counter")) == 2, 60)
    os.kill(_run(killed)["pid"], signal.SIGKILL)
    told, errors = first.communicate(timeout=240)

    assert first.returncode == 1 and "Traceback" not in errors, errors
    assert "1 of 4 runs did not finish" in errors and "dataset=stalls,seed=0" in told + errors
    assert _run(killed)["status"] == "interrupted" and "ended without a word (FAILED)" in _run(killed)["error"]
    finished = {path.parent.name: path.read_text() for path in sweep.glob("*/results.json")}
    assert set(finished) == {"dataset=digits,seed=0", "dataset=digits,seed=1", "dataset=stalls,seed=1"}
    assert all(_run(sweep / name)["status"] == "completed" for name in finished)
    attempt = _archived(sweep / "attempts" / "dataset=stalls,seed=1.1.tar")
    assert attempt["status"] == "interrupted" and "time limit" in attempt["error"]

    second = subprocess.run(command, env=slurm, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert second.returncode == 0, second.stderr
    assert _run(killed)["status"] == "completed"
    assert all((sweep / name / "results.json").read_text() == results for name, results in finished.items())
    assert _archived(sweep / "attempts" / "dataset=stalls,seed=0.1.tar")["status"] == "interrupted"


WAITING = """
import time
from cnnlab.datasets.augmentation import Augmentation


class Waiting(Augmentation):
    def __bool__(self):
        return True

    def __call__(self, images, generator):
        time.sleep(0.05)
        return images
"""


@pytest.mark.timeout(600)
def test_a_run_out_of_time_goes_on_where_it_was(slurm, tmp_path):
    """Every step waits 50 ms, however fast the machine, and at most 40 s are left before the signal; on a busy machine,
    where the start is half of an attempt, it takes several attempts."""
    (tmp_path / "mine" / "augmentation").mkdir(parents=True)
    (tmp_path / "mine" / "waiting.py").write_text(WAITING)
    (tmp_path / "mine" / "augmentation" / "waiting.yaml").write_text("_target_: waiting.Waiting\n")
    command = [sys.executable, "-m", "cnnlab.train", "-m", "--config-dir", "mine", "augmentation=waiting", "seed=0"]
    command += ["trainer.max_steps=1200", *SLURM]
    command += ["hydra.sweep.dir=sweep", "hydra.launcher.timeout_min=1", "hydra.launcher.signal_delay_s=20"]
    command += ["hydra.launcher.requeues=12"]
    done = subprocess.run(command, env=slurm, cwd=tmp_path, capture_output=True, text=True, timeout=580)
    assert done.returncode == 0, done.stderr
    run = _run(tmp_path / "sweep" / "seed=0")
    assert run["status"] == "completed" and run["attempts"], "it was never out of time"
    assert all(attempt["status"] == "interrupted" and "time limit" in attempt["error"] for attempt in run["attempts"])
    rows = [json.loads(line) for line in (tmp_path / "sweep" / "seed=0" / "metrics.jsonl").read_text().splitlines()]
    ends = [row["step"] for row in rows if "train/epoch_loss" in row]
    assert ends == sorted(set(ends)) and ends[-1] == 1200
    assert not (tmp_path / "sweep" / "attempts").exists()


def test_a_sweep_that_nobody_waits_for_is_not_submitted_twice(slurm, tmp_path, cluster_sweep, same_as_alone):
    command = cluster_sweep("seed=0,1", "sweep.wait=false", *SLURM)
    held = [*command, "hydra.launcher.additional_parameters={hold: true}"]
    sweep = tmp_path / "sweep"
    for arguments in (held, command):
        done = subprocess.run(arguments, env=slurm, cwd=tmp_path, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0 and "python -m cnnlab.report sweep" in done.stdout, done.stderr
        jobs = _asked(slurm, "squeue", "-h", "-r", "-o", "%i").split()
        assert len(jobs) == 2 and not list(sweep.glob("*/run.json"))
    _asked(slurm, "scontrol", "release", jobs[0].split("_")[0])
    runs = [sweep / "seed=0", sweep / "seed=1"]
    _until(lambda: all(_run(run).get("status") == "completed" for run in runs), 120)
    report = [sys.executable, "-m", "cnnlab.report", "sweep"]
    done = subprocess.run(report, env=slurm, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and (sweep / "report.csv").read_text().count("\n") == 3, done.stderr
    same_as_alone(runs[1], 1)


def test_ctrl_c_leaves_the_jobs_to_slurm_and_says_so(slurm, tmp_path, cluster_sweep):
    command = cluster_sweep("seed=0,1", *SLURM, "hydra.launcher.additional_parameters={hold: true}")
    waiting = subprocess.Popen(command, env=slurm, cwd=tmp_path, stderr=subprocess.PIPE, text=True)
    _until(lambda: (tmp_path / "sweep" / ".submitit" / "jobs.json").exists(), 60)
    time.sleep(1)
    waiting.send_signal(signal.SIGINT)
    _, errors = waiting.communicate(timeout=60)
    jobs = _asked(slurm, "squeue", "-h", "-r", "-o", "%i").split()
    assert waiting.returncode != 0 and len(jobs) == 2 and "Traceback" not in errors
    assert all(job in errors.split("scancel")[1] for job in jobs)
    _emptied(slurm)


def test_what_slurm_refuses_is_told(slurm, tmp_path, cluster_sweep):
    command = cluster_sweep("seed=0,1", *SLURM, "hydra.launcher.partition=none")
    done = subprocess.run(command, env=slurm, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1 and "invalid partition" in done.stderr and "Traceback" not in done.stderr


def _run(folder: Path) -> dict:
    try:
        return json.loads((folder / "run.json").read_text())
    except FileNotFoundError:
        return {}


def _archived(archive: Path) -> dict:
    """run.json of an earlier attempt."""
    with tarfile.open(archive) as tar:
        (member,) = (name for name in tar.getnames() if name.endswith("/run.json"))
        return json.load(tar.extractfile(member))  # type: ignore[arg-type]


def _asked(environment: dict[str, str], *command: str) -> str:
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=30).stdout.strip()


def _emptied(environment: dict[str, str]) -> None:
    _asked(environment, "scancel", "--me")
    _until(lambda: _asked(environment, "squeue", "-h") == "", 60)


def _end(daemon: subprocess.Popen) -> None:
    daemon.terminate()
    with suppress(subprocess.TimeoutExpired):
        daemon.wait(20)
    daemon.kill()
    daemon.wait()


def _until(true: Callable[[], bool], seconds: float = 30, says: Callable[[], str] = str) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, says()
        time.sleep(0.2)


def _logs(folder: Path) -> str:
    return "\n".join(path.read_text()[-2000:] for path in folder.glob("*.log"))


def _free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(closing(socket.socket())) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
