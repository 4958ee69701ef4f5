"""A sweep as its sweeper sees it: the composed config, and the loader of its jobs."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hydra._internal.hydra import Hydra
from hydra._internal.utils import create_config_search_path
from hydra.core.global_hydra import GlobalHydra
from hydra.types import RunMode

from cnnlab.cli.resolvers import CONFIGS, register_resolvers


@pytest.fixture
def composed() -> Callable:
    """(loader, master) of `python -m cnnlab.train -m ...`."""
    register_resolvers()
    GlobalHydra.instance().clear()
    hydra = Hydra.create_main_hydra2("cnnlab", create_config_search_path(str(CONFIGS)))

    def compose(*overrides: str, folder: Path | None = None):
        lines = [*overrides, *([f"hydra.sweep.dir={folder}"] if folder else [])]
        return hydra.config_loader, hydra.compose_config("train", lines, RunMode.MULTIRUN)

    yield compose
    GlobalHydra.instance().clear()
