"""Order, resumption and streaming: batches are the same wherever the images lie."""

import threading

import pytest
import torch
from torch import Tensor

from cnnlab.common.random import generator
from cnnlab.datasets import batches as module
from cnnlab.datasets.augmentation import Augmentation
from cnnlab.datasets.base import Split
from cnnlab.datasets.batches import Batch, Batches

MEAN, STD = (0.4, 0.5), (0.2, 0.3)


def split(n: int = 53) -> Split:
    """Images whose labels are their numbers."""
    return Split(torch.randint(0, 256, (n, 2, 6, 5), dtype=torch.uint8, generator=generator(1)), torch.arange(n))


def make(n: int = 53, size: int = 10, **options) -> Batches:
    return Batches(split(n), MEAN, STD, size, **options)


def labels(epoch: list[Batch]) -> list[int]:
    return torch.cat([y for _, y in epoch]).tolist()


def same(a: list[Batch], b: list[Batch]) -> bool:
    pairs: list[tuple[Tensor, Tensor]] = [(p, q) for x, y in zip(a, b, strict=True) for p, q in zip(x, y, strict=True)]
    return all(torch.equal(p, q) for p, q in pairs)


def test_a_batch_is_normalized_images_with_their_labels() -> None:
    data = split()
    for x, y in make().epoch(0):
        pixels = torch.stack([data.images[i] for i in y.tolist()]).double() / 255
        expected = (pixels - torch.tensor(MEAN).view(2, 1, 1)) / torch.tensor(STD).view(2, 1, 1)
        torch.testing.assert_close(x, expected.float(), rtol=1e-5, atol=1e-5)
        assert x.shape == (10, 2, 6, 5) and x.dtype == torch.float32 and y.dtype == torch.int64


def test_an_epoch_is_the_full_batches_of_distinct_images() -> None:
    batches = make()
    epoch = list(batches.epoch(0))
    assert len(batches) == len(epoch) == 5
    assert len(set(labels(epoch))) == 50


@pytest.mark.parametrize(
    ("n", "size", "steps", "images"), [(53, 53, 1, 53), (7, 10, 1, 7), (0, 10, 0, 0), (20, 10, 2, 20)]
)
def test_steps_at_the_edges(n: int, size: int, steps: int, images: int) -> None:
    batches = make(n, size)
    epoch = list(batches.epoch(0))
    assert len(batches) == len(epoch) == steps
    assert sum(len(y) for _, y in epoch) == images
    assert sum(len(y) for _, y in batches.in_order()) == n


def test_what_one_epoch_leaves_out_others_show() -> None:
    batches = make()
    assert set(labels([b for e in range(8) for b in batches.epoch(e)])) == set(range(53))


def test_order_is_a_function_of_seed_and_epoch() -> None:
    first = labels(list(make(seed=3).epoch(2)))
    torch.manual_seed(1)
    assert first == labels(list(make(seed=3).epoch(2)))
    assert first != labels(list(make(seed=3).epoch(1))) != labels(list(make(seed=4).epoch(1)))


@pytest.mark.parametrize("resident", [True, False])
def test_an_epoch_can_start_at_any_step(resident: bool) -> None:
    batches = make(seed=1, augment=Augmentation(True, 1, 20.0, 2), resident=resident)
    whole = list(batches.epoch(4))
    for start in range(6):
        assert same(list(batches.epoch(4, start)), whole[start:])


def test_augmentation_differs_by_step_and_epoch_and_spares_evaluation() -> None:
    data = Split(torch.randint(0, 256, (1, 1, 8, 8), dtype=torch.uint8).repeat(40, 1, 1, 1), torch.zeros(40).long())
    augmented = Batches(data, (0.5,), (0.5,), 20, augment=Augmentation(translate=3))
    (a, _), (b, _) = augmented.epoch(0)
    (c, _), _ = augmented.epoch(1)
    assert not torch.equal(a, b) and not torch.equal(a, c)
    assert same(list(augmented.in_order()), list(Batches(data, (0.5,), (0.5,), 20).in_order()))


def test_streamed_and_resident_batches_are_bit_equal() -> None:
    options = {"seed": 2, "augment": Augmentation(True, 1, 15.0, 2)}
    resident, streamed = make(resident=True, **options), make(resident=False, **options)
    assert same(list(resident.epoch(1)), list(streamed.epoch(1)))
    assert same(list(resident.in_order()), list(streamed.in_order()))
    assert labels(list(streamed.in_order())) == list(range(53))


def test_what_does_not_fit_streams(monkeypatch: pytest.MonkeyPatch) -> None:
    assert make().resident
    needed = split().images.nbytes
    monkeypatch.setattr(module, "memory", lambda: 2 * needed)
    assert make().resident
    monkeypatch.setattr(module, "memory", lambda: 2 * needed - 1)
    assert not make().resident


def test_resident_images_are_not_copied_on_the_cpu() -> None:
    data = split()
    assert Batches(data, MEAN, STD, 8).images.data_ptr() == data.images.data_ptr()


def test_leaving_a_stream_early_ends_its_thread() -> None:
    before = threading.active_count()
    stream = make(resident=False).epoch(0)
    next(stream)
    assert threading.active_count() == before + 1
    stream.close()
    assert threading.active_count() == before


def test_a_reader_that_fails_fails_the_epoch(monkeypatch: pytest.MonkeyPatch) -> None:
    batches = make(resident=False)
    monkeypatch.setattr(batches, "labels", batches.labels[:3])
    with pytest.raises((IndexError, RuntimeError)):
        list(batches._fetch([torch.arange(2), torch.arange(40, 50)]))


def test_augmentation_that_leaves_no_image_is_refused_at_once() -> None:
    with pytest.raises(ValueError, match="augmentation.translate=5"):
        make(augment=Augmentation(translate=5))


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_cuda_gives_the_images_of_the_cpu() -> None:
    options = {"seed": 2, "augment": Augmentation(flip=True, translate=1, cutout=2)}
    host = list(make(**options).epoch(1))
    for resident in (True, False):
        device = list(make(device="cuda", resident=resident, **options).epoch(1))
        assert all(x.is_cuda and y.is_cuda for x, y in device)
        for (x, y), (u, v) in zip(host, device, strict=True):
            assert torch.equal(y, v.cpu())
            torch.testing.assert_close(x, u.cpu())
