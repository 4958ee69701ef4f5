"""What is measured on the trained network: curves in the event file, names in the results."""

from dataclasses import replace

import pytest
import torch

from cnnlab.evaluation.invariance import Invariance
from cnnlab.networks.filters import roughness
from cnnlab.networks.kernels import CLASSICAL
from cnnlab.training.observers.afterwards import Afterwards


@pytest.fixture
def right_half(data):
    """Logits that are right for the first half of the test images, and wrong for the rest."""
    labels = data.test.labels
    said = torch.where(torch.arange(len(labels)) < len(labels) // 2, labels, (labels + 1) % 10)
    return torch.nn.functional.one_hot(said, 10).float()


def _curve(found, tag: str) -> list[tuple[int, float]]:
    return [(event.step, event.value) for event in found.Scalars(tag)]


def test_an_evaluation_is_a_curve_that_begins_at_the_test_accuracy(
    trainer, data, dashboard, right_half, events, tmp_path
):
    observer = Afterwards(trainer, data, dashboard, Invariance(shifts=[1, 3], squashes=[0.75]))
    observer.tested(9, right_half, data.test.labels)
    dashboard.end(True)
    results, found = observer.results(9), events(tmp_path)
    clean = len(data.test) // 2 / len(data.test)
    assert _curve(found, "invariance/accuracy_by_shift_px") == [
        (0, pytest.approx(clean)),
        (1, pytest.approx(results["test/accuracy@shift=1"])),
        (3, pytest.approx(results["test/accuracy@shift=3"])),
    ]
    assert [step for step, _ in _curve(found, "invariance/accuracy_by_squash_percent")] == [0, 25]
    assert _curve(found, "invariance/consistency_by_shift_px")[0] == (0, 1.0)
    assert "test/accuracy" not in results, "the session has it"


def test_it_is_the_test_images_that_are_evaluated(trainer, data, dashboard, right_half):
    given = []

    def evaluation(network, split, mean, std):
        given.append((network, split, mean, std))
        return {"test/brightness": 0.25}

    observer = Afterwards(trainer, data, dashboard, evaluation)
    observer.tested(9, right_half, data.test.labels)
    ((network, split, mean, std),) = given
    assert network is trainer.network and split is data.test and (mean, std) == (data.mean, data.std)
    assert observer.results(9)["test/brightness"] == 0.25


@pytest.mark.parametrize(("precision", "dtype"), [("fp32", torch.float32), ("bf16", torch.bfloat16)])
def test_the_evaluation_runs_in_the_number_format_of_the_training(
    precision, dtype, trainer, data, dashboard, right_half
):
    formats = []

    def evaluation(network, split, mean, std):
        formats.append(network(torch.zeros(1, 1, 8, 8)).dtype)
        return {}

    Afterwards(replace(trainer, precision=precision), data, dashboard, evaluation).tested(
        9, right_half, data.test.labels
    )
    assert formats == [dtype]


def test_without_an_evaluation_only_filters_are_named(trainer, data, dashboard, right_half, events, tmp_path):
    with torch.no_grad():
        kernels = [CLASSICAL["sobel_x"].tensor(), -2 * CLASSICAL["laplacian"].tensor()]
        trainer.network.get_parameter("block1.conv1.weight").copy_(torch.stack(kernels)[:, None])
    observer = Afterwards(trainer, data, dashboard, None)
    observer.tested(9, right_half, data.test.labels)
    dashboard.end(True)
    results = observer.results(9)
    assert (results["first_layer/name/000"], results["first_layer/name/001"]) == ("sobel_x", "-laplacian")
    assert results["first_layer/recognized"] == 1.0 and all(key.startswith("first_layer/") for key in results)
    assert events(tmp_path).Tags()["scalars"] == []


def test_before_the_test_there_is_the_initial_roughness_alone(trainer, data, dashboard):
    found = Afterwards(trainer, data, dashboard, Invariance(shifts=[1])).results(0)
    assert found == roughness(trainer.network, "init") and len(found) == 1


def test_roughness_is_that_before_and_after_training(trainer, data, dashboard, right_half):
    before = roughness(trainer.network, "init")
    observer = Afterwards(trainer, data, dashboard, None)
    with torch.no_grad():
        trainer.network.get_parameter("block1.conv1.weight").copy_(torch.linspace(0, 1, 3).expand(2, 1, 3, 3))
    observer.tested(9, right_half, data.test.labels)
    results = observer.results(9)
    assert results["first_layer/roughness@init"] == before["first_layer/roughness@init"]
    assert results["first_layer/roughness@end"] == pytest.approx(1 / 3)
