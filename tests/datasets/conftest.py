"""Small files of the kinds that data sets are made of, written by the tests."""

import gzip
import hashlib
import pickle
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

PREFIXES = {"train": 60, "t10k": 20}


def idx(array: np.ndarray) -> bytes:
    """The format of MNIST's files: 0, 0, 8 (bytes), dimensions, sizes, values."""
    return struct.pack(f">{1 + array.ndim}i", 0x800 + array.ndim, *array.shape) + array.astype(np.uint8).tobytes()


@pytest.fixture
def idx_files() -> dict[str, bytes]:
    """A small MNIST by name of file; the first pixel of an image is its label, so that pairs can be checked."""
    files = {}
    for seed, (prefix, n) in enumerate(PREFIXES.items()):
        random = np.random.default_rng(seed)
        images, labels = random.integers(0, 256, (n, 28, 28)), np.arange(n) % 10
        images[:, 0, 0] = labels
        files[f"{prefix}-images-idx3-ubyte"], files[f"{prefix}-labels-idx1-ubyte"] = idx(images), idx(labels)
    return files


@pytest.fixture
def idx_archives(idx_files: dict[str, bytes]) -> dict[str, bytes]:
    return {f"{name}.gz": gzip.compress(content, mtime=0) for name, content in idx_files.items()}


@pytest.fixture
def cifar_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A root with a small CIFAR-10 whose md5 sums torchvision is told; a pixel is 100 * channel + label."""
    from torchvision.datasets import CIFAR10

    labels = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9] * 2
    names = ["plane", "car", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]
    _write_batches(CIFAR10, tmp_path, labels, 100, {"label_names": names}, "labels", monkeypatch)
    return tmp_path


@pytest.fixture
def cifar100_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A root with a small CIFAR-100; a pixel is 50 * channel + label."""
    from torchvision.datasets import CIFAR100

    meta = {"fine_label_names": [f"fine {i}" for i in range(100)], "coarse_label_names": ["coarse"]}
    _write_batches(CIFAR100, tmp_path, [*range(100)] * 2, 50, meta, "fine_labels", monkeypatch)
    return tmp_path


def _write_batches(
    kind: Any, home: Path, labels: list[int], step: int, meta: dict, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The files of CIFAR, each with these labels, and their md5 sums in torchvision's class."""
    folder = home / kind.base_folder
    folder.mkdir()
    planes = [np.repeat([step * c + label for c in range(3)], 1024) for label in labels]
    names = [name for name, _ in kind.train_list + kind.test_list]
    contents: dict[str, object] = {name: {"data": np.array(planes, np.uint8), key: labels} for name in names}
    sums = {}
    for name, content in {**contents, kind.meta["filename"]: meta}.items():
        data = pickle.dumps(content)
        (folder / name).write_bytes(data)
        sums[name] = hashlib.md5(data).hexdigest()
    monkeypatch.setattr(kind, "train_list", [[n, sums[n]] for n in names[:-1]])
    monkeypatch.setattr(kind, "test_list", [[names[-1], sums[names[-1]]]])
    monkeypatch.setattr(kind, "meta", {**kind.meta, "md5": sums[kind.meta["filename"]]})


@pytest.fixture
def cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache of decoded images."""
    home = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("XDG_CACHE_HOME", str(home))
    return home / "cnnlab"


@pytest.fixture
def picture() -> Callable[..., Path]:
    """Writes a picture of one colour; by its name's ending as PNG, JPEG, ..."""

    def write(path: Path, colour: tuple[int, int, int], size: tuple[int, int] = (6, 6)) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", size, colour).save(path)
        return path

    return write
