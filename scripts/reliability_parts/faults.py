"""Faults around a run, each with what happened, in a few words."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

SMALL = ("dataset.size=8", "model.channels=[4,8]", "model.convs_per_block=1", "trainer.max_steps=30")


def _train(home: Path, *arguments: str) -> tuple[int, str]:
    """Exit code, and the last line on stderr."""
    done = subprocess.run(
        [sys.executable, "-m", "cnnlab.train", *SMALL, "hydra.run.dir=run", *arguments],
        *(), cwd=home, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    lines = done.stderr.strip().splitlines()
    words = next((line for line in lines if "Traceback" in line), lines[0] if lines else "")
    return done.returncode, words.replace(str(home), "...")


def _status(home: Path) -> str:
    return json.loads((home / "run" / "run.json").read_text())["status"]


def _again(home: Path, *arguments: str) -> str:
    code, words = _train(home, *arguments)
    return "the same command goes on and completes" if code == 0 else f"exit {code}: {words}"


def flipped(home: Path) -> str:
    """A bit of the checkpoint is wrong."""
    home.mkdir()
    _train(home)
    path = home / "run" / "checkpoints" / "last.pt"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    code, words = _train(home, "trainer.max_steps=40")
    return f"exit {code}: {words}"


def truncated(home: Path) -> str:
    home.mkdir()
    _train(home)
    path = home / "run" / "checkpoints" / "last.pt"
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    code, words = _train(home, "trainer.max_steps=40")
    return f"exit {code}: {words}"


def other_settings(home: Path) -> str:
    home.mkdir()
    _train(home)
    code, words = _train(home, "trainer.max_steps=40", "optimizer.lr=0.5")
    return f"exit {code}: {words}"


def not_finite(home: Path) -> str:
    home.mkdir()
    code, _ = _train(home, "trainer.max_steps=1", "optimizer.lr=1e30")
    return f"exit {code}, status {_status(home)}"


def full_disk(home: Path) -> str:
    """A disk of 700 kB, as a tmpfs, which only root can mount."""
    home.mkdir()
    if os.name != "posix" or os.geteuid() != 0 or shutil.which("mount") is None:
        return "not tried: mounting a small disk needs root"
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=700k", "tmpfs", str(home)], check=True)
    try:
        code, words = _train(home, "model.channels=[32,64]", "trainer.max_steps=200", "telemetry.every=1")
        status = _status(home)
    finally:
        subprocess.run(["umount", str(home)], check=True)
    return f"exit {code}, status {status}: {words}"


def somebody_elses_config(home: Path) -> str:
    (home / "run").mkdir(parents=True)
    (home / "run" / "config.yaml").write_text("mine")
    code, words = _train(home)
    kept = (home / "run" / "config.yaml").read_text() == "mine"
    return f"exit {code}, config.yaml {'kept' if kept else 'LOST'}: {words}"


FAULTS: dict[str, Callable[[Path], str]] = {
    "a flipped bit in last.pt": flipped,
    "half of last.pt": truncated,
    "other settings at resume": other_settings,
    "the test loss is not a number": not_finite,
    "a full disk": full_disk,
    "a config.yaml that is somebody else's": somebody_elses_config,
}
