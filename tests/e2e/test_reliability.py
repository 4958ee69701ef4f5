"""Runs that are killed and taken up again end as those that never were; `make reliability` does it 70 times."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from reliability_parts.kills import Outcome
from reliability_parts.page import page, summary

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.slow  # as `make reliability`, which does it 70 times
def test_kills_of_each_kind_lose_nothing():
    """In a process of its own, since it forks."""
    done = subprocess.run(
        [sys.executable, "scripts/reliability.py", "--kills", "1"],
        *(), cwd=ROOT, env=os.environ | {"OMP_NUM_THREADS": "1"}, capture_output=True, text=True, timeout=280,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    kills = [line for line in done.stdout.splitlines() if line.startswith("SIG")]
    assert len(kills) == 2 and all(line.endswith(": equal") for line in kills), done.stdout


def test_the_page_counts_what_is_equal_and_names_what_is_not():
    outcomes = [
        Outcome("SIGKILL", "digits", "training", -9, ()),
        Outcome("SIGKILL", "digits", "training", -9, ("results test/loss",)),
        Outcome("SIGTERM", "digits", "before it began", 143, ()),
    ]
    text = page(outcomes, [("a full disk", "exit 1: No space")])
    assert "| SIGKILL | training | 2 | 1 of 2 |" in text and "| **SIGTERM** | **all** | **1** | **1 of 1** |" in text
    assert "- SIGKILL digits, training: results test/loss" in text and "| a full disk | exit 1: No space |" in text
    assert "- none" in page(outcomes[:1], []) and summary(outcomes[:1], []) in page(outcomes[:1], [])


@pytest.mark.slow
def test_the_page_says_that_nothing_was_lost():
    text = (ROOT / "docs" / "reliability.md").read_text()
    assert "**50 of 50**" in text and "**20 of 20**" in text and "- none" in text
