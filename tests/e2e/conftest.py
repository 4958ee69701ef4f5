"""What the tests of the two clusters share."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

SMALL = ["dataset.size=12", "model.channels=[4,8]", "model.convs_per_block=1", "trainer.max_steps=30"]


@pytest.fixture
def cluster_sweep(tmp_path) -> Callable[..., list[str]]:
    """The command of a sweep of small runs, to be typed in tmp_path, into the folder `sweep`."""
    return lambda *arguments: [sys.executable, "-m", "cnnlab.train", "-m", *arguments, *SMALL, "hydra.sweep.dir=sweep"]


@pytest.fixture
def stalling(tmp_path) -> Callable[[int], list[str]]:
    """`stalling(times)`: what adds the data set `stalls`, whose first `times` attempts hang, to a command."""
    (tmp_path / "mine" / "dataset").mkdir(parents=True)
    (tmp_path / "counter").mkdir()
    shutil.copy(Path(__file__).with_name("stalls.py"), tmp_path / "mine")

    def stalling(times: int) -> list[str]:
        settings = f"{{_target_: stalls.stalls, counter: {tmp_path / 'counter'}, times: {times}, size: 12}}\n"
        (tmp_path / "mine" / "dataset" / "stalls.yaml").write_text(settings)
        return ["--config-dir", "mine", "dataset=digits,stalls"]

    return stalling


@pytest.fixture
def same_as_alone(tmp_path) -> Callable[[Path, int], None]:
    """`same_as_alone(folder, seed)`: a job's numbers are those of the single run, bit for bit, but for times."""

    def numbers(folder: Path) -> dict[str, Any]:
        results = json.loads((folder / "results.json").read_text())
        return {key: value for key, value in results.items() if not key.startswith(("time/", "telemetry/"))}

    def same_as_alone(folder: Path, seed: int) -> None:
        command = [sys.executable, "-m", "cnnlab.train", *SMALL, f"seed={seed}", "hydra.run.dir=alone"]
        one_thread = os.environ | {"OMP_NUM_THREADS": "1"}
        subprocess.run(command, env=one_thread, cwd=tmp_path, check=True, capture_output=True, timeout=120)
        assert numbers(folder) == numbers(tmp_path / "alone") and "test/loss" in numbers(folder)

    return same_as_alone
