"""The same numbers for the same seed, and streams that do not touch each other or the global state."""

import os
import random

import numpy as np
import pytest
import torch

from cnnlab.common.random import cpu_seed, generator, random_state, seed_everything, set_random_state, undisturbed


@pytest.fixture(autouse=True)
def _switches(monkeypatch):
    """What these tests seed and switch is afterwards what it was before."""
    states = random.getstate(), np.random.get_state()
    for switch in ("deterministic", "benchmark"):
        monkeypatch.setattr(torch.backends.cudnn, switch, getattr(torch.backends.cudnn, switch))
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", "")
    monkeypatch.delenv("CUBLAS_WORKSPACE_CONFIG")
    yield
    random.setstate(states[0])
    np.random.set_state(states[1])


def _draws() -> tuple[float, float, float]:
    return random.random(), float(np.random.rand()), float(torch.rand(()))


def test_a_seed_decides_every_global_stream():
    drawn = []
    for seed in (3, 4, 3):
        seed_everything(seed, deterministic=False)
        drawn.append(_draws())
        _draws()
    assert drawn[0] == drawn[2]
    assert all(a != b for a, b in zip(drawn[0], drawn[1], strict=True))


def _scatter():
    """torch has no deterministic way to put two values into one place."""
    torch.zeros(2).put_(torch.tensor([0, 0]), torch.tensor([1.0, 2.0]))


def test_deterministic_refuses_what_varies_and_the_next_run_of_the_process_may_do_it_again():
    seed_everything(0, deterministic=True)
    with pytest.raises(RuntimeError, match="deterministic"):
        _scatter()
    assert torch.backends.cudnn.deterministic and not torch.backends.cudnn.benchmark
    seed_everything(0, deterministic=False)
    _scatter()
    assert torch.backends.cudnn.benchmark and not torch.backends.cudnn.deterministic


def test_cublas_gets_the_workspace_that_it_asks_for_unless_it_has_one(monkeypatch):
    seed_everything(0, deterministic=False)
    assert "CUBLAS_WORKSPACE_CONFIG" not in os.environ
    seed_everything(0, deterministic=True)
    assert os.environ["CUBLAS_WORKSPACE_CONFIG"] == ":4096:8"
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", ":16:8")
    seed_everything(0, deterministic=True)
    assert os.environ["CUBLAS_WORKSPACE_CONFIG"] == ":16:8"


def test_a_seeded_block_draws_what_its_seed_draws_and_leaves_no_trace():
    torch.manual_seed(7)
    whole = torch.rand(4)
    torch.manual_seed(5)
    inside = torch.rand(3)
    torch.manual_seed(7)
    before = torch.rand(2)
    with pytest.raises(KeyError), cpu_seed(5):
        assert torch.equal(torch.rand(3), inside)
        raise KeyError
    assert torch.equal(torch.cat([before, torch.rand(2)]), whole)


def test_a_seeded_block_leaves_the_gpus_alone(monkeypatch):
    seeded = []
    monkeypatch.setattr(torch.cuda, "manual_seed_all", seeded.append)
    with cpu_seed(3):
        torch.rand(1)
    assert seeded == []


@pytest.mark.parametrize("draw", [lambda: torch.rand(2).tolist(), lambda: np.random.rand(2).tolist(), random.random])
def test_an_undisturbed_block_draws_what_its_seed_draws_from_every_generator_and_leaves_no_trace(draw):
    seed_everything(7, deterministic=False)
    whole = [draw(), draw()]
    seed_everything(5, deterministic=False)
    inside = draw()
    seed_everything(7, deterministic=False)
    found = [draw()]
    with pytest.raises(KeyError), undisturbed(5, torch.device("cpu")):
        assert draw() == inside
        raise KeyError
    assert [*found, draw()] == whole


def test_random_streams_do_not_meet() -> None:
    keys = [(0, 0), (0, 1), (1, 0), (1, 0, 0), (1, 0, 1), (1, 1, 0), (0,), ()]
    seeds = {generator(seed, *key).initial_seed() for key in keys for seed in (0, 1)}
    assert len(seeds) == 2 * len(keys)


def test_a_keys_stream_is_that_of_numpys_spawned_children():
    children = np.random.SeedSequence(9).spawn(3)
    grandchild = children[2].spawn(2)[1]
    assert generator(9, 2, 1).initial_seed() == int(grandchild.generate_state(1, np.uint64)[0])


def test_a_stream_does_not_depend_on_what_was_drawn_before():
    first = torch.rand(5, generator=generator(1, 2))
    torch.manual_seed(123)
    torch.rand(10)
    assert torch.equal(torch.rand(5, generator=generator(1, 2)), first)


def test_all_streams_go_on_from_a_state_that_a_checkpoint_can_hold(tmp_path):
    seed_everything(3, deterministic=False)
    random.gauss(0, 1), np.random.randn()  # each leaves half of a pair
    cpu = torch.device("cpu")
    torch.save(random_state(cpu), tmp_path / "state.pt")
    expected = [_draws(), random.gauss(0, 1), np.random.randn()]
    seed_everything(9, deterministic=False)
    set_random_state(torch.load(tmp_path / "state.pt", weights_only=True), cpu)
    assert [_draws(), random.gauss(0, 1), np.random.randn()] == expected
