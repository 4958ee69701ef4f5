"""The command's mistakes; what it shows is tested in tests/views/dashboard."""

import os
import signal
import subprocess
import sys
import urllib.request
from subprocess import PIPE, STDOUT

import pytest


@pytest.mark.parametrize(
    "arguments, words",
    [
        ([], "outputs holds no runs yet"),
        (["nix"], "nix: no such folder"),
        (["port=0"], "port"),
        (["open=maybe"], "open"),
        (["prot=6006"], "Did you mean 'port'?"),
    ],
)
def test_a_mistake_is_answered_in_words(run_command, tmp_path, arguments, words):
    done = run_command("-m", "cnnlab.dashboard", *arguments, cwd=tmp_path)
    assert done.returncode == 1 and words in done.stderr and "Traceback" not in done.stderr


def test_the_newest_run_is_served_until_ctrl_c(write_run, tmp_path):
    write_run(tmp_path / "outputs" / "runs" / "older", 0.5)
    newer = write_run(tmp_path / "outputs" / "runs" / "newer", 0.75)
    os.utime(newer / "run.json", (2e9, 2e9))
    command = [sys.executable, "-m", "cnnlab.dashboard", "open=false"]
    with subprocess.Popen(command, cwd=tmp_path, text=True, stdout=PIPE, stderr=STDOUT) as process:
        assert process.stdout is not None
        try:
            assert process.stdout.readline().split() == ["showing", "1", "run", "of", "outputs/runs/newer"]
            url = process.stdout.readline().split()[1].partition("#")[0]
            assert "75.00" in urllib.request.urlopen(f"{url}data/plugin/report/page", timeout=60).read().decode()
            process.send_signal(signal.SIGINT)
            assert process.wait(timeout=30) == 0 and process.stdout.read() == ""
        finally:
            process.kill()
