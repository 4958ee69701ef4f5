"""The list of all runs, and removing broken ones."""

import io
import re
from datetime import UTC, datetime

import pytest

from cnnlab.claims.run_record import RunRecord, read_run
from cnnlab.views.run_list import age, in_short, list_runs, size


@pytest.fixture
def outputs(make_sweep, write_run, tmp_path, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.chdir(tmp_path)
    make_sweep({"a": [0.9, "failed", "queued"]}, name="outputs/sweeps/s")
    write_run(tmp_path / "outputs/runs/ä b", 0.5, overrides={"model": "vgg", "optimizer.lr": "0.1"})
    write_run(tmp_path / "outputs/runs/cut")
    write_run(tmp_path / "outputs/runs/on", status="running", host="elsewhere")
    return tmp_path / "outputs"


def _answer(monkeypatch, text: str) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(text))


def test_every_run_is_listed_with_its_true_status(outputs, capsys):
    before = sorted(outputs.rglob("*"))
    list_runs([outputs])
    out = capsys.readouterr().out
    line = next(line for line in out.splitlines() if "  ä b  " in line)
    assert "completed" in line and "digits model=vgg optimizer.lr=0.1" in line and "50.00 %" in line and "KiB" in line
    heading = out.splitlines()[0]
    assert re.split(r"  +", heading.strip()) == [
        "status",
        "test accuracy",
        "started",
        "on disk",
        "run, and what it is of",
    ]
    assert line.index("50.00 %") + len("50.00 %") == heading.index("accuracy") + len("accuracy")
    assert [line for line in out.splitlines() if line.endswith("/")] == ["outputs/runs/", "outputs/sweeps/s/"]
    assert "5 runs: 2 completed, 1 damaged, 1 failed, 1 running" in out
    assert sorted(outputs.rglob("*")) == before, "listing writes nothing"


@pytest.mark.parametrize("answer", ["", "\n", "n\n", "no\n", "x"])
def test_nothing_is_removed_without_a_yes(outputs, monkeypatch, capsys, answer):
    _answer(monkeypatch, answer)
    list_runs([outputs], clean=True)
    assert "Nothing was removed." in capsys.readouterr().out
    assert (outputs / "runs/cut").is_dir() and (outputs / "sweeps/s/a,seed=1").is_dir()


def test_broken_runs_are_removed_after_a_yes_and_no_others(outputs, monkeypatch, capsys):
    _answer(monkeypatch, "y\n")
    list_runs([outputs], clean=True)
    out = capsys.readouterr().out
    assert "damaged: outputs/runs/cut" in out and "Removed 2 runs." in out
    assert not (outputs / "runs/cut").exists() and not (outputs / "sweeps/s/a,seed=1").exists()
    assert (
        (outputs / "runs/on").is_dir() and (outputs / "runs/ä b").is_dir() and (outputs / "sweeps/s/a,seed=0").is_dir()
    )
    list_runs([outputs], clean=True)
    assert "Nothing to remove" in capsys.readouterr().out


def test_ages_and_sizes(tmp_path):
    now = datetime(2026, 11, 26, 12, tzinfo=UTC)
    for started, said in {"11:59:30": "30 s ago", "11:00:00": "1 h ago", "11:55:00": "5 min ago"}.items():
        assert age(RunRecord("r", tmp_path, status={"started": f"2026-11-26T{started}+00:00"}), now) == said
    assert age(RunRecord("r", tmp_path, status={}), now) == "not known"
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "x").write_bytes(b"12345")
    assert size(tmp_path / "deep") == 5


def test_a_run_from_plain_python_has_the_functions_of_its_config(write_run, tmp_path):
    config = "model: {_target_: mine.Net}\ninit: null"
    assert in_short(read_run(write_run(tmp_path / "a", 0.5, config=config, choices={}), "a")) == "Net"
