"""What a run would cost."""

import pytest
import torch

from cnnlab.cli.compose import compose_run
from cnnlab.training.estimate import training_seconds

SMALL = ["dataset.size=12", "model.channels=[4,8]"]


def _config(*overrides):
    return compose_run("train", [*SMALL, *overrides])[0]


def test_the_cost_is_a_measured_step_times_the_steps(monkeypatch):
    clock = iter(range(0, 1000, 2))  # each step takes 2 s
    monkeypatch.setattr("cnnlab.training.estimate.perf_counter", lambda: next(clock))
    assert training_seconds(_config("trainer.max_steps=50")) == pytest.approx(50 * 2)
    # 1,294 of 1,438 training images in whole batches of 64
    assert training_seconds(_config("trainer.epochs=3")) == pytest.approx(3 * (1294 // 64) * 2)


def test_it_uses_the_threads_of_the_run_and_gives_them_back(monkeypatch):
    before, seen = torch.get_num_threads(), []
    monkeypatch.setattr("cnnlab.cli.parts.build_data", lambda config: _seen(config, seen))
    training_seconds(_config("trainer.max_steps=1"), threads=1)
    assert seen == [1] and torch.get_num_threads() == before


def _seen(config, seen):
    from cnnlab.cli.build import build_data

    seen.append(torch.get_num_threads())
    return build_data(config)
