"""The collector in the server and in its forks."""

import subprocess
import sys

CODE = """
import gc, os
import cnnlab.cli.launchers.uncollected
made = [[] for _ in range(10)]
print(gc.isenabled(), flush=True)
pid = os.fork()
if not pid:
    print(gc.isenabled(), any(o is made for o in gc.get_objects()), flush=True)
    os._exit(0)
os.waitpid(pid, 0)
print(gc.isenabled(), gc.get_freeze_count() > 0)
"""


def test_the_server_searches_for_no_garbage_and_its_forks_only_for_their_own():
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.split("\n")[:3] == ["False", "True False", "False True"]
