"""Facts about a job that only Hydra has: its output folder, the chosen configs, the overrides."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig

from cnnlab.cli.folders import typed_of_hydra
from cnnlab.cli.in_words import SEARCHPATH
from cnnlab.cli.resolvers import resolved
from cnnlab.runs.request import Request


def output_folder() -> Path:
    return Path(HydraConfig.get().runtime.output_dir)


def choices() -> Mapping[str, str]:
    """Config group -> selected option."""
    return HydraConfig.get().runtime.choices


def is_sweep() -> bool:
    return HydraConfig.get().mode == RunMode.MULTIRUN


def read_request(config: DictConfig, hydra: Any = None) -> Request:
    """The request of the running job, or of one that was only composed, given its `hydra` section."""
    hydra = hydra or HydraConfig.get()
    overrides = (override.lstrip("+~").partition("=") for override in hydra.overrides.task)
    typed = {key: value for key, _, value in overrides}
    named = [key for key in typed if key not in hydra.job.config.override_dirname.exclude_keys]
    swept = named if hydra.mode == RunMode.MULTIRUN else []
    sources = hydra.runtime.config_sources
    own = next((source.path for source in sources if source.provider == "command-line"), None)
    places = [line for line in typed_of_hydra(hydra) if line.lstrip("+").startswith(SEARCHPATH)]
    lines = (*hydra.overrides.task, *places)  # Hydra's own settings are not the run's, but where its configs are
    return Request(dict(hydra.runtime.choices), typed, swept, resolved(config), lines, own, hydra.runtime.get("cwd"))
