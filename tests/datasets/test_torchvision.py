"""torchvision's sets read from small files in their formats, and every way in which files can be wrong."""

from collections.abc import Callable
from pathlib import Path
from time import process_time

import pytest
import torch
import torchvision

from cnnlab.common.errors import InputError
from cnnlab.datasets.base import ImageSet
from cnnlab.datasets.torchvision import cifar10, cifar100, fashion_mnist, kmnist, mnist

SETS = {"MNIST": mnist, "FashionMNIST": fashion_mnist, "KMNIST": kmnist}


def put(root: Path, files: dict[str, bytes], name: str = "MNIST") -> Path:
    folder = root / name / "raw"
    folder.mkdir(parents=True)
    for file, content in files.items():
        (folder / file).write_bytes(content)
    return folder


@pytest.mark.parametrize("name", SETS)
def test_a_set_in_mnists_format(name: str, tmp_path: Path, idx_files: dict[str, bytes]) -> None:
    put(tmp_path, idx_files, name)
    data = SETS[name](str(tmp_path), validation=0.2)
    assert data.name == SETS[name].__name__ and data.shape == (1, 28, 28) and len(data.classes) == 10
    assert (len(data.train), len(data.validation), len(data.test)) == (48, 12, 20)
    for split in (data.train, data.validation, data.test):
        assert split.images.dtype == torch.uint8 and split.images.is_contiguous()
        assert torch.equal(split.images[:, 0, 0, 0].long(), split.labels)


@pytest.mark.parametrize("name", SETS)
def test_it_is_what_torchvision_reads(name: str, tmp_path: Path, idx_files: dict[str, bytes]) -> None:
    put(tmp_path, idx_files, name)
    data, source = SETS[name](str(tmp_path)), getattr(torchvision.datasets, name)
    train, test = (source(tmp_path, train=train) for train in (True, False))
    assert data.classes == tuple(c.partition(" - ")[0] for c in source.classes)
    assert torch.equal(data.test.images[:, 0], test.data) and torch.equal(data.test.labels, test.targets)
    images = torch.cat([data.train.images, data.validation.images])
    assert torch.equal(images[:, 0].long().sum(0), train.data.long().sum(0))


def test_official_splits_stay_apart_and_whole(tmp_path: Path, idx_files: dict[str, bytes]) -> None:
    put(tmp_path, idx_files)
    data = mnist(str(tmp_path))
    test = idx_files["t10k-images-idx3-ubyte"][16:]
    assert data.test.images.numpy().tobytes() == test
    train = [idx_files["train-images-idx3-ubyte"][16 + i * 784 : 16 + (i + 1) * 784] for i in range(60)]
    found = torch.cat([data.train.images, data.validation.images])
    assert sorted(image.numpy().tobytes() for image in found) == sorted(train)
    assert data.classes == tuple("0123456789")


def test_size_resizes_all_splits(tmp_path: Path, idx_files: dict[str, bytes]) -> None:
    put(tmp_path, idx_files)
    data = mnist(str(tmp_path), size=20)
    assert {tuple(s.images.shape[1:]) for s in (data.train, data.validation, data.test)} == {(1, 20, 20)}


def test_fewer_training_images_in_the_shares_of_the_classes(tmp_path: Path, idx_files: dict[str, bytes]) -> None:
    put(tmp_path, idx_files)
    whole, few = mnist(str(tmp_path)), mnist(str(tmp_path), images=20)
    assert (len(few.train), len(few.validation), len(few.test)) == (18, 2, len(whole.test))
    labels = torch.cat([few.train.labels, few.validation.labels])
    everything = torch.cat([whole.train.labels, whole.validation.labels])
    assert torch.equal(labels.bincount(minlength=10), (everything.bincount(minlength=10) / 3).round().long())


def test_more_training_images_than_there_are(tmp_path: Path, idx_files: dict[str, bytes]) -> None:
    put(tmp_path, idx_files)
    with pytest.raises(InputError, match="dataset.images=61: mnist has 60 training images"):
        mnist(str(tmp_path), images=61)


@pytest.mark.parametrize("kept", [5, 500, -1])
@pytest.mark.parametrize("file", ["train-images-idx3-ubyte", "t10k-labels-idx1-ubyte"])
def test_a_truncated_file_is_named(file: str, kept: int, tmp_path: Path, idx_files: dict[str, bytes]) -> None:
    content = idx_files[file][: min(kept, len(idx_files[file]) - 1)]
    folder = put(tmp_path, idx_files | {file: content})
    with pytest.raises(InputError, match=f"{folder / file} is damaged: it has {len(content):,} bytes"):
        mnist(str(tmp_path))


def test_a_file_of_another_format_is_named(tmp_path: Path, idx_files: dict[str, bytes]) -> None:
    put(tmp_path, idx_files | {"train-labels-idx1-ubyte": b"<html>" * 20})
    with pytest.raises(InputError, match="train-labels-idx1-ubyte is damaged: .* its header is not IDX"):
        mnist(str(tmp_path))


