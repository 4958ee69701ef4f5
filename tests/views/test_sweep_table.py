"""The table of a sweep's runs, read from their folders alone."""

import json
import os
import socket
from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
from rich.console import Console

from cnnlab.views.sweep_table import LiveTable, print_ended, print_jobs

NAMES = ["a,seed=0", "b,seed=0", "c,seed=0", "d,seed=0", "e,seed=0"]


@pytest.fixture
def sweep(tmp_path):
    """One run of each kind; the running one began 30 s ago and is at a quarter of its 200 steps."""
    started = (datetime.now(UTC) - timedelta(seconds=30)).isoformat(timespec="seconds")
    process = {"pid": os.getpid(), "host": socket.gethostname(), "started": started, "steps": 200}
    ended = {"completed": None, "failed": "ValueError: no [luck]\nat all", "diverged": "the loss is not finite"}
    for name, (status, error) in zip(NAMES, ended.items(), strict=False):
        (tmp_path / name).mkdir()
        (tmp_path / name / "run.json").write_text(json.dumps({**process, "status": status, "error": error}))
        (tmp_path / name / "metrics.jsonl").write_text('{"step": 200, "validation/accuracy": 0.975}\n')
    (tmp_path / NAMES[1] / "train.log").write_text("ValueError")
    (tmp_path / NAMES[3]).mkdir()
    future = {"started": datetime.now(UTC).isoformat(timespec="seconds")}
    (tmp_path / NAMES[3] / "run.json").write_text(json.dumps({**process, **future, "status": "running", "error": None}))
    (tmp_path / NAMES[3] / "metrics.jsonl").write_text('{"step": 50, "validation/accuracy": 0.5}\n')
    return tmp_path


def _text(renderable, width=120, height=40) -> list[str]:
    console = Console(width=width, height=height, record=True, file=StringIO())
    console.print(renderable)
    return console.export_text().splitlines()


def test_each_run_has_its_status_progress_and_accuracy(sweep, monkeypatch):
    table = LiveTable(sweep, NAMES)
    lines = _text(table.render())
    rows = {line.split()[0]: line for line in lines if ",seed" in line.split()[0]}
    assert "5 runs, 1 failed, 1 diverged, 1 running, 1 completed, 1 queued" in " ".join(" ".join(lines[:2]).split())
    assert "97.50 %" in rows[NAMES[0]] and "completed" in rows[NAMES[0]]
    assert "ValueError: no [luck]" in rows[NAMES[1]] and "at all" not in "".join(lines)
    assert rows[NAMES[3]].split()[-2:] == ["50.00", "%"], "how long it takes is not known yet"
    assert "queued" in rows[NAMES[4]]
    assert next(iter(rows)) == NAMES[1], "what failed comes first"


def test_what_is_left_follows_from_what_was_done_since_it_was_first_seen(sweep, monkeypatch):
    """A run that goes on at a quarter, beside three that ended before: what was done then took none of these 10 s."""
    clock = [0.0]
    monkeypatch.setattr("cnnlab.views.sweep_table.monotonic", lambda: clock[0])
    table = LiveTable(sweep, NAMES)
    assert " left" not in " ".join(_text(table.render(), width=300)[:1])
    clock[0] = 10.0
    (sweep / NAMES[3] / "metrics.jsonl").write_text('{"step": 60, "validation/accuracy": 0.5}\n')
    lines = _text(table.render(), width=300)
    row = next(line for line in lines if line.startswith(NAMES[3]))
    assert row.split()[-2:] == ["2", "min"], "20 times of 10 steps, 0.7 / 0.05 times 10 s"
    assert " left" not in lines[0], "half a run must be done"
    (sweep / NAMES[3] / "metrics.jsonl").write_text('{"step": 160, "validation/accuracy": 0.5}\n')
    assert "about 22 s left" in _text(table.render(), width=300)[0], "0.55 runs in 10 s, 1.2 to do"


def test_a_small_terminal_shows_what_matters_and_counts_the_rest(sweep, monkeypatch):
    table = LiveTable(sweep, NAMES)
    table.console = Console(height=7)
    lines = _text(table.render())
    assert sum("seed=0" in line for line in lines[1:]) == 3 and "and 2 more runs" in lines[-1]


def test_nothing_is_drawn_where_nobody_looks(sweep, capsys):
    with LiveTable(sweep, NAMES):
        pass
    assert capsys.readouterr() == ("", "")


def test_the_end_names_what_did_not_finish_with_reason_and_log(sweep, capsys):
    states = print_ended(sweep, NAMES, {NAMES[4]: "ImportError: x"})
    assert list(states.values()) == ["completed", "failed", "diverged", "running", "failed"]
    printed = capsys.readouterr().err
    assert f"ValueError: no [luck] ({sweep}/{NAMES[1]}/train.log)" in printed
    assert "diverged: the loss is not finite\n" in printed and "failed: ImportError: x" in printed
    assert NAMES[0] not in printed.partition("\n")[2]


def test_the_cost_of_a_sweep_is_that_of_what_is_missing(tmp_path, capsys):
    print_jobs(tmp_path, ["a", "b", "c"], {"b": 90.0, "c": 30.0}, 2)
    printed = capsys.readouterr().out
    assert "2 of 3 runs to do, 2 min of training, 2 runs at a time: about 1 min" in printed
    assert printed.splitlines()[1].split() == ["a", "finished"]
    print_jobs(tmp_path, ["a"], {"a": 3.0}, None)
    assert "at a time" not in capsys.readouterr().out


def test_a_list_of_jobs_keeps_the_ends_of_long_names(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    names = [f"model.activation=relu,init=he,optimizer.lr=0.1,scheduler.warmup=0.1,seed={n}" for n in (0, 1)]
    print_jobs(tmp_path, names, dict.fromkeys(names, 3.0), 2)
    printed = capsys.readouterr().out.splitlines()
    assert [line.split() for line in printed[1:3]] == [[name, "to", "run", "3", "s"] for name in names]
