"""A sweep on a real Ray cluster of two nodes, two processes on this machine: a killed worker takes no others along."""

import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, suppress
from pathlib import Path

import psutil
import pytest

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(580)]

HEAD, NODE = "127.0.0.2", "127.0.0.3"  # Ray would replace 127.0.0.1 by an address that others can reach

RAY = ["hydra/launcher=ray", "hydra.launcher.num_cpus=1", "seed=0,1"]


@pytest.fixture(scope="module")
def ray(tmp_path_factory) -> Iterator[dict[str, str]]:
    """The environment in which commands find the cluster, one core a node; nothing of it is left afterwards."""
    with closing(socket.socket()) as free:
        free.bind((HEAD, 0))
        port = free.getsockname()[1]
    files = tempfile.mkdtemp(prefix="ray-", dir="/tmp")  # the path of a socket has 107 characters at most
    own = {
        "OMP_NUM_THREADS": "1",
        "RAY_TMPDIR": files,
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN": secrets.token_hex(32),
    }
    environment = {key: value for key, value in os.environ.items() if not key.startswith("RAY_")} | own
    folder = tmp_path_factory.mktemp("ray")
    start = [sys.executable, "-m", "ray.scripts.scripts", "start", "--block", "--num-cpus=1", "--num-gpus=0"]
    start += ["--object-store-memory=200000000", "--disable-usage-stats"]
    nodes = {
        "head": ["--head", f"--node-ip-address={HEAD}", f"--port={port}", "--include-dashboard=false"],
        "node": [f"--node-ip-address={NODE}", f"--address={HEAD}:{port}"],
    }
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, files)
        for name, arguments in nodes.items():
            log = stack.enter_context((folder / f"{name}.log").open("w"))
            node = subprocess.Popen([*start, *arguments], env=environment, stdout=log, stderr=log)
            stack.callback(_end, node)
            _until(lambda log=log: "Ray runtime started" in Path(log.name).read_text(), 60, Path(log.name).read_text)
        yield environment | {"RAY_ADDRESS": f"{HEAD}:{port}"}


def test_a_killed_worker_is_named_and_takes_no_others_along(ray, tmp_path, cluster_sweep, stalling):
    command, sweep = cluster_sweep(*stalling(1), *RAY), tmp_path / "sweep"
    first = subprocess.Popen(command, env=ray, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    killed = _stalled(tmp_path, 1)[0]
    os.kill(_run(killed)["pid"], signal.SIGKILL)
    told, errors = first.communicate(timeout=240)
    assert first.returncode == 1 and "Traceback" not in errors, errors
    assert "1 of 4 runs did not finish" in errors and killed.name in told + errors
    assert _run(killed)["status"] == "interrupted" and "WorkerCrashedError" in _run(killed)["error"]
    finished = {path.parent.name: path.read_text() for path in sweep.glob("*/results.json")}
    assert len(finished) == 3 and killed.name not in finished
    second = subprocess.run(command, env=ray, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert second.returncode == 0, second.stderr
    assert _run(killed)["status"] == "completed" and (sweep / "attempts" / f"{killed.name}.1.tar").exists()
    assert all((sweep / name / "results.json").read_text() == results for name, results in finished.items())


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_stopped_sweep_leaves_no_orphan(ray, tmp_path, cluster_sweep, stalling, how):
    command = cluster_sweep(*stalling(9), *RAY)
    sweep = subprocess.Popen(command, env=ray, cwd=tmp_path, stderr=subprocess.PIPE, text=True)
    # Two at a time: one on each node.
    stalled = _stalled(tmp_path, 2)
    pids = [_run(folder)["pid"] for folder in stalled]
    sweep.send_signal(how)
    _, errors = sweep.communicate(timeout=60)
    assert sweep.returncode != 0 and "Traceback" not in errors, errors
    _until(lambda: not any(psutil.pid_exists(pid) for pid in pids), 60)
    if how != signal.SIGKILL:
        ends = [(_run(folder)["status"], _run(folder)["error"]) for folder in stalled]
        assert ends == [("interrupted", None)] * 2  # each said so itself


def test_without_a_cluster_ray_runs_here_and_ends_with_the_sweep(ray, tmp_path, cluster_sweep, same_as_alone):
    alone = {key: value for key, value in ray.items() if key != "RAY_ADDRESS"}
    before = {process.pid for process in psutil.process_iter()}
    command = cluster_sweep(*RAY)
    done = subprocess.run(command, env=alone, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert [_run(tmp_path / "sweep" / f"seed={seed}")["status"] for seed in (0, 1)] == ["completed"] * 2
    same_as_alone(tmp_path / "sweep" / "seed=1", 1)

    def left() -> list[psutil.Process]:
        new = [p for p in psutil.process_iter(["name", "status"]) if p.pid not in before and "ray" in p.info["name"]]
        return [p for p in new if p.info["status"] != psutil.STATUS_ZOMBIE]

    _until(lambda: left() == [])


def test_a_cluster_that_is_not_there_is_told(tmp_path, cluster_sweep):
    with closing(socket.socket()) as free:
        free.bind((HEAD, 0))
        command = cluster_sweep(*RAY, f"hydra.launcher.address={HEAD}:{free.getsockname()[1]}")
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1 and "no connection to Ray" in done.stderr and "Traceback" not in done.stderr


def _stalled(folder: Path, count: int) -> list[Path]:
    """The run folders of the `count` jobs that hang, as soon as they do."""
    _until(lambda: len(os.listdir(folder / "counter")) == count, 120)
    running: list[Path] = []

    def found() -> bool:
        running[:] = [p for p in (folder / "sweep").glob("dataset=stalls*") if _run(p).get("status") == "running"]
        return len(running) == count

    _until(found)
    return running


def _run(folder: Path) -> dict:
    try:
        return json.loads((folder / "run.json").read_text())
    except FileNotFoundError:
        return {}


def _end(node: subprocess.Popen) -> None:
    children = psutil.Process(node.pid).children(recursive=True)
    node.terminate()
    with suppress(subprocess.TimeoutExpired):
        node.wait(20)
    node.kill()
    node.wait()
    for process in psutil.wait_procs(children, timeout=10)[1]:
        process.kill()


def _until(true: Callable[[], bool], seconds: float = 30, says: Callable[[], str] = str) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, says()
        time.sleep(0.2)