def test_images_and_labels_must_belong_together(tmp_path: Path, idx_files: dict[str, bytes]) -> None:
    put(tmp_path, idx_files | {"train-labels-idx1-ubyte": idx_files["t10k-labels-idx1-ubyte"]})
    with pytest.raises(InputError, match="holds 60 images, train-labels-idx1-ubyte 20 labels"):
        mnist(str(tmp_path))


@pytest.mark.parametrize("archive", ["t10k-labels-idx1-ubyte.gz", "t10k-images-idx3-ubyte.gz"])
def test_an_archive_that_would_make_a_damaged_file_again_is_named(
    archive: str, tmp_path: Path, idx_archives: dict[str, bytes]
) -> None:
    """Those of the training images under the names of the test images."""
    wrong = archive.replace("t10k", "train")
    folder = put(tmp_path, idx_archives | {archive: idx_archives[wrong]})
    with pytest.raises(
        InputError, match=rf"do not match. Delete both .* delete the archives too: .*{folder / archive}"
    ):
        mnist(str(tmp_path))


def test_an_archive_beside_a_damaged_file_is_named(tmp_path: Path, idx_archives: dict[str, bytes]) -> None:
    name = "t10k-labels-idx1-ubyte"
    folder = put(tmp_path, idx_archives | {name: b""})
    with pytest.raises(InputError, match=f"it has 0 bytes.*\n.* delete that archive too: {folder / name}.gz$"):
        mnist(str(tmp_path))
    (folder / name).unlink()
    assert len(mnist(str(tmp_path)).test) == 20


def test_labels_beyond_the_classes_are_refused(tmp_path: Path, idx_files: dict[str, bytes]) -> None:
    labels = idx_files["train-labels-idx1-ubyte"]
    put(tmp_path, idx_files | {"train-labels-idx1-ubyte": labels[:-1] + bytes([46])})
    with pytest.raises(InputError, match="labels up to 46, but only 10 classes"):
        mnist(str(tmp_path))


def test_cifar_planes_become_channels(cifar_files: Path) -> None:
    data = cifar10(str(cifar_files), validation=0.25)
    assert data.shape == (3, 32, 32) and data.classes[:2] == ("plane", "car")
    assert (len(data.train), len(data.validation), len(data.test)) == (75, 25, 20)
    for split in (data.train, data.validation, data.test):
        expected = (100 * torch.arange(3) + split.labels[:, None])[:, :, None, None].expand(-1, 3, 32, 32)
        assert torch.equal(split.images.long(), expected)


@pytest.mark.parametrize("file", ["data_batch_3", "test_batch", "batches.meta"])
def test_a_damaged_cifar_file_is_named(file: str, cifar_files: Path) -> None:
    path = cifar_files / "cifar-10-batches-py" / file
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(InputError, match=f"{path} is damaged: its 100 bytes"):
        cifar10(str(cifar_files))


def test_a_cifar_archive_beside_a_damaged_file_is_named(cifar_files: Path) -> None:
    (cifar_files / "cifar-10-batches-py/test_batch").write_bytes(b"")
    (cifar_files / "cifar-10-python.tar.gz").write_bytes(b"")
    with pytest.raises(InputError, match=f"delete that archive too: {cifar_files}/cifar-10-python.tar.gz$"):
        cifar10(str(cifar_files))


def test_cifar100_has_its_fine_classes(cifar100_files: Path) -> None:
    data = cifar100(str(cifar100_files), validation=0.2)
    assert data.shape == (3, 32, 32) and data.classes == tuple(f"fine {i}" for i in range(100))
    assert (len(data.train), len(data.validation), len(data.test)) == (160, 40, 200)
    for split in (data.train, data.validation, data.test):
        expected = (50 * torch.arange(3) + split.labels[:, None])[:, :, None, None].expand(-1, 3, 32, 32)
        assert torch.equal(split.images.long(), expected)


@pytest.mark.parametrize("load", [mnist, fashion_mnist, kmnist, cifar10, cifar100])
def test_knobs_are_checked_before_anything_is_read(load: Callable[..., ImageSet]) -> None:
    with pytest.raises(InputError, match="dataset.validation=2"):
        load("/nowhere", validation=2)
    with pytest.raises(InputError, match="dataset.size=0"):
        load("/nowhere", size=0)


def test_real_mnist(real_data: Path) -> None:
    began = process_time()
    data = mnist(str(real_data))
    assert process_time() - began < 2  # seconds
    assert (len(data.train), len(data.validation), len(data.test)) == (54000, 6000, 10000)
    # what the field quotes for all 60,000 training images
    assert data.mean[0] == pytest.approx(0.1307, abs=5e-4) and data.std[0] == pytest.approx(0.3081, abs=5e-4)
