"""Folders on the command line: beside Hydra's overrides, and as where something is to be written."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from cnnlab.common.errors import InputError
from cnnlab.runs.status import check_no_part

# Hydra's flags whose value is the next argument.
_WITH_VALUE = ("--config-path", "-cp", "--config-name", "-cn", "--config-dir", "-cd", "--package", "-p", "--info", "-i")
_WITH_VALUE += ("--experimental-rerun", "--cfg", "-c")


def split_folders(arguments: Sequence[str]) -> tuple[list[Path], list[str]]:
    """The folders, and what is left for Hydra.

    A folder is an argument without "=" that is no flag, or one that names an existing folder, as run folders of sweeps
    contain "=".
    """
    folders, rest, is_value = [], [], False
    for argument in arguments:
        is_override = "=" in argument and not os.path.isdir(argument)
        if is_value or argument.startswith("-") or is_override:
            rest.append(argument)
        else:
            folders.append(Path(argument))
        is_value = not is_value and argument in _WITH_VALUE
    return folders, rest


def flags_first(arguments: Sequence[str]) -> list[str]:
    """The same arguments: Hydra takes no overrides behind a flag if it has seen some before."""
    flags, rest, is_value = [], [], False
    for argument in arguments:
        (flags if is_value or argument.startswith("-") else rest).append(argument)
        is_value = not is_value and argument in _WITH_VALUE
    return [*flags, *rest]


def check_own(config_dir: str | Path) -> Path:
    """The folder of somebody's own configs, absolute; InputError if there is none."""
    if not os.path.isdir(config_dir):
        raise InputError(f"--config-dir {config_dir}: no such folder.")
    return Path(config_dir).absolute()


def check_is_run(folder: Path) -> None:
    """InputError unless it is the folder of a run started by a command."""
    if os.path.isfile(folder / "config.yaml"):
        return
    check_no_part(folder)
    if os.path.isfile(folder / "run.json"):
        weights = folder / "checkpoints" / "best.pt"
        raise InputError(
            f"{folder} has no config.yaml, as runs of cnnlab.fit: its network can only be built by the code that did.\n"
            f'Build it there, and: network.load_state_dict(torch.load("{weights}")["network"])'
        )
    raise InputError(
        f"{folder} has no config.yaml, so it is not the folder of a run started by a command.\n"
        "Give the folder that a training run printed, e.g. run=outputs/runs/..."
    )


@contextmanager
def interpolated() -> Iterator[None]:
    """InputError where a `${...}` that was typed leads nowhere, or to itself."""
    try:
        yield
    except OmegaConfBaseException as error:
        raise InputError(
            f"{next(iter(str(error).splitlines()), 'An interpolation fails')}.\n"
            "Look at the ${...} in what was typed, or in a config of your own; a text with these characters is written "
            "'\\${...}'."
        ) from error


def run_folder(config: DictConfig) -> Path:
    """The run folder of a config with Hydra's section."""
    with _its_own(config):
        return named_folder(config.hydra.run.dir, "hydra.run.dir")


def has_folder(hydra: Any) -> bool:
    """Whether the command with this section of Hydra has a folder for what it does: not those of which the config names
    the one that they are started in, as report and dashboard, which leave nothing there."""
    named: Any = OmegaConf.to_container(hydra.run, resolve=False)
    return named["dir"] != "." or any(line.startswith("hydra.run.dir=") for line in typed_of_hydra(hydra))


def typed_of_hydra(hydra: Any) -> list[str]:
    """The overrides of Hydra's own settings, as they were typed: what a `${...}` in them leads to is not looked up."""
    lines: Any = OmegaConf.to_container(hydra.overrides.hydra, resolve=False)
    return lines


def check_hydra(config: DictConfig) -> None:
    """InputError unless every `${...}` leads somewhere in what Hydra itself builds of a sweep's config."""
    with interpolated(), _its_own(config):
        for section in ("sweeper", "launcher"):
            OmegaConf.to_container(config.hydra[section], resolve=True)


@contextmanager
def _its_own(config: DictConfig) -> Iterator[None]:
    """`${hydra:...}` reads from this config."""
    hydra_config = HydraConfig.instance()
    before = hydra_config.cfg
    try:
        hydra_config.set_config(config)
        yield
    finally:
        hydra_config.cfg = before


def named_folder(text: str, setting: str) -> Path:
    """InputError where nothing is typed, as by a variable of the shell that is not set."""
    if not text:
        raise InputError(f"{setting}= names no folder. Give one, or . for the one you are in.")
    return Path(text)


def check_can_be_made(folder: Path, setting: str) -> None:
    """InputError unless the folder can be made and written into. Nothing but making it can tell; it is made for a
    moment, in a folder beside it, since another command may be making it at this time."""
    try:
        existing = next(part for part in (folder, *folder.parents) if part.exists())
        if not existing.is_dir():
            raise NotADirectoryError(0, f"{existing} is a file")
        with TemporaryDirectory(prefix=".trying_", dir=existing) as beside:
            (Path(beside) / folder.relative_to(existing)).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"{setting}={_shortened(folder)} cannot be used: {error.strerror or error}.\nGive another folder."
        ) from error


def _shortened(folder: Path) -> str:
    text = str(folder)
    return text if len(text) <= 100 else f"{text[:97]}..."
