"""Composes the configs of a command line before Hydra runs any job.

Hydra creates a job's folder before it calls the job's code, and in a sweep finds a mistake in job 7 only after
jobs 0 to 6 have run. So all configs are composed here first, once, and passed to the entry point's check.
"""

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra._internal.hydra import Hydra
from hydra._internal.utils import create_config_search_path, get_args_parser
from hydra.core.config_search_path import SearchPathQuery
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import ConfigCompositionException, HydraException, MissingConfigException
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from cnnlab.cli.hydra_job import read_request
from cnnlab.cli.resolvers import register_resolvers
from cnnlab.cli.schema import unknown
from cnnlab.common.errors import InputError, did_you_mean
from cnnlab.runs.request import Request

# In a wheel the configs are inside the package, in a checkout next to src/.
_PACKAGE = Path(__file__).resolve().parents[1]
CONFIGS = next(p for p in (_PACKAGE / "_configs", _PACKAGE.parents[1] / "configs") if p.is_dir())

# Sections in which `+key=value` may add keys; anywhere else a new key is a typo.
EXTENSIBLE = ("hydra.", "telemetry.statistics.")


def compose_jobs(config_name: str, arguments: Sequence[str]) -> list[DictConfig] | None:
    """The config of every job that the command line asks for, without Hydra's own section.

    None if it asks for no job (--help, --cfg, --info, completion). Raises InputError.
    """
    args = get_args_parser().parse_args(list(arguments))
    if args.help or args.hydra_help or args.cfg or args.info is not None or args.shell_completion:
        return None
    if args.multirun and "TORCHELASTIC_RUN_ID" in os.environ:
        raise InputError(
            "A sweep (-m) under torchrun hangs: every rank would start its own sweep. Run it without torchrun."
        )
    with _hydra(args.config_dir) as hydra:
        jobs = _jobs(hydra, args, config_name)
        return [_without_hydra(_compose(hydra, args.config_name or config_name, job)) for job in jobs]


def compose_run(
    config_name: str, overrides: Sequence[str], config_dir: str | Path | None = None
) -> tuple[DictConfig, Request, Path]:
    """One job without running Hydra: its config, the request, and the output folder that the command would use."""
    register_resolvers()
    if flag := next((o for o in overrides if o.startswith("-")), None):
        raise InputError(f"{flag} is a command-line flag. Give overrides only, e.g. 'model=single5x5'.")
    with _hydra(config_dir) as hydra:
        args = get_args_parser().parse_args(list(overrides))
        (job,) = _jobs(hydra, args, config_name)
        config = _compose(hydra, config_name, job)
    hydra_config = HydraConfig.instance()
    before = hydra_config.cfg
    try:
        hydra_config.set_config(config)  # hydra.run.dir interpolates from it
        folder = Path(config.hydra.run.dir)
    finally:
        hydra_config.cfg = before
    job = _without_hydra(config)
    return job, read_request(job, config.hydra), folder


@contextmanager
def _hydra(config_dir: str | Path | None) -> Iterator[Hydra]:
    """Hydra with cnnlab's configs; those in `config_dir` take precedence, and Python can import from there."""
    search_path = create_config_search_path(str(CONFIGS))
    if config_dir is not None:
        if not Path(config_dir).is_dir():
            raise InputError(f"--config-dir {config_dir}: no such folder.")
        own = os.path.abspath(config_dir)
        search_path.prepend("command-line", f"file://{own}", SearchPathQuery(provider="schema"))
        if own not in sys.path:
            sys.path.insert(0, own)
    before = GlobalHydra.instance().hydra  # a notebook's own, which is put back
    GlobalHydra.instance().clear()
    hydra = Hydra.create_main_hydra2("cnnlab", search_path)
    try:
        yield hydra
    finally:
        GlobalHydra.instance().hydra = before


