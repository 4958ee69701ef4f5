"""A config's trainer has the numbers of the config, and parts that were made are taken up as if made now."""

import pytest
import torch

from cnnlab.cli.compose import compose_run
from cnnlab.common.random import seed_everything
from cnnlab.training.from_config import taken_up, trainer_of

CPU = torch.device("cpu")


@pytest.fixture
def config():
    overrides = ["dataset=digits", "dataset.size=8", "model.channels=[4]", "optimizer.lr=0.03", "trainer.clip=2"]
    return compose_run("train", [*overrides, "trainer.label_smoothing=0.1"])[0]


def test_numbers_reach_the_trainer(config):
    parts = taken_up(config, CPU, None)
    trainer = trainer_of(config, parts.network, parts.data.shape, CPU, 10)
    assert (trainer.clip, trainer.label_smoothing, trainer.precision) == (2, 0.1, "fp32")
    assert trainer.optimizer.param_groups[0]["initial_lr"] == 0.03
    idle = trainer_of(config, parts.network, parts.data.shape, CPU, 0)
    assert idle.optimizer is None and idle.scheduler is None


def test_random_numbers_go_on_behind_parts_as_behind_making_them(config):
    seed_everything(0, deterministic=False)
    parts = taken_up(config, CPU, None)
    drawn = torch.rand(3)
    assert not torch.equal(torch.rand(3), drawn)
    assert taken_up(config, CPU, parts) is parts and torch.equal(torch.rand(3), drawn)
