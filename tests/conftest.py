"""Fixtures that every test may use."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from sklearn.datasets import load_digits
from torch import Tensor

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(autouse=True)
def _same_numbers():
    """Each test starts from the same random state and leaves torch's switches as they were."""
    torch.manual_seed(0)
    yield
    torch.use_deterministic_algorithms(False)


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory, monkeypatch):
    """Decoded images go where the test ends, not into the user's cache."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))


@pytest.fixture(scope="session")
def configs() -> Path:
    return ROOT / "configs"


@pytest.fixture(scope="session")
def real_data() -> Path:
    """A folder with real MNIST/raw and cifar10-jpeg/{train,test}/<class>; $CNNLAB_DATA names it."""
    folder = Path(os.environ.get("CNNLAB_DATA", ROOT.parent / "data"))
    if not (folder / "MNIST" / "raw").is_dir() or not (folder / "cifar10-jpeg").is_dir():
        pytest.skip(f"needs real images: {folder} holds no MNIST/raw and cifar10-jpeg (set CNNLAB_DATA)")
    return folder


@pytest.fixture(scope="session")
def standardized() -> Callable[[Tensor], Tensor]:
    """Images (N, C, H, W) with mean 0 and deviation 1 in each channel."""

    def standardized(images: Tensor) -> Tensor:
        mean, std = images.mean((0, 2, 3), keepdim=True), images.std((0, 2, 3), keepdim=True)
        return (images - mean) / std

    return standardized


@pytest.fixture(scope="session")
def digits(standardized) -> Tensor:
    """(32, 1, 8, 8): scikit-learn's handwritten digits, four rows of eight."""
    return standardized(torch.tensor(load_digits().images[:32], dtype=torch.float32)[:, None])
