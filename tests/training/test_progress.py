"""What the progress bar writes where somebody watches, by a clock of its own."""

import re

import pytest

from cnnlab.training import progress
from cnnlab.training.progress import TrainingProgress


@pytest.fixture
def clock(monkeypatch) -> list[float]:
    """The time in seconds; set its one element to move it."""
    now = [100.0]
    monkeypatch.setattr(progress, "perf_counter", lambda: now[0])
    return now


@pytest.fixture
def terminal(monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "120")


def _redraws(capsys) -> list[str]:
    """The different states of the bar that came to stderr, without colours and movements of the cursor."""
    captured = capsys.readouterr()
    assert captured.out == ""
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "\n", captured.err)
    states = re.findall(r"training .*?(?= training |$)", " ".join(plain.split()))
    return list(dict.fromkeys(states))


def test_where_nobody_watches_it_is_silent(clock, capsys, monkeypatch):
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    monkeypatch.delenv("TTY_COMPATIBLE", raising=False)
    with TrainingProgress(10, 500) as bar:
        for step in range(1, 11):
            clock[0] += 1
            bar.at(step)
            bar.describe(loss=0.5)
    assert capsys.readouterr() == ("", "")


def test_it_tells_steps_scores_and_speed(terminal, clock, capsys):
    with TrainingProgress(10, 500) as bar:
        bar.describe(loss=0.51239, accuracy=0.25)
        for step in (1, 2, 3):
            clock[0] += 2
            bar.at(step)
    last = _redraws(capsys)[-1]
    assert "3/10" in last and "30%" in last
    assert "loss 0.512 accuracy 0.250" in last
    assert "250 images/s" in last, "1,500 images in 6 seconds"


def test_what_is_described_stays_until_the_next(terminal, clock, capsys):
    with TrainingProgress(10, 500) as bar:
        for step, described in ((1, {"loss": 2.0}), (2, {}), (3, {"loss": 1.0})):
            if described:
                bar.describe(**described)
            clock[0] += 1
            bar.at(step)
    found = re.findall(r"(\d)/10 loss (\d\.\d+)", " ".join(_redraws(capsys)))
    assert found == [("1", "2.000"), ("2", "2.000"), ("3", "1.000")]


def test_it_is_redrawn_ten_times_a_second_at_most(terminal, clock, capsys):
    with TrainingProgress(1000, 1) as bar:
        for step in range(1, 1001):
            clock[0] += 0.001
            bar.at(step)
    drawn = [redraw for redraw in _redraws(capsys) if "images/s" in redraw]
    assert 8 <= len(drawn) <= 10
    assert "1,000 images/s" in drawn[-1]


def test_it_is_gone_at_the_end(terminal, clock, capsys):
    with TrainingProgress(10, 500) as bar:
        clock[0] += 1
        bar.at(1)
    assert capsys.readouterr().err.rstrip().endswith("\x1b[2K"), "the line is erased"
