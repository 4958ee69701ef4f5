"""Jobs as tasks of Ray; a stand-in for Ray runs them here, in this process."""

import json
import signal
import socket
import sys
from contextlib import closing
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest
from hydra.core.hydra_config import HydraConfig
from hydra.core.utils import JobStatus
from omegaconf import OmegaConf

from cnnlab.cli.launchers.ray_launcher import RULES, RayLauncher
from cnnlab.cli.refusal import Refusal
from cnnlab.runs.run_folder import RunFolder, write_json

SETTINGS = {"address": None, "num_cpus": 1, "num_gpus": 0, "init": None}


class _RayError(Exception):
    pass


class _Ray(ModuleType):
    """Tasks run when they are waited for, the last one first; `dies`: runs of them after which the worker is gone."""

    exceptions = SimpleNamespace(RayError=_RayError)

    def __init__(self):
        super().__init__("ray")
        self.asked, self.cancelled, self.on, self.dies = {}, [], False, ()

    def is_initialized(self):
        return self.on

    def init(self, **arguments):
        self.on, self.asked = True, arguments
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # the real one sets its own as well

    def shutdown(self):
        self.on = False

    def remote(self, **resources):
        self.resources = resources
        return lambda function: SimpleNamespace(remote=lambda *a: SimpleNamespace(run=lambda: function(*a)).run)

    def wait(self, refs, num_returns=1, timeout=None):
        return ([], list(refs)) if timeout else ([refs[-1]], refs[:-1])

    def get(self, ref):
        done = ref()
        if done.cfg.what in self.dies:
            raise _RayError("The worker died unexpectedly.\nMore words.")
        return done

    def cancel(self, ref, force=False):
        self.cancelled.append(force)


@pytest.fixture
def ray(monkeypatch) -> _Ray:
    stand_in = _Ray()
    monkeypatch.setitem(sys.modules, "ray", stand_in)
    return stand_in


def _task(config):
    folder = Path(HydraConfig.get().runtime.output_dir)
    if config.what == "stop":
        raise KeyboardInterrupt
    with RunFolder(folder).opened(""):
        if config.what == "bad":
            raise ValueError("no good")
    if config.what == "killed":
        run = json.loads((folder / "run.json").read_text())
        write_json(folder / "run.json", run | {"status": "running"})
    return config.what


def _status(tmp_path, name):
    return json.loads((tmp_path / "sweep" / f"what={name}" / "run.json").read_text())


def test_the_settings_are_those_of_the_yaml(configs):
    yaml = OmegaConf.load(configs / "hydra" / "launcher" / "ray.yaml")
    assert set(yaml) - {"_target_"} == set(RULES) == set(SETTINGS)


def test_every_job_has_its_outcome_in_order_and_a_dead_worker_takes_no_others_along(launched, ray, tmp_path):
    ray.dies = ("killed",)
    launcher = launched(_task, RayLauncher(**{**SETTINGS, "address": "auto", "init": {"namespace": "n"}}))
    done = launcher.launch([["what=a"], ["what=bad"], ["what=killed"], ["what=b"]], 0)
    assert [job.overrides[0] for job in done] == ["what=a", "what=bad", "what=killed", "what=b"]
    assert [job.status is JobStatus.COMPLETED for job in done] == [True, False, False, True]
    assert done[3].return_value == "b" and str(done[2]._return_value) == "_RayError: The worker died unexpectedly."
    assert _status(tmp_path, "killed")["status"] == "interrupted" and "died" in _status(tmp_path, "killed")["error"]
    assert _status(tmp_path, "bad")["status"] == "failed"
    assert (
        ray.asked == {"address": "auto", "log_to_driver": False, "logging_level": "ERROR", "namespace": "n"}
        and not ray.on
    )
    assert ray.resources == {"num_cpus": 1, "num_gpus": 0, "max_retries": 0, "max_calls": 1}


def test_without_an_address_no_other_cluster_is_looked_for(launched, ray, monkeypatch):
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    before = signal.getsignal(signal.SIGTERM)
    launched(_task, RayLauncher(**SETTINGS)).launch([["what=a"]], 0)
    assert ray.asked["address"] == "local" and signal.getsignal(signal.SIGTERM) is before


def test_ctrl_c_stops_what_runs(launched, ray, tmp_path):
    launcher = launched(_task, RayLauncher(**SETTINGS))
    with RunFolder(tmp_path / "sweep" / "what=a").opened(""):
        with pytest.raises(KeyboardInterrupt):
            launcher.launch([["what=a"], ["what=stop"]], 0)
        assert _status(tmp_path, "a")["status"] == "interrupted"
    assert ray.cancelled == [False, False, True, True] and not ray.on


def test_mistakes_are_refused(launched, ray, monkeypatch):
    with pytest.raises(Refusal, match="hydra.launcher.num_cpus=0 is not allowed"):
        launched(_task, RayLauncher(**{**SETTINGS, "num_cpus": 0}))

    def nobody(**_):
        raise ConnectionError("Could not find any running Ray instance.\nMore words.")

    monkeypatch.setattr(ray, "init", nobody)
    with pytest.raises(Refusal, match="hydra.launcher.address=auto: no connection to Ray: Could not find") as refusal:
        launched(_task, RayLauncher(**{**SETTINGS, "address": "auto"})).launch([["what=a"]], 0)
    assert len(str(refusal.value).splitlines()) == 2
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        monkeypatch.setenv("RAY_ADDRESS", f"127.0.0.1:{free.getsockname()[1]}")
        with pytest.raises(Refusal, match="address=127.0.0.1:.* refused"):
            launched(_task, RayLauncher(**SETTINGS)).launch([["what=a"]], 0)
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(Refusal, match=r"pip install 'cnnlab\[ray\]'"):
        launched(_task, RayLauncher(**SETTINGS))
