"""What Slurm has of a sweep; a run whose job it no longer has is not running."""

import json

import pytest

from cnnlab.cli.launchers.slurm_queue import SlurmQueue, active, gone
from cnnlab.runs.run_folder import RunFolder


@pytest.fixture
def squeue(tmp_path, monkeypatch):
    """`squeue(lines, state)`: the jobs, and the state of job 7_0, that it prints from now on; None: it fails."""
    monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=":")
    (tmp_path / "bin").mkdir()

    def prints(lines: str | None, state: str = "FAILED") -> None:
        body = (
            f"""case "$*" in
            '--noheader --me --array --format=%i') echo '{lines}';;
            '--noheader --states=all --jobs=7_0 --format=%T') echo {state};;
            *) exit 1;; esac"""
            if lines is not None
            else "exit 1"
        )
        (tmp_path / "bin" / "squeue").write_text(f"#!/bin/sh\n{body}\n")
        (tmp_path / "bin" / "squeue").chmod(0o755)

    return prints


def _status(folder) -> dict:
    return json.loads((folder / "run.json").read_text())


def test_the_jobs_that_slurm_has(squeue, monkeypatch):
    squeue("12_3\n12_4\n15")
    assert active() == {"12_3", "12_4", "15"}
    squeue("")
    assert active() == set()
    squeue(None)
    assert active() is None
    monkeypatch.setenv("PATH", "/nowhere")
    assert active() is None


def test_why_a_job_is_gone_is_told_where_slurm_still_knows(squeue):
    squeue("", state="OUT_OF_MEMORY")
    assert gone("7_0") == "Slurm job 7_0 ended without a word (OUT_OF_MEMORY)"
    squeue("", state="COMPLETED")
    assert gone("7_0") == gone("7_1").replace("7_1", "7_0")
    assert "killed, out of memory, or its node failed" in gone("7_0")


def test_jobs_are_remembered_between_calls(tmp_path):
    queue = SlurmQueue(tmp_path)
    queue.folder.mkdir()
    queue.remember({"seed=0": "7_0", "seed=1": "7_1"})
    queue.remember({"seed=1": "9"})
    assert SlurmQueue(tmp_path).jobs == {"seed=0": "7_0", "seed=1": "9"}


def test_what_was_killed_while_nobody_waited_is_marked(tmp_path, squeue):
    queue = SlurmQueue(tmp_path)
    queue.folder.mkdir()
    queue.remember({"killed": "7_0", "alive": "7_1", "unborn": "7_2", "done": "7_3"})
    with RunFolder(tmp_path / "done").opened(""):
        pass
    with RunFolder(tmp_path / "killed").opened(""), RunFolder(tmp_path / "alive").opened(""):
        squeue(None)
        queue.settle()  # Slurm does not answer, so nothing is known
        assert _status(tmp_path / "killed")["status"] == "running"
        squeue("7_1")
        queue.settle()
        assert (
            _status(tmp_path / "killed")["status"] == "interrupted" and "7_0" in _status(tmp_path / "killed")["error"]
        )
        assert _status(tmp_path / "alive")["status"] == "running"
    assert _status(tmp_path / "done")["status"] == "completed" and not (tmp_path / "unborn").exists()
