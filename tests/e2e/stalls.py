"""A data set whose first attempts on a cluster never get it, as on a node whose disk hangs; for tests of sweeps."""

import os
import tempfile
import time

from cnnlab.datasets.digits import digits


def stalls(counter, times, **settings):
    """`counter`: folder with a file per attempt that hung. The launching process, which checks the data, does not."""
    on_a_cluster = {"SLURM_JOB_ID", "RAY_JOB_ID"} & set(os.environ)
    if on_a_cluster and len(os.listdir(counter)) < times:
        tempfile.mkstemp(dir=counter)
        for _ in range(6000):
            time.sleep(0.1)
    return digits(**settings)
