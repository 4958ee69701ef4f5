"""What the process of which jobs are forks has found before the first job."""

import subprocess
import sys

CODE = """
import sys
import cnnlab.cli.launchers.scanned
from hydra.core.singleton import Singleton
from hydra.core.plugins import Plugins
before = set(sys.modules)
names = {plugin.__name__ for plugin in Plugins.instance().discover()}
assert set(sys.modules) == before
print("torch" in sys.modules, {"LabSweeper", "LocalLauncher", "BasicLauncher"} <= names)
"""


def test_the_plugins_are_found_and_nothing_is_computed():
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, timeout=60)
    assert done.stdout.split() == ["False", "True"], done.stderr
