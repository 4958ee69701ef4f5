"""The arithmetic that all data sets share, against numpy and PIL."""

import hashlib
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from cnnlab.common.errors import InputError
from cnnlab.datasets import base
from cnnlab.datasets.base import (
    Split,
    assemble,
    broken_share,
    channel_moments,
    check_set,
    cut,
    distinct_share,
    facts,
    fingerprint,
    normalize,
    resize,
    stratified_order,
)


def some_images(n: int, *shape: int) -> torch.Tensor:
    return torch.randint(0, 256, (n, *shape), dtype=torch.uint8)


def test_the_fingerprint_is_that_of_every_byte_in_order() -> None:
    labels = torch.arange(20) % 4
    train, test = Split(some_images(20, 3, 4, 6), labels), Split(some_images(8, 3, 4, 6), labels[:8])
    data = assemble("some", train, test, tuple("abcd"), 0.2)
    spelled = b""
    for n, images, y in (
        (16, train.images[4:], labels[4:]),
        (4, train.images[:4], labels[:4]),
        (8, *vars(test).values()),
    ):
        spelled += f"({n}, 3, 4, 6)".encode() + bytes(images.flatten().tolist())
        spelled += f"({n},)".encode() + b"".join(int(v).to_bytes(8, "little") for v in y)
    assert facts(data) == {"data/fingerprint": hashlib.sha256(spelled).hexdigest()[:16], "train/images": 16}
    strided = replace(data, test=Split(test.images.transpose(2, 3).contiguous().transpose(2, 3), test.labels))
    assert fingerprint(strided) == fingerprint(data)


def test_the_fingerprint_sees_one_pixel_one_label_the_order_the_shape_and_the_split() -> None:
    images, labels = some_images(20, 1, 4, 6), torch.arange(20) % 4
    whole = assemble("some", Split(images, labels), Split(images[:8], labels[:8]), tuple("abcd"), 0.2)
    pixel, label = images.clone(), labels.clone()
    pixel[19, 0, 3, 5] ^= 1
    label[7] = 0
    others = [
        replace(whole, train=Split(pixel[4:], labels[4:])),
        replace(whole, test=Split(images[:8], label[:8])),
        replace(whole, train=Split(images[4:].flip(0), labels[4:].flip(0))),
        replace(whole, train=Split(images[4:].view(16, 1, 6, 4), labels[4:])),
        replace(whole, train=Split(images[:16], labels[:16]), validation=Split(images[16:], labels[16:])),
        replace(whole, train=whole.validation, validation=whole.train),
    ]
    assert len({fingerprint(data) for data in (whole, *others)}) == 7


def test_normalize_is_the_formula() -> None:
    images, mean, std = some_images(5, 3, 4, 6), (0.1, 0.5, 0.45), (0.3, 0.02, 1.0)
    expected = (images.double() / 255 - torch.tensor(mean).view(3, 1, 1)) / torch.tensor(std).view(3, 1, 1)
    found = normalize(images, mean, std)
    assert found.dtype == torch.float32 and found.is_contiguous()
    torch.testing.assert_close(found, expected.float(), rtol=1e-5, atol=1e-5)


def test_normalize_first_used_in_inference_mode_can_be_trained_through() -> None:
    with torch.inference_mode():
        normalize(some_images(1, 1, 2, 2), (0.123,), (0.456,))
    weight = torch.ones(1, requires_grad=True)
    (normalize(some_images(1, 1, 2, 2), (0.123,), (0.456,)) * weight).sum().backward()
    assert weight.grad is not None


