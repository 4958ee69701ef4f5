"""A job runs from its bytes in another process as it would here, and tells what became of it."""

import subprocess
import sys
from pathlib import Path

import cloudpickle
import pytest
from hydra.core.utils import JobStatus

from cnnlab.cli.launchers.job import compose_job, failed, job_folder, pack

ELSEWHERE = """
import sys, cloudpickle
from cnnlab.cli.launchers.job import run_packed
payload, answer = sys.argv[1:]
done = run_packed(open(payload, "rb").read())
open(answer, "wb").write(cloudpickle.dumps(done))
"""


def _elsewhere(payload: bytes, folder: Path):
    """Run the job in a process that starts in another folder, without this one's imports."""
    (folder / "payload").write_bytes(payload)
    arguments = [sys.executable, "-c", ELSEWHERE, str(folder / "payload"), str(folder / "answer")]
    subprocess.run(arguments, cwd="/", check=True, timeout=60)
    return cloudpickle.loads((folder / "answer").read_bytes())


def test_a_job_finds_its_folder_its_config_and_modules_of_ones_own(launched, tmp_path, monkeypatch):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "only_here.py").write_text("twice = lambda word: 2 * word\n")
    monkeypatch.setattr(sys, "path", [str(tmp_path / "mine"), *sys.path])

    def task(config):
        import only_here  # type: ignore[import-not-found]
        from hydra.core.hydra_config import HydraConfig

        return only_here.twice(config.what), HydraConfig.get().job.num, HydraConfig.get().runtime.output_dir

    done = _elsewhere(pack(launched(task), ["what=ab"], 7), tmp_path)
    assert done.status is JobStatus.COMPLETED
    assert done.return_value == ("abab", 7, str(tmp_path / "sweep" / "what=ab"))
    assert list(done.overrides) == ["what=ab"] and (tmp_path / "sweep" / "what=ab").is_dir()


class _Awkward(Exception):
    def __init__(self, one, two):
        super().__init__(f"{one} and {two}")


@pytest.mark.parametrize("way, words", [("raise", "no good"), ("exit", "SystemExit: 3"), ("awkward", "this and that")])
def test_what_a_job_raises_comes_back(launched, tmp_path, way, words):
    def task(config):
        if config.what == "exit":
            sys.exit(3)
        raise ValueError("no good") if config.what == "raise" else _Awkward("this", "that")

    done = _elsewhere(pack(launched(task), [f"what={way}"], 0), tmp_path)
    assert done.status is JobStatus.FAILED
    with pytest.raises(Exception, match=words):
        _ = done.return_value


def test_the_folder_is_known_before_the_job_runs(launched, tmp_path):
    launcher = launched(print)
    config = compose_job(launcher, ["what=x"], 3)
    assert job_folder(config) == tmp_path / "sweep" / "what=x" and config.hydra.job.num == 3


def test_a_job_that_vanished_has_an_outcome_too(launched):
    done = failed(compose_job(launched(print), ["what=x"], 0), RuntimeError("gone"))
    assert list(done.overrides) == ["what=x"] and done.cfg == {"what": "x"} and done.status is JobStatus.FAILED
    with pytest.raises(RuntimeError, match="gone"):
        _ = done.return_value
