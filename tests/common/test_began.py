"""The time at which a command began."""

import subprocess
import sys

CODE = """
from time import perf_counter, sleep
before = perf_counter()
import cnnlab
after = perf_counter()
from cnnlab.common.began import BEGAN
print(before < BEGAN < after)
"""


def test_it_is_that_of_the_packages_import():
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True)
    assert done.stdout == "True\n", done.stderr
