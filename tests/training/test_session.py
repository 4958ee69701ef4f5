"""A run from its config: losses with and without telemetry, divergence, and what the run folder then holds."""

import json
import math
import subprocess
import sys
from itertools import count

import pytest
import torch
from omegaconf import OmegaConf

from cnnlab.cli.compose import compose_jobs, compose_run
from cnnlab.cli.resolvers import register_resolvers
from cnnlab.datasets.base import fingerprint
from cnnlab.datasets.digits import digits
from cnnlab.runs.request import Request
from cnnlab.runs.run_folder import RunFolder, read_metrics
from cnnlab.training.perform import perform
from cnnlab.training.session import Session
from cnnlab.training.start import session_of, train

SMALL = ["dataset.size=12", "model.channels=[4,8]", "model.convs_per_block=1", "trainer.max_steps=30"]


def _job(*overrides: str):
    register_resolvers()
    (job,) = compose_jobs("train", [*SMALL, *overrides])
    return job


def _session(folder, *overrides: str) -> Session:
    job = _job(*overrides)
    torch.manual_seed(job.seed)
    folder.mkdir(parents=True, exist_ok=True)
    request = Request(config=OmegaConf.to_container(job, resolve=True))
    session = session_of(job, request, RunFolder(folder), torch.device("cpu"), pictures=False)
    session.fit()
    return session


def test_losses_are_the_same_bit_for_bit_with_and_without_telemetry(tmp_path):
    weights = []
    for name, overrides in {
        "off": ["telemetry=off"],
        "light": ["telemetry=light"],
        "every": ["telemetry=full", "telemetry.every=1", "telemetry.pictures=true"],
    }.items():
        session = _session(tmp_path / name, *overrides, "model.dropout=0.3")
        weights.append(torch.cat([p.flatten() for p in session.network.parameters()]))
    assert torch.equal(weights[0], weights[1]) and torch.equal(weights[0], weights[2])
    rows = [read_metrics(tmp_path / name) for name in ("off", "light", "every")]
    first, second, third = ({(r["step"], r.get("train/loss")) for r in row if "train/loss" in r} for row in rows)
    assert first == second and first <= third


def test_keys_are_those_of_the_design(tmp_path):
    session = _session(tmp_path)
    row = read_metrics(tmp_path)[0]
    for what, statistics in session.recorder.probe.statistics.items():
        for name in statistics:
            if what != "saturation":
                assert f"{what}/{name}" + ("" if what in ("images", "output") else "/01_block1.conv1") in row
    assert {"step", "epoch", "train/loss", "train/accuracy", "optimizer/lr"} <= row.keys()
    assert session.results["activation/std/01_block1.conv1@init"] == row["activation/std/01_block1.conv1"]
    assert "activation/std/01_block1.conv1@end" in session.results
    assert session.results["train/steps"] == 30 and session.results["time/step_ms"] > 0


def test_the_start_lasts_until_the_first_step_is_done(tmp_path, monkeypatch):
    config, request, _ = compose_run("train", [*SMALL, "trainer.max_steps=3"])
    clock = count(100.0)
    monkeypatch.setattr("cnnlab.training.clock.perf_counter", lambda: next(clock))
    results = perform(config, request, tmp_path / "timed", False, False, began=40.0)
    # The clock is read when the first step begins, at 100, and then when it is done.
    assert results["time/start_s"] == 101 - 40
    assert "time/start_s" not in perform(config, request, tmp_path / "untimed", False, False)


FIRST_STEP = """
import sys
from cnnlab.train import run
from cnnlab.training.clock import StepClock
late = {"matplotlib.axes", "pandas", "scipy", "sklearn", "torchvision"}
done, loaded = StepClock.done, []
StepClock.done = lambda clock: loaded.append(late & set(sys.modules)) or done(clock)
run("dataset.size=12", "trainer.max_steps=2", "telemetry.pictures=true", folder=sys.argv[1])
print(loaded, sorted(late & set(sys.modules)))
"""


