"""A real TensorBoard on a loopback port, in a process of its own, since it ends with its process."""

import json
import re
import socket
import subprocess
import sys
import urllib.request
from subprocess import PIPE

from cnnlab.telemetry.tensorboard import Dashboard

PROGRAM = """
import sys
from pathlib import Path
from cnnlab.views.dashboard.server import serve
port = int(sys.argv[2]) if sys.argv[2:] else None
print(serve(Path(sys.argv[1]), lambda: ("<html>the report</html>", False), port), flush=True)
sys.stdin.read()
"""


def _get(url):
    with urllib.request.urlopen(url, timeout=60) as answer:
        return answer.read().decode()


def test_the_report_is_the_first_tab_and_only_this_machine_is_served(tmp_path):
    board = Dashboard(tmp_path / "run")
    board.scalars(1, {"Loss/train": 0.5})
    board.end(True)
    command = [sys.executable, "-c", PROGRAM, str(tmp_path)]
    with subprocess.Popen(command, text=True, stdin=PIPE, stdout=PIPE, stderr=PIPE) as process:
        assert process.stdin and process.stdout and process.stderr
        url = process.stdout.readline().strip()
        assert url.startswith("http://127.0.0.1:")
        tabs = json.loads(_get(f"{url}/data/plugins_listing"))
        assert next(name for name, tab in tabs.items() if tab["enabled"]) == "report"
        assert "the report" in _get(f"{url}/data/plugin/report/page")
        assert {"scalars", "custom_scalars", "images", "histograms", "text", "hparams", "timeseries"} <= set(tabs)
        process.stdin.close()
        assert process.wait(timeout=60) == 0 and process.stderr.read() == ""


def test_a_port_that_is_taken_is_said(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        done = subprocess.run([sys.executable, "-c", PROGRAM, str(tmp_path), port], capture_output=True, text=True)
    assert done.returncode == 1 and re.search(f"InputError: TensorBoard cannot start: .*{port}", done.stderr)
    assert "Give another port, e.g. port=6007." in done.stderr