def _jobs(hydra: Hydra, args, config_name: str) -> list[list[str]]:
    """The overrides of each job; `+` and `++` are stripped where they would hide a typo."""
    try:
        overrides = OverridesParser.create().parse_overrides(args.overrides)
    except HydraException as error:
        raise InputError(f"Cannot read these overrides: {str(error).splitlines()[0]}\nWrite key=value.") from error
    removed = next((o for o in overrides if o.is_delete() and not o.key_or_group.startswith(EXTENSIBLE)), None)
    if removed is not None:
        raise InputError(
            f"{removed.input_line} would remove a required setting.\nGive it another value, or null where allowed."
        )
    groups = set(hydra.config_loader.list_groups(""))
    plain = [_without_plus(o, groups) for o in overrides]
    if not args.multirun:
        swept = next((o for o in overrides if o.is_sweep_override()), None)
        if swept is not None:
            raise InputError(
                f"{swept.input_line} asks for several runs. To sweep, put -m before the overrides:\n"
                f"  python -m cnnlab.{config_name} -m {swept.input_line}\n"
                f"or, for one value that is a list, write {swept.key_or_group}=[...]."
            )
        return [plain]
    single = [p for o, p in zip(overrides, plain, strict=True) if not o.is_sweep_override()]
    sweeper = hydra.compose_config(
        args.config_name or config_name, single, RunMode.RUN, validate_sweep_overrides=False
    ).hydra.sweeper
    if not sweeper._target_.endswith("BasicSweeper"):
        return [single]  # other sweepers choose values as they go; each job is checked when it starts
    plain += [f"{key}={value}" for key, value in (sweeper.get("params") or {}).items()]
    parsed = OverridesParser.create().parse_overrides(plain)
    return [job for batch in BasicSweeper.split_arguments(parsed, None) for job in batch]


def _without_plus(override: Override, groups: set[str]) -> str:
    line, key = override.input_line or "", override.key_or_group
    if key.split("@")[0].split("/")[0] in groups or key.startswith(EXTENSIBLE):
        return line
    return line.lstrip("+")


def _compose(hydra: Hydra, config_name: str, overrides: list[str]) -> DictConfig:
    try:
        config = hydra.compose_config(config_name, overrides, RunMode.RUN)
    except MissingConfigException as error:
        raise InputError(_missing_choice(error)) from error
    except ConfigCompositionException as error:
        raise InputError(_bad_override(hydra, config_name, overrides, error)) from error
    except (OmegaConfBaseException, ValueError) as error:
        raise InputError(str(error).splitlines()[0]) from error
    return config


def _missing_choice(error: MissingConfigException) -> str:
    """For a missing `model/stackd3x3`: the group's choices and the closest match."""
    group, _, name = (error.missing_cfg_file or "").rpartition("/")
    if not group:
        return str(error).splitlines()[0]
    choices = [str(c) for c in error.options or []]
    return f"{group}={name}: there is no such {group}.{did_you_mean(name, choices)}\nThere are: {', '.join(choices)}."


def _bad_override(hydra: Hydra, config_name: str, overrides: list[str], error: Exception) -> str:
    """Name the override that does not fit; valid keys come from the same config without value overrides."""
    parsed = OverridesParser.create().parse_overrides(overrides)
    groups = set(hydra.config_loader.list_groups(""))
    choices = [o.input_line or "" for o in parsed if o.key_or_group.split("/")[0] in groups]
    try:
        config = hydra.compose_config(config_name, choices, RunMode.RUN)
    except ConfigCompositionException:
        return str(error).splitlines()[0]
    known = _keys(_without_hydra(config))
    for override in parsed:
        key = override.key_or_group
        found = OmegaConf.select(config, key, default=_MISSING, throw_on_resolution_failure=False)
        if found is _MISSING and not key.startswith(EXTENSIBLE) and key.split("/")[0] not in groups:
            return unknown(key, known)
    return str(error).splitlines()[0]


def _without_hydra(config: DictConfig) -> DictConfig:
    return OmegaConf.masked_copy(config, [str(key) for key in config if key != "hydra"])


_MISSING = object()


def _keys(config: DictConfig, prefix: str = "") -> list[str]:
    """Every settable key, dotted."""
    keys: list[str] = []
    for name in config:
        value = config._get_node(name)
        if isinstance(value, DictConfig) and not value._is_none():
            keys += _keys(value, f"{prefix}{name}.")
        elif not str(name).startswith("_"):
            keys.append(f"{prefix}{name}")
    return keys


def exit_with(error: Exception) -> NoReturn:
    """Print a user error to stderr and exit with 1."""
    sys.stderr.write(f"{error}\n")
    sys.exit(1)
