"""The server from which jobs are forked imports what they need, and runs nothing."""

import subprocess
import sys

HEAVY = {"torch", "torchvision", "sklearn", "scipy", "numpy", "tensorboard", "PIL", "matplotlib"}
CODE = """
import sys
import cnnlab.training.preloaded
import torch
before = set(sys.modules)
# The pool of threads that would hang in a fork is started by the first operation on two threads.
import os
threads = len(os.listdir("/proc/self/task")) if os.path.isdir("/proc/self/task") else 1
from cnnlab.train import run
run("trainer.max_steps=2", "dataset.size=12", folder=sys.argv[1])
print(threads, *sorted(set(sys.modules) - before))
"""


def test_everything_heavy_is_imported_and_no_thread_started(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", CODE, str(tmp_path / "run")], capture_output=True, text=True, cwd=tmp_path, timeout=120
    )
    assert done.returncode == 0, done.stderr
    threads, *late = done.stdout.split("\n")[-2].split()
    assert int(threads) == 1
    # Not torchvision, scipy, tensorboard, ...: what is imported later is light.
    assert {name.split(".")[0] for name in late} & HEAVY <= {"sklearn", "torch"}
    assert len([name for name in late if name.split(".")[0] in HEAVY]) < 10