def test_moments_are_those_of_all_pixels(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(base, "CHUNK", 3)  # more chunks than one, the last one short
    images = some_images(8, 3, 5, 4)
    mean, std = channel_moments(images)
    pixels = images.numpy().astype(np.float64) / 255
    np.testing.assert_allclose(mean, pixels.mean((0, 2, 3)), rtol=1e-12)
    np.testing.assert_allclose(std, pixels.std((0, 2, 3)), rtol=1e-12)


def test_a_constant_channel_normalizes_to_zero() -> None:
    images = torch.full((4, 1, 3, 3), 77, dtype=torch.uint8)
    mean, std = channel_moments(images)
    assert std == (1.0,)
    torch.testing.assert_close(normalize(images, mean, std), torch.zeros(4, 1, 3, 3))


def test_every_stretch_of_a_stratified_order_holds_the_classes_in_proportion() -> None:
    labels = torch.cat([torch.full((n,), c) for c, n in enumerate((400, 100, 50, 7))])
    labels = labels[torch.randperm(len(labels))]
    order = stratified_order(labels)
    assert sorted(order.tolist()) == list(range(len(labels)))
    share = labels.bincount(minlength=4) / len(labels)
    for start, stop in ((0, 10), (0, 55), (55, 200), (123, 321)):
        counts = labels[order[start:stop]].bincount(minlength=4)
        assert ((counts - share * (stop - start)).abs() <= 2).all()


def test_stratified_order_is_fixed_shuffled_and_seeded() -> None:
    labels = torch.arange(300) % 3
    order = stratified_order(labels)
    assert torch.equal(order, stratified_order(labels))
    assert not torch.equal(order, stratified_order(labels, seed=1))
    first_class = order[labels[order] == 0]
    assert not torch.equal(first_class, first_class.sort().values)


def test_cut_makes_views() -> None:
    split = Split(some_images(10, 1, 2, 2), torch.arange(10))
    first, rest = cut(split, 4)
    assert (len(first), len(rest)) == (4, 6)
    assert first.images.data_ptr() == split.images.data_ptr()
    assert torch.equal(torch.cat([first.labels, rest.labels]), split.labels)


@pytest.mark.parametrize(("share", "held_out"), [(0.0, 0), (0.001, 1), (0.1, 2), (0.5, 10)])
def test_assemble_cuts_validation_from_training_images_only(share: float, held_out: int) -> None:
    train, test = Split(some_images(20, 1, 4, 5), torch.arange(20)), Split(some_images(7, 1, 4, 5), torch.arange(7))
    data = assemble("some", train, test, ("a", "b"), share)
    assert (len(data.train), len(data.validation), len(data.test)) == (20 - held_out, held_out, 7)
    assert data.shape == (1, 4, 5)
    assert torch.equal(data.test.images, test.images)
    assert not set(data.train.labels.tolist()) & set(data.validation.labels.tolist())
    assert (data.mean, data.std) == channel_moments(data.train.images)


def test_validation_must_leave_something_to_train_on() -> None:
    split = Split(some_images(2, 1, 4, 4), torch.arange(2))
    with pytest.raises(InputError, match=r"dataset.validation=0.9 of 2 images leaves none"):
        assemble("some", split, split, ("a", "b"), 0.9)


@pytest.mark.parametrize("size", [5, 13, 28, 61])
def test_resize_agrees_with_pil(monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    monkeypatch.setattr(base, "CHUNK", 2)
    images = some_images(5, 3, 28, 28)
    for found, image in zip(resize(images, size), images, strict=True):
        whole = Image.fromarray(image.permute(1, 2, 0).numpy()).resize((size, size), Image.Resampling.BILINEAR)
        difference = np.asarray(whole).astype(int) - found.permute(1, 2, 0).numpy()
        assert np.abs(difference).max() <= 1


@pytest.mark.parametrize("size", [None, 6])
def test_resize_leaves_alone_what_fits(size: int | None) -> None:
    images = some_images(2, 1, 6, 6)
    assert resize(images, size) is images


def test_a_size_that_no_memory_holds_is_refused() -> None:
    assert base.memory() > 1e8
    with pytest.raises(InputError, match=r"dataset.size=10000000 makes 2 images of .* GB"):
        resize(some_images(2, 1, 4, 4), 10_000_000)


def test_the_share_of_distinct_images_is_that_of_a_set_of_their_bytes() -> None:
    images = some_images(40, 3, 5, 5)[torch.randint(0, 40, (200,))]
    naive = len({image.numpy().tobytes() for image in images}) / 200
    assert distinct_share(images) == naive < 1
    assert distinct_share(images[:1]) == 1 and distinct_share(images[:0]) == 1
    assert distinct_share(images, among=5) == len({image.numpy().tobytes() for image in images[:5]}) / 5


def test_broken_images_hold_nan_or_infinity(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(base, "CHUNK", 3)
    images = torch.rand(10, 1, 4, 4)
    assert broken_share(images) == broken_share(some_images(10, 1, 4, 4)) == 0
    images[2, 0, 1, 1], images[7, 0, 0, 0] = float("nan"), float("inf")
    assert broken_share(images) == 0.2


@pytest.mark.parametrize("split", ["train", "validation", "test"])
@pytest.mark.parametrize(
    ("images", "labels", "says"),
    [
        (some_images(0, 1, 4, 4), torch.zeros(0, dtype=torch.int64), r"images \(0, 1, 4, 4\) and labels \(0,\)"),
        (some_images(2, 4, 4), torch.tensor([0, 1]), r"images \(2, 4, 4\)"),
        (some_images(2, 1, 4, 4), torch.tensor([0, 1, 1]), r"labels \(3,\)"),
        (some_images(2, 1, 4, 4), torch.tensor([0, 2]), "labels from 0 to 2"),
        (some_images(2, 1, 4, 4), torch.tensor([-1, 1]), "labels from -1 to 1"),
        (some_images(2, 1, 4, 4), torch.tensor([0, 1], dtype=torch.int32), "torch.int32"),
    ],
)
def test_a_split_that_cannot_be_trained_on_is_told(split, images, labels, says) -> None:
    good = Split(some_images(4, 1, 4, 4), torch.tensor([0, 1, 0, 1]))
    data = base.ImageSet("mine", good, good, good, ("a", "b"), (0.5,), (0.5,))
    check_set(data)
    with pytest.raises(InputError, match=f"mine: the {split} split has .*{says}"):
        check_set(replace(data, **{split: Split(images, labels)}))


def test_splits_have_images_of_one_shape() -> None:
    splits = (Split(some_images(2, 1, size, size), torch.tensor([0, 1])) for size in (4, 4, 5))
    with pytest.raises(InputError, match=r"the test split has images \(1, 5, 5\), and to train on \(1, 4, 4\)"):
        check_set(base.ImageSet("mine", *splits, ("a", "b"), (0.5,), (0.5,)))