def test_the_first_step_waits_for_no_figure(tmp_path):
    command = [sys.executable, "-c", FIRST_STEP, str(tmp_path / "run")]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "[set(), {'matplotlib.axes'}] ['matplotlib.axes']"
    assert (tmp_path / "run" / "figures" / "theory.png").is_file()


def test_a_run_that_diverges_stops_and_says_when(tmp_path):
    session = _session(tmp_path, "optimizer.lr=1e6", "scheduler=constant")
    assert session.folder.status["status"] == "diverged"
    step = session.results["train/first_nonfinite_step"]
    assert 0 < step < 30 and f"as of step {step}" in session.folder.status["error"]
    assert read_metrics(tmp_path)[-1]["step"] < 30
    assert step < session.results["train/steps"] < 30, "steps that were made, not planned"


def test_no_steps_still_measure_the_initial_network(tmp_path):
    session = _session(tmp_path, "trainer.max_steps=0")
    assert session.results["activation/std/01_block1.conv1@init"] > 0
    assert session.results["gradient/std/01_block1.conv1@init"] > 0
    assert session.results["signal/variance_gain@init"] > 0 and session.results["signal/gradient_gain@init"] > 0


def test_looking_at_the_initial_network_leaves_it_as_it_is(tmp_path):
    session = _session(tmp_path, "trainer.max_steps=0", "model.norm=batch")
    buffers = dict(session.network.named_buffers())
    assert all(not count for name, count in buffers.items() if name.endswith("num_batches_tracked"))
    assert all(not mean.any() for name, mean in buffers.items() if name.endswith("running_mean"))
    assert all(p.grad is None for p in session.network.parameters())


def test_the_best_checkpoint_is_the_best_epochs(tmp_path):
    _session(tmp_path, "trainer.max_steps=100")
    rows = [r for r in read_metrics(tmp_path) if "validation/accuracy" in r]
    best = torch.load(tmp_path / "checkpoints" / "best.pt", weights_only=True)
    last = torch.load(tmp_path / "checkpoints" / "last.pt", weights_only=True)
    assert best["validation/accuracy"] == pytest.approx(max(r["validation/accuracy"] for r in rows))
    assert last["step"] == 100 and len(last["classes"]) == 10 and last["image_shape"] == [1, 12, 12]


def test_every_line_of_metrics_is_strict_json(tmp_path):
    _session(tmp_path, "init=zeros")  # whose weight/distinct is NaN
    lines = (tmp_path / "metrics.jsonl").read_text().splitlines()
    rows = [json.loads(line, parse_constant=lambda c: pytest.fail(c)) for line in lines]
    assert rows[0]["weight/distinct/01_block1.conv1"] == "nan"
    assert math.isnan(read_metrics(tmp_path)[0]["weight/distinct/01_block1.conv1"])


def test_the_results_name_the_data_and_the_gap(tmp_path):
    results = train(_job(), Request(), tmp_path / "some", pictures=False, show=False)
    assert results["train/images"] == len(digits().train) and results["data/fingerprint"] == fingerprint(
        digits(size=12)
    )
    assert results["test/gap"] == results["train/epoch_accuracy"] - results["test/accuracy"]
    assert 0 <= results["test/probability_error"] < 1e-6
    untrained = train(_job("trainer.max_steps=0"), Request(), tmp_path / "none", pictures=False, show=False)
    assert "test/gap" not in untrained and untrained["data/fingerprint"] == results["data/fingerprint"]


def test_what_augmentation_costs_is_in_the_results_of_an_augmented_run(tmp_path):
    plain, augmented = _session(tmp_path / "a"), _session(tmp_path / "b", "augmentation=digits")
    random = torch.get_rng_state()
    augmented.batches.augment_one()
    assert torch.equal(torch.get_rng_state(), random)
    assert "time/augmentation_ms" not in plain.results
    assert augmented.results["time/augmentation_ms"] > 0
