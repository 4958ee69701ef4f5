"""A small network on real digits, sessions of a few steps, and event files read back."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from cnnlab.datasets.base import ImageSet
from cnnlab.datasets.batches import Batches
from cnnlab.datasets.digits import digits
from cnnlab.networks.convnet import ConvNet
from cnnlab.networks.init import initialize
from cnnlab.runs.run_folder import RunFolder
from cnnlab.telemetry.tensorboard import Dashboard
from cnnlab.training.observers.observer import Observer
from cnnlab.training.schedules import constant
from cnnlab.training.session import Session
from cnnlab.training.setup import Telemetry, prepare
from cnnlab.training.trainer import Trainer


@pytest.fixture(scope="session")
def data() -> ImageSet:
    return digits(size=8)


@pytest.fixture
def network() -> ConvNet:
    made = ConvNet((1, 8, 8), 10, channels=(2,), convs_per_block=1, head=())
    initialize(made, torch.nn.init.kaiming_normal_)
    return made


@pytest.fixture
def trainer(network) -> Trainer:
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1)
    return Trainer(network, optimizer, constant(optimizer, 1), torch.device("cpu"))


@pytest.fixture
def dashboard(tmp_path) -> Dashboard:
    return Dashboard(tmp_path)


@pytest.fixture(scope="session")
def events() -> Callable[[Path], EventAccumulator]:
    """events(folder): everything that its event file holds."""

    def events(folder: Path) -> EventAccumulator:
        every = dict.fromkeys(("scalars", "images", "histograms", "tensors"), 0)
        return EventAccumulator(str(folder), size_guidance=every).Reload()

    return events


@pytest.fixture
def session(data, trainer, tmp_path) -> Callable[..., Session]:
    """session(steps, *observers): a run of `steps` batches, measured at its first and its last step."""

    def session(steps: int, *observers: Observer) -> Session:
        tmp_path.joinpath("run").mkdir()
        batches = Batches(data.train, data.mean, data.std, 16)
        folder, telemetry = RunFolder(tmp_path / "run"), Telemetry(every=1000, early=False)
        folder.status = {"status": "running"}
        made = prepare(folder, data, trainer, batches, steps, telemetry=telemetry)
        made.observers = list(observers)
        return made

    return session
