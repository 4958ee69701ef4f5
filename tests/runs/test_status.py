"""The status of a run as it really is."""

import json
import os
import socket
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest

from cnnlab.common.errors import InputError
from cnnlab.runs.status import being_run, birth, can_be_taken_up, check_no_part, progress, real_status


def _run(folder, status="running", pid=None, host=None, started=None, **facts):
    run = {
        "status": status,
        "pid": os.getpid() if pid is None else pid,
        "host": host or socket.gethostname(),
        "started": (started or datetime.now(UTC)).isoformat(timespec="seconds"),
        "error": None,
    }
    (folder / "run.json").write_text(json.dumps(run | facts))
    return real_status(folder)


def _dead() -> int:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_a_living_run_is_running_and_a_killed_one_interrupted(tmp_path):
    assert _run(tmp_path)["status"] == "running"
    killed = _run(tmp_path, pid=_dead())
    assert killed["status"] == "interrupted" and "process is gone" in killed["error"]


def test_a_younger_process_with_the_same_number_is_another_one(tmp_path):
    assert _run(tmp_path, started=datetime.now(UTC) - timedelta(days=300))["status"] == "interrupted"


def test_a_clock_that_was_put_makes_no_other_process_of_it(tmp_path):
    """As after a virtual machine was paused for a month: the process seems younger than its run."""
    long_ago = datetime.now(UTC) - timedelta(days=30)
    born = birth(os.getpid())
    if born is None:
        pytest.skip("needs Linux's /proc")
    assert _run(tmp_path, started=long_ago, born=born)["status"] == "running"
    assert _run(tmp_path, born=born)["status"] == "running"
    other = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        assert birth(other.pid) != born
        assert _run(tmp_path, pid=other.pid, born=born)["status"] == "interrupted", "another process with its number"
        assert _run(tmp_path, pid=other.pid, born=birth(other.pid))["status"] == "running"
    finally:
        other.communicate()
    assert birth(other.pid) is None and _run(tmp_path, pid=other.pid, born=born)["status"] == "interrupted"


def test_a_process_that_ended_but_was_not_waited_for_is_gone(tmp_path):
    process = subprocess.Popen([sys.executable, "-c", ""])
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    assert _run(tmp_path, pid=process.pid)["status"] == "interrupted"
    process.wait()


def test_a_run_on_another_host_is_taken_at_its_word(tmp_path):
    assert _run(tmp_path, pid=_dead(), host="elsewhere")["status"] == "running"


@pytest.mark.parametrize("status", ["completed", "failed", "diverged", "interrupted"])
def test_an_ended_run_is_what_it_says(tmp_path, status):
    assert _run(tmp_path, status, pid=_dead())["status"] == status


def test_where_a_run_on_another_host_is_gone_one_can_say_so(tmp_path):
    here = tmp_path / "a run"
    here.mkdir()
    words = being_run(here, _run(here, host="elsewhere"))
    assert "on elsewhere" in words and words.count("\n") < 5
    subprocess.run(words.splitlines()[-1], shell=True, check=True)
    assert real_status(here)["status"] == "interrupted"
    assert "sed" not in being_run(here, _run(here))


@pytest.mark.parametrize("content", ["", "{", "[1]", "{}", "\0" * 300, '{"status": "running"}'])
def test_one_that_cannot_be_read_is_damaged(tmp_path, content):
    (tmp_path / "run.json").write_text(content)
    found = real_status(tmp_path)
    assert found["status"] == "damaged" and "run.json cannot be read" in found["error"]


def test_a_folder_without_a_run_is_queued(tmp_path):
    assert real_status(tmp_path / "missing") == {"status": "queued"}


def test_progress_is_read_from_the_end_of_the_log(tmp_path):
    assert progress(tmp_path, {"steps": 10}) == (None, None)
    rows = [{"step": 0, "train/loss": "nan"}, {"step": 4, "validation/accuracy": 0.5}, {"step": 5}]
    text = "".join(json.dumps(row) + "\n" for row in rows)
    (tmp_path / "metrics.jsonl").write_text(text + '{"step": 9, "validation/acc')
    assert progress(tmp_path, {"steps": 10}) == (0.5, 0.5)
    assert progress(tmp_path, {}) == (None, 0.5)


def test_a_long_log_is_not_read_whole(tmp_path, monkeypatch):
    monkeypatch.setattr("cnnlab.runs.status.TAIL_BYTES", 100)
    (tmp_path / "metrics.jsonl").write_text("".join(f'{{"step": {step}}}\n' for step in range(1000)))
    assert progress(tmp_path, {"steps": 1998}) == (0.5, None)


def test_an_interrupted_run_with_a_checkpoint_can_be_taken_up(tmp_path):
    _run(tmp_path, "interrupted", config_hash="abc")
    assert not can_be_taken_up(tmp_path)
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints" / "last.pt").touch()
    assert can_be_taken_up(tmp_path) and can_be_taken_up(tmp_path, "abc") and not can_be_taken_up(tmp_path, "other")
    _run(tmp_path, "running", pid=_dead(), config_hash="abc")
    assert can_be_taken_up(tmp_path)
    for status in ("completed", "diverged", "failed", "running"):
        _run(tmp_path, status, config_hash="abc")
        assert not can_be_taken_up(tmp_path)


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"status": "running"}'])
def test_what_a_full_disk_left_is_damaged(content, tmp_path):
    (tmp_path / "run.json").write_text(content)
    assert real_status(tmp_path)["status"] == "damaged" and not can_be_taken_up(tmp_path)


def test_what_lies_in_the_folder_of_a_run_is_known_as_such(tmp_path):
    run = tmp_path / "run"
    (run / "checkpoints").mkdir(parents=True)
    (run / "run.json").touch()
    for path in (run / "checkpoints" / "last.pt", run / "checkpoints"):
        with pytest.raises(InputError, match=f"^{path} is in the folder of a run, and no run itself. Give {run}.$"):
            check_no_part(path)
        with pytest.raises(InputError, match="^This is in the folder of a run"):
            check_no_part(path, "This")
    for path in (run, tmp_path):
        check_no_part(path)
