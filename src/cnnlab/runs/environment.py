"""What a run's numbers depend on besides its config: process, machine, versions, and the state of the code."""

import os
import platform
import socket
import subprocess
from importlib.metadata import version
from pathlib import Path
from typing import Any

from cnnlab.runs.status import birth

PACKAGES = ("cnnlab", "torch", "torchvision", "hydra-core", "omegaconf", "tensorboard")
PARENT = "CNNLAB_PARENT"  # in a process of several that do one run: the one that started them
LONGEST_DIFF = 200_000  # characters


def environment() -> dict[str, Any]:
    """What is needed to reproduce the run."""
    commit, diff = code()
    pid = int(os.environ.get(PARENT, os.getpid()))
    return {
        "pid": pid,
        "born": birth(pid),
        "host": socket.gethostname(),
        "platform": platform.platform(),
        "versions": {"python": platform.python_version(), **{name: version(name) for name in PACKAGES}},
        "commit": commit,
        "diff": diff,
    }


def code() -> tuple[str | None, str | None]:
    """The commit of the checkout that cnnlab runs from, with "+changes" if files differ, and how they do; None for a
    wheel."""
    git = ["git", "-C", str(Path(__file__).parent)]
    try:
        # A virtual environment may be inside another project's checkout, which does not track this file.
        subprocess.run([*git, "ls-files", "--error-unmatch", __file__], capture_output=True, check=True)
        head = _output([*git, "rev-parse", "HEAD"]).strip()
        where = ("--", ".", ":/configs")
        if not _output([*git, "status", "--porcelain", *where]):
            return head, None
        return f"{head}+changes", _output([*git, "diff", "HEAD", *where])[:LONGEST_DIFF]
    except (OSError, subprocess.CalledProcessError):
        return None, None


def _output(command: list[str]) -> str:
    return subprocess.run(command, capture_output=True, text=True, errors="replace", check=True).stdout
