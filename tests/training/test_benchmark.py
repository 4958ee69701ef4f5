"""The benchmark measures what it says: every variant trains, and ratios are taken round by round."""

import subprocess
import sys
from pathlib import Path

from cnnlab.training.benchmark import BARE, VARIANTS, ratios

SCRIPT = Path(__file__).parents[2] / "scripts" / "benchmark.py"


def test_ratios_are_those_of_a_round():
    assert ratios({BARE: [1.0, 2.0, 4.0], "b": [2.0, 2.0, 12.0]})["b"] == (2.0, 1.0, 3.0)


def test_the_script_prints_every_variant(tmp_path):
    arguments = ["--steps", "4", "--rounds", "1", "--threads", "1", "dataset.size=8", "model.channels=[2]"]
    done = subprocess.run([sys.executable, SCRIPT, *arguments], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert all(done.stdout.count(name) == 2 for name in VARIANTS)
    assert "model=stacked3x3" in done.stdout and "model=vgg" in done.stdout
    assert list(tmp_path.iterdir()) == []
