"""Fixtures that every test may use."""

import os
from pathlib import Path

import pytest
import torch

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
