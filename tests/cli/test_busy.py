"""How many threads a run takes, beside programs that are at work for the last minute, now, or neither."""

import json

import psutil
import pytest

from cnnlab.cli import busy


@pytest.fixture
def machine(monkeypatch, tmp_path):
    """machine(cores, lasting, now): with the load average and the share of the cores at work now."""
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr(busy, "GPU", tmp_path / "nvidiactl")

    def machine(cores: int, lasting: float, now: float) -> None:
        monkeypatch.setattr(busy.os, "cpu_count", lambda: cores)
        monkeypatch.setattr(busy.os, "sched_getaffinity", lambda pid: set(range(cores)), raising=False)
        monkeypatch.setattr(psutil, "cpu_count", lambda logical: cores)
        monkeypatch.setattr(psutil, "getloadavg", lambda: (lasting, 0.0, 0.0))
        monkeypatch.setattr(psutil, "cpu_percent", lambda interval: 100 * now)

    return machine


@pytest.mark.parametrize(
    "cores, lasting, now, threads",
    [
        (2, 0.1, 0.0, None),
        (2, 1.0, 0.5, 1),
        (2, 2.0, 1.0, 1),
        (2, 8.0, 1.0, 1),
        (2, 2.0, 0.1, None),  # no more
        (2, 0.2, 1.0, None),  # only just
        (8, 1.0, 0.12, None),
        (8, 4.0, 0.5, 4),
        (8, 8.0, 0.75, 2),
        (1, 3.0, 1.0, None),
    ],
)
def test_a_run_takes_the_cores_that_others_leave(machine, capsys, cores, lasting, now, threads):
    machine(cores, lasting, now)
    added = [] if threads is None else [f"trainer.threads={threads}"]
    assert busy.beside_others(["model=vgg"]) == ["model=vgg", *added]
    told = capsys.readouterr().err
    assert (f"takes {threads} thread" in told and f"trainer.threads={cores} takes all" in told) or (
        threads is None and not told
    )


@pytest.mark.parametrize(
    "typed",
    [
        ["-m", "seed=0,1"],
        ["--cfg", "job"],
        ["trainer.threads=2"],
        ["resume=outputs/runs/x"],
        ["resume=outputs/runs/plain_trainer.max_steps=60_seed0"],  # which Hydra cannot read
        ["reproduce=outputs/runs/plain_trainer.max_steps=60_seed0"],
        ["trainer.device=cuda"],
    ],
)
def test_what_was_chosen_is_left(machine, typed):
    machine(2, 2.0, 1.0)
    assert busy.beside_others(typed) == typed


def test_the_environment_and_a_gpu_choose_too(machine, monkeypatch, tmp_path):
    machine(2, 2.0, 1.0)
    assert busy.beside_others(["--config-dir", "mine"]) == ["--config-dir", "mine", "trainer.threads=1"]
    (tmp_path / "nvidiactl").touch()
    assert busy.beside_others([]) == [] and len(busy.beside_others(["trainer.device=cpu"])) == 2
    (tmp_path / "nvidiactl").unlink()
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    assert busy.beside_others([]) == []


def test_a_run_that_goes_on_has_the_threads_it_began_with(machine, tmp_path):
    folder = tmp_path / "plain_trainer.max_steps=60_seed0"
    folder.mkdir()
    typed = [f"hydra.run.dir={folder}"]
    machine(2, 0.0, 0.0)
    (folder / "run.json").write_text(json.dumps({"lines": ["model=vgg", "trainer.threads=1"]}))
    assert busy.beside_others(typed) == [*typed, "trainer.threads=1"]
    machine(2, 2.0, 1.0)
    (folder / "run.json").write_text(json.dumps({"lines": ["model=vgg"]}))
    assert busy.beside_others(typed) == typed
    (folder / "run.json").write_text("{")
    assert busy.beside_others(typed) == typed
