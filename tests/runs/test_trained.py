"""What a run folder says of its network, against the images that it was trained on."""

import numpy as np
import pytest

import cnnlab
from cnnlab.datasets.digits import digits
from cnnlab.runs.trained import TrainedRun


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> TrainedRun:
    folder = tmp_path_factory.mktemp("runs") / "one"
    cnnlab.run("dataset.size=8", "model=linear", "trainer.max_steps=1", "telemetry=off", "seed=4", folder=folder)
    return cnnlab.load(folder)[1]


def test_it_says_what_images_have_to_be(trained):
    images = digits(size=8).train.images.numpy() / 255
    assert trained.image_shape == images.shape[1:] == (1, 8, 8)
    assert trained.mean == pytest.approx(images.mean((0, 2, 3)), abs=1e-6)
    assert trained.std == pytest.approx(images.std((0, 2, 3)), rel=1e-3)
    standard = (images - np.array(trained.mean)) / np.array(trained.std)
    assert standard.mean() == pytest.approx(0, abs=1e-4) and standard.std() == pytest.approx(1, rel=1e-3)


def test_classes_are_named_in_the_order_of_the_logits(trained):
    assert trained.classes == tuple("0123456789")


def test_the_settings_are_those_that_were_typed_and_those_that_were_not(trained):
    config = trained.config
    assert (config["seed"], config["dataset"]["size"], config["model"]["channels"]) == (4, 8, [])
    assert config["optimizer"]["momentum"] == 0.9
    assert type(config) is dict and type(config["model"]["channels"]) is list
