"""Tally against sums over all images at once."""

import math
from collections import Counter
from io import BytesIO

import pytest
import torch
import torch.nn.functional as F

from cnnlab.training.tally import Tally, batch_accuracy, gap, never_predicted, probability_error, resolution


@pytest.mark.parametrize("batches", [1, 3, Tally.KEPT, Tally.KEPT + 7])
def test_loss_and_accuracy_are_means_over_images(batches):
    tally, logits, labels = Tally(), [], []
    for i in range(batches):
        n = 5 if i == batches - 1 else 8
        logits.append(torch.randn(n, 3))
        labels.append(torch.randint(3, (n,)))
        tally.add(F.cross_entropy(logits[-1], labels[-1]), logits[-1], labels[-1])
    x, y = torch.cat(logits), torch.cat(labels)
    naive = {"loss": F.cross_entropy(x, y).item(), "accuracy": (x.argmax(1) == y).float().mean().item()}
    assert tally.read() == pytest.approx({**naive, "finite_steps": batches}, rel=1e-5)


@pytest.mark.parametrize("bad", [0, 5, Tally.KEPT + 3])
@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_the_first_step_that_is_not_finite_is_known(bad, value):
    tally = Tally()
    for i in range(2 * Tally.KEPT):
        tally.add(torch.tensor(value if i in (bad, bad + 9) else 1.0), torch.zeros(2, 3), torch.zeros(2, dtype=int))
    got = tally.read()
    assert got["finite_steps"] == bad and not math.isfinite(got["loss"])


@pytest.mark.parametrize("before", [0, 3, Tally.KEPT, Tally.KEPT + 7])
def test_it_goes_on_from_its_state_bit_for_bit(before):
    whole, first = Tally(), Tally()
    parts = [(torch.rand(()), torch.randn(5, 3), torch.randint(3, (5,))) for _ in range(2 * Tally.KEPT + 9)]
    for part in parts:
        whole.add(*part)
    for part in parts[:before]:
        first.add(*part)
    second = Tally.of(first.state(), torch.device("cpu"))
    for part in parts[before:]:
        second.add(*part)
    assert second.read() == whole.read()


@pytest.mark.parametrize("asked", [Tally.state, Tally.read])
def test_logits_are_not_kept_once_it_is_saved_or_read(asked):
    """Which with 1,000 classes, batches of 256 and some 60 steps were 60 MiB."""
    tally, unasked = Tally(), Tally()
    for i in range(Tally.KEPT + 5):
        if i in (3, 40):
            asked(tally)
        logits, labels = torch.randn(6, 1000), torch.randint(3, (6,))
        for each in (tally, unasked):
            each.add(logits.mean(), logits, labels)
    asked(tally)
    buffer = BytesIO()
    torch.save(tally.state(), buffer)
    assert len(buffer.getvalue()) < 10_000 and not tally._logits
    assert Tally.of(tally.state(), torch.device("cpu")).read() == tally.read() == unasked.read()


def test_a_state_that_holds_logits_is_taken_up():
    logits, labels = torch.randn(5, 3), torch.tensor([0, 1, 2, 0, 1])
    tally = Tally()
    tally.add(torch.tensor(1.5), logits, labels)
    older = {"losses": [torch.tensor(1.5)], "logits": [logits], "labels": [labels], "sums": None}
    assert Tally.of(older, torch.device("cpu")).read() == tally.read()


def test_nothing_added_is_nothing_read():
    assert Tally().read() == {}


def test_logits_that_are_no_numbers_are_never_right():
    logits, labels = torch.tensor([[1.0, 0.0], [torch.nan, 0.0], [torch.nan, torch.nan]]), torch.tensor([0, 0, 0])
    assert batch_accuracy(logits, labels).item() == pytest.approx(1 / 3)


def test_the_noise_floor_is_the_scatter_of_as_many_coins():
    """Against a loop over images, and against the accuracy of 20,000 test sets that are drawn."""
    logits, labels = torch.randn(50, 4), torch.arange(50) % 4
    labels[:5] = 2
    got = resolution(logits, labels)
    hits = [math.exp(row[y]) / sum(math.exp(v) for v in row) for row, y in zip(logits.tolist(), labels, strict=True)]
    assert got["test/noise_floor"] == pytest.approx(math.sqrt(sum(p * (1 - p) for p in hits)) / 50, rel=1e-6)
    draws = (torch.rand(20_000, 50) < torch.tensor(hits)).float().mean(1)
    assert got["test/noise_floor"] == pytest.approx(draws.std().item(), rel=0.03)
    assert got["test/images"] == 50 and got["test/chance"] == pytest.approx((labels == 2).float().mean().item())


def test_a_network_without_numbers_has_no_noise_floor():
    assert math.isnan(resolution(torch.full((3, 2), math.nan), torch.tensor([0, 1, 1]))["test/noise_floor"])


@pytest.mark.parametrize("scale", [0.1, 1.0, 100.0])
def test_probabilities_add_up_to_one_but_for_rounding(scale):
    """Against a float64 sum over the float32 probabilities of each image, one at a time."""
    logits = scale * torch.randn(200, 10)
    naive = [abs(math.fsum(F.softmax(row, dim=0).tolist()) - 1) for row in logits]
    found = probability_error(logits)["test/probability_error"]
    assert found == pytest.approx(max(naive), abs=1e-7) and 0 < found < 1e-6


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_an_output_that_is_no_number_has_no_probabilities(bad):
    logits = torch.randn(5, 3)
    logits[2, 1] = bad
    assert math.isnan(probability_error(logits)["test/probability_error"])


def test_the_gap_is_that_between_training_and_test():
    assert gap({"train/epoch_accuracy": 0.75, "test/accuracy": 0.5}) == {"test/gap": 0.25}
    assert gap({"test/accuracy": 0.1}) == {}, "nothing was trained"


@pytest.mark.parametrize("seed", range(3))
def test_classes_that_no_image_is_predicted_as(seed):
    torch.manual_seed(seed)
    logits, labels = torch.randn(40, 5), torch.randint(5, (40,))
    logits[:, [1, 3]] = -9.0
    said = [max(range(5), key=lambda answer, row=row: row[answer]) for row in logits.tolist()]
    naive = Counter((label, answer) for label, answer in zip(labels.tolist(), said, strict=True) if label in (1, 3))
    assert never_predicted(logits, labels) == {f"test/mistaken/{a}/{b}": count for (a, b), count in naive.items()}
    assert never_predicted(F.one_hot(labels).float(), labels) == {}
    assert never_predicted(logits.index_fill(0, torch.tensor(3), math.nan), labels) == {}


def test_reading_changes_no_later_reading():
    read, unread = Tally(), Tally()
    for i in range(Tally.KEPT + 9):
        part = torch.rand(()), torch.randn(5, 3), torch.randint(3, (5,))
        read.add(*part)
        unread.add(*part)
        if i in (2, 7, Tally.KEPT + 1):
            read.read()
    assert read.read() == unread.read()
