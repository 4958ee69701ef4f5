"""What goes to Slurm and how the jobs' outcomes are told; `sbatch` and `squeue` are stand-ins here."""

import copy
import json
import os
import signal
import threading

import pytest
from hydra.core.utils import JobStatus
from omegaconf import OmegaConf, open_dict

from cnnlab.cli.launchers.slurm_launcher import RULES, SlurmLauncher
from cnnlab.cli.refusal import Refusal
from cnnlab.runs.run_folder import RunFolder, write_json

pytest.importorskip("submitit")
SETTINGS = {
    "timeout_min": 7, "cpus_per_task": 3, "mem_gb": 1.5, "gpus_per_node": None, "partition": "fast", "requeues": 2,
    "array_parallelism": 5, "signal_delay_s": 30, "setup": ["module load x"], "poll_s": 0.01,
    "additional_parameters": {"qos": "low"},
}  # fmt: skip


@pytest.fixture
def slurm(tmp_path, monkeypatch):
    """`slurm(present, code)`: what squeue prints and how sbatch exits, as job 7."""
    home = tmp_path / "bin"
    home.mkdir()
    monkeypatch.setenv("PATH", str(home), prepend=":")

    def slurm(present: str = "", code: int = 0) -> None:
        answer = "Submitted batch job 7" if code == 0 else "no such partition"
        scripts = {"srun": "", "squeue": f"echo {present}", "sbatch": f"cp $1 sent.sh; echo {answer}; exit {code}"}
        for name, body in scripts.items():
            (home / name).write_text(f"#!/bin/sh\n{body}\n")
            (home / name).chmod(0o755)

    slurm()
    return slurm


def _launcher(launched, wait: bool = True, **changes):
    launcher = launched(print, SlurmLauncher(**{**SETTINGS, **changes}))
    launcher.config = copy.deepcopy(launcher.config)
    with open_dict(launcher.config):
        launcher.config.sweep = {"wait": wait}
    return launcher


def test_the_settings_are_those_of_the_yaml(configs):
    yaml = OmegaConf.load(configs / "hydra" / "launcher" / "slurm.yaml")
    assert set(yaml) - {"_target_"} == set(RULES) == set(SETTINGS)


def test_the_jobs_are_one_array_with_the_settings_asked_for(launched, slurm, tmp_path):
    done = _launcher(launched, wait=False).launch([["what=a"], ["what=b"]], 0)
    assert [list(job.overrides) for job in done] == [["what=a"], ["what=b"]]
    assert [job.status for job in done] == [JobStatus.UNKNOWN] * 2
    sent = (tmp_path / "sent.sh").read_text()
    lines = ["--time=7", "--cpus-per-task=3", "--mem=1536MB", "--partition=fast", "--array=0-1%2", "--qos=low"]
    assert all(f"#SBATCH {line}\n" in sent for line in [*lines, "--signal=USR2@30", "--job-name=cnnlab-sweep"])
    assert "module load x\n" in sent and "gpus" not in sent
    known = json.loads((tmp_path / "sweep" / ".submitit" / "jobs.json").read_text())
    assert known == {"what=a": "7_0", "what=b": "7_1"}


def test_what_slurm_has_already_is_not_submitted_again(launched, slurm, tmp_path):
    _launcher(launched, wait=False).launch([["what=a"], ["what=b"]], 0)
    (tmp_path / "sent.sh").unlink()
    slurm("7_0 7_1")
    _launcher(launched, wait=False).launch([["what=b"], ["what=a"]], 0)
    assert not (tmp_path / "sent.sh").exists()
    slurm("7_1")
    _launcher(launched, wait=False).launch([["what=a"], ["what=b"]], 0)
    assert "--array" not in (tmp_path / "sent.sh").read_text()


def test_each_outcome_is_told_from_the_run_folder(launched, slurm, tmp_path):
    sweep = tmp_path / "sweep"
    with RunFolder(sweep / "what=done").opened(""):
        pass
    with pytest.raises(ValueError), RunFolder(sweep / "what=bad").opened(""):
        raise ValueError("no good")
    with RunFolder(sweep / "what=killed").opened(""):
        written = json.loads((sweep / "what=killed" / "run.json").read_text())
    write_json(sweep / "what=killed" / "run.json", written | {"status": "running", "host": "elsewhere"})
    names = ["done", "bad", "killed", "never"]
    done = _launcher(launched).launch([[f"what={name}"] for name in names], 0)
    assert [job.status is JobStatus.COMPLETED for job in done] == [True, False, False, False]
    reasons = [str(job._return_value) for job in done[1:]]
    assert "ValueError: no good" in reasons[0] and "Slurm job 7_2 ended" in reasons[1]
    assert "7_3 left no run" in reasons[2] and "7_3_0_log.err" in reasons[2]
    assert json.loads((sweep / "what=killed" / "run.json").read_text())["status"] == "interrupted"


def test_a_run_with_results_is_over_though_slurm_still_has_its_job(launched, slurm, tmp_path):
    slurm("7")
    with RunFolder(tmp_path / "sweep" / "what=done").opened(""):
        pass
    (done,) = _launcher(launched).launch([["what=done"]], 0)
    assert done.status is JobStatus.COMPLETED


def test_ctrl_c_leaves_the_jobs_and_says_how_to_stop_them(launched, slurm, capsys):
    slurm("7_0 7_1")
    threading.Timer(2, os.kill, (os.getpid(), signal.SIGINT)).start()
    with pytest.raises(KeyboardInterrupt):
        _launcher(launched).launch([["what=a"], ["what=b"]], 0)
    assert capsys.readouterr().err == "Slurm runs the sweep on. To stop it:  scancel 7_0 7_1\n"


def test_mistakes_are_refused_before_anything_is_submitted(launched, slurm, tmp_path, monkeypatch):
    with pytest.raises(Refusal, match="hydra.launcher.timeout_min=0 is not allowed"):
        _launcher(launched, timeout_min=0)
    slurm(code=1)
    with pytest.raises(Refusal, match="Slurm did not take the jobs"):
        _launcher(launched).launch([["what=a"]], 0)
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(Refusal, match="no sbatch and no srun and no squeue"):
        _launcher(launched)
