"""Every recipe of CONTRIBUTING.md, done as it says: the files written, the command run."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

TEXT = (Path(__file__).parents[1] / "CONTRIBUTING.md").read_text()
BLOCKS = re.findall(r"```(python|yaml|bash)\n(.*?)```", TEXT, re.DOTALL)
FILES = {m[1]: body for _, body in BLOCKS if (m := re.match(r"(?:# @package _global_\n)?# (mine/\S+)\n", body))}
COMMANDS = [body.strip() for kind, body in BLOCKS if kind == "bash" and body.startswith("python -m cnnlab")]
SMALL = ["trainer.max_steps=3", "telemetry.pictures=false"]


def test_recipes_are_found():
    assert len(COMMANDS) == 5 and len(FILES) == 9


@pytest.mark.parametrize("command", COMMANDS)
def test_a_recipe_works_as_it_stands(tmp_path, command):
    for name, body in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(body)
    done = subprocess.run(
        [sys.executable, *command.split()[1:], *SMALL],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path / "mine")},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    runs = list(tmp_path.glob("outputs/**/results.json"))
    assert len(runs) == (4 if " -m " in command.removeprefix("python -m") else 1)
