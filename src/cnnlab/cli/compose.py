"""Composes the configs of a command line before Hydra runs any job.

Hydra creates a job's folder before it calls the job's code, and in a sweep finds a mistake in job 7 only after
jobs 0 to 6 have run. So all configs are composed here first, once, and passed to the entry point's check.
"""

import os
import shlex
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple, NoReturn

from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra._internal.hydra import Hydra
from hydra._internal.utils import create_config_search_path, get_args_parser
from hydra.core.config_loader import ConfigLoader
from hydra.core.config_search_path import SearchPathQuery
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.types import Override
from hydra.errors import ConfigCompositionException, MissingConfigException
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from cnnlab.cli.folders import check_can_be_made, check_own, interpolated, run_folder
from cnnlab.cli.hydra_job import read_request
from cnnlab.cli.overrides import as_text, parse, parsed_or_none, parser_of
from cnnlab.cli.own_configs import check_sizes, has_old_ending, mistake, unquoted_choice
from cnnlab.cli.resolvers import CONFIGS, register_resolvers
from cnnlab.cli.schema import unknown
from cnnlab.common.errors import InputError, did_you_mean
from cnnlab.runs.request import Request

# Sections in which `+key=value` may add keys; anywhere else a new key is a typo.
EXTENSIBLE = ("hydra.", "telemetry.statistics.")

# For the command, not for its jobs: how to run a sweep, what it is to decide, which run to go on with.
COMMAND_SECTIONS = ("sweep", "claim", "resume")
LAB_SWEEPER = "hydra_plugins.cnnlab.LabSweeper"


class Command(NamedTuple):
    """`jobs`: the config of every job that a command line asks for, without the sections that are not the job's; None
    if it asks for no job (--cfg, --info, completion), or if its sweeper checks the jobs itself. `config`: with Hydra's
    section, that of the one job or of the sweep; None where Hydra is to do what was asked. `config_dir`: of one's own.
    """

    jobs: list[DictConfig] | None = None
    config: DictConfig | None = None
    config_dir: str | None = None


def compose_jobs(config_name: str, arguments: Sequence[str]) -> list[DictConfig] | None:
    """The jobs of `compose_command`. Raises InputError."""
    return compose_command(config_name, arguments).jobs


def compose_command(config_name: str, arguments: Sequence[str]) -> Command:
    """Raises InputError."""
    args = get_args_parser().parse_args(list(arguments))
    if args.hydra_help or args.cfg or args.info is not None or args.shell_completion:
        return Command()
    if args.multirun and "TORCHELASTIC_RUN_ID" in os.environ:
        raise InputError(
            "A sweep (-m) under torchrun hangs: every rank would start its own sweep. Run it without torchrun."
        )
    name = args.config_name or config_name
    with with_configs(args.config_dir) as hydra:
        loader = hydra.config_loader
        lines = cleaned(loader, args.overrides)
        if not args.multirun:
            job = _compose(loader, name, _not_swept(config_name, loader, lines))
            _check_not_a_sweep(config_name, job)
            _check_not_a_claim(job)
            handed = job.hydra.mode is None and not args.config_path and not args.experimental_rerun
            if handed:
                job.hydra.mode = RunMode.RUN  # before its section becomes read-only
            with interpolated():
                check_can_be_made(run_folder(job), "hydra.run.dir")
            return Command([without_sections(job)], job if handed else None, args.config_dir)
        parsed = parse(parser_of(loader), lines)
        single = [line for line, o in zip(lines, parsed, strict=True) if not o.is_sweep_override()]
        sweep = [*lines, f"hydra.mode={RunMode.MULTIRUN.name}"]
        master = _in_words(loader, name, single, lambda: loader.load_configuration(name, sweep, RunMode.MULTIRUN))
        command = Command(None, None if args.config_path else master, args.config_dir)
        sweeper = master.hydra.sweeper
        if sweeper._target_ == LAB_SWEEPER:
            return command
        if not sweeper._target_.endswith("BasicSweeper"):
            # It chooses values as it goes; each job is checked when it starts.
            return command._replace(jobs=[without_sections(_compose(loader, name, single))])
        params = parse(parser_of(loader), [f"{key}={value}" for key, value in (sweeper.get("params") or {}).items()])
        jobs = BasicSweeper.split_arguments([*params, *parsed], None)
        return command._replace(jobs=[without_sections(_compose(loader, name, job)) for batch in jobs for job in batch])


def deferred(arguments: Sequence[str]) -> list[str]:
    """The arguments, with the settings of a swept choice (`init=normal,uniform init.std=0.1`) as sweeps of one value.

    Hydra first composes the sweep itself, without the choice, and would find no such setting.
    """
    parsed = [parsed_or_none(argument) for argument in arguments]
    swept = {o.key_or_group for o in parsed if o is not None and o.is_sweep_override()}
    return [
        f"{o.get_key_element()}=choice({o.get_value_string()})"
        if o is not None and not o.is_sweep_override() and o.key_or_group.partition(".")[0] in swept
        else argument
        for argument, o in zip(arguments, parsed, strict=True)
    ]


def compose_run(
    config_name: str, overrides: Sequence[str], config_dir: str | Path | None = None, of_sweep: bool = False
) -> tuple[DictConfig, Request, Path]:
    """One job without running Hydra: its config, the request, and the output folder that the command would use.

    `of_sweep`: one run of a claim's sweep, which is otherwise refused, since it decides nothing."""
    register_resolvers()
    if flag := next((o for o in overrides if o.startswith("-")), None):
        raise InputError(f"{flag} is a command-line flag. Give overrides only, e.g. 'model=single5x5'.")
    with with_configs(config_dir) as hydra:
        loader = hydra.config_loader
        lines = _not_swept(config_name, loader, cleaned(loader, overrides))
        config = _compose(loader, config_name, lines)
    if not of_sweep:
        _check_not_a_claim(config)
    job = without_sections(config)
    with interpolated():
        return job, read_request(job, config.hydra), run_folder(config)


def compose_job(loader: ConfigLoader, master: DictConfig, overrides: list[str]) -> DictConfig:
    """One job of the sweep whose config is `master`, with Hydra's section. Raises InputError."""
    name = master.hydra.job.config_name
    return _in_words(loader, name, overrides, lambda: loader.load_sweep_config(master, overrides))


@contextmanager
def with_configs(config_dir: str | Path | None) -> Iterator[Hydra]:
    """Hydra with cnnlab's configs; those in `config_dir` take precedence, and Python can import from there."""
    search_path = create_config_search_path(str(CONFIGS))
    if config_dir is not None:
        own = str(check_own(config_dir))
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


def cleaned(loader: ConfigLoader, lines: Sequence[str]) -> list[str]:
    """The overrides without the `+` and `++` that would hide a typo. Raises InputError."""
    groups = set(loader.list_groups(""))
    overrides = parse(parser_of(loader), lines)
    removed = next((o for o in overrides if o.is_delete() and not o.key_or_group.startswith(EXTENSIBLE)), None)
    if removed is not None:
        raise InputError(
            f"{removed.input_line} would remove a required setting.\nGive it another value, or null where allowed."
        )
    return [_without_plus(o, groups) for o in overrides]


def without_sections(config: DictConfig) -> DictConfig:
    """The job's own settings: neither Hydra's section nor those for the command."""
    return OmegaConf.masked_copy(config, [str(key) for key in config if key not in ("hydra", *COMMAND_SECTIONS)])


def _not_swept(config_name: str, loader: ConfigLoader, lines: list[str]) -> list[str]:
    """`lines`; InputError if they ask for several runs."""
    swept = next((o for o in parse(parser_of(loader), lines) if o.is_sweep_override()), None)
    if swept is not None:
        key, value = swept.key_or_group, swept.get_value_string()
        raise InputError(
            f"{swept.input_line} asks for several runs. To sweep, put -m before the overrides:\n"
            f"  python -m cnnlab.{config_name} -m {swept.input_line}\n"
            f"or, for one value that is a list, write {key}=[{value}], and for a text, quote it twice:\n"
            f"  {shlex.quote(as_text(key, value))}"
        )
    return lines


def _check_not_a_sweep(config_name: str, job: DictConfig) -> None:
    if job.get("sweep", {}).get("dry_run"):
        raise InputError(
            "sweep.dry_run=true lists the jobs of a sweep, and this is a single run. To sweep, put -m first:\n"
            f"  python -m cnnlab.{config_name} -m sweep.dry_run=true ..."
        )


def _check_not_a_claim(job: DictConfig) -> None:
    sentence = job.get("claim", {}).get("sentence")
    if sentence is not None:
        raise InputError(
            f'"{sentence}" is decided by several runs. Put -m first:\n  python -m cnnlab.train -m experiment=NAME'
        )


def _without_plus(override: Override, groups: set[str]) -> str:
    line, key = override.input_line or "", override.key_or_group
    if key.split("@")[0].split("/")[0] in groups or key.startswith(EXTENSIBLE):
        return line
    return line.lstrip("+")


def _compose(loader: ConfigLoader, config_name: str, overrides: list[str]) -> DictConfig:
    def load() -> DictConfig:
        return loader.load_configuration(config_name, overrides, RunMode.RUN)

    return _in_words(loader, config_name, overrides, load)


def _in_words(
    loader: ConfigLoader, config_name: str, overrides: list[str], load: Callable[[], DictConfig]
) -> DictConfig:
    """What `load` composes of these overrides; InputError with a useful message where it cannot."""
    check_sizes(loader)
    try:
        return load()
    except MissingConfigException as error:
        raise InputError(_missing_choice(loader, error)) from error
    except ConfigCompositionException as error:
        raise InputError(mistake(loader) or _bad_override(loader, config_name, overrides, error)) from error
    except (OmegaConfBaseException, ValueError, OSError, YAMLError, RecursionError) as error:
        words = next(iter(str(error).splitlines()), type(error).__name__)
        raise InputError(mistake(loader) or unquoted_choice(loader) or words) from error
    except (TypeError, AttributeError, LookupError, AssertionError) as error:  # of Hydra, as for model=[0]
        typed = " ".join(overrides)
        raise InputError(
            mistake(loader)
            or f"Hydra cannot make a config of {typed[:100]} ({type(error).__name__}).\n"
            "A choice is one name, e.g. model=plain; a list of them is for a sweep: -m model=plain,linear"
        ) from error


def _missing_choice(loader: ConfigLoader, error: MissingConfigException) -> str:
    """For a missing `model/stackd3x3`: the group's choices and the closest match."""
    group, _, name = (error.missing_cfg_file or "").rpartition("/")
    if not group:
        return str(error).splitlines()[0]
    choices = [str(c) for c in error.options or []]
    if has_old_ending(loader, group, name):
        return f"{group}={name}: configs must end with .yaml.\nRename {name}.yml to {name}.yaml."
    return f"{group}={name}: there is no such {group}.{did_you_mean(name, choices)}\nThere are: {', '.join(choices)}."


def _bad_override(loader: ConfigLoader, config_name: str, overrides: list[str], error: Exception) -> str:
    """Name the override that does not fit; valid keys come from the same config without value overrides."""
    parsed = parser_of(loader).parse_overrides(overrides)
    groups = set(loader.list_groups(""))
    choices = [o.input_line or "" for o in parsed if o.key_or_group.split("/")[0] in groups]
    try:
        config = loader.load_configuration(config_name, choices, RunMode.RUN)
    except ConfigCompositionException:
        return str(error).splitlines()[0]
    known = _keys(without_sections(config))
    for override in parsed:
        key = override.key_or_group
        found = OmegaConf.select(config, key, default=_MISSING, throw_on_resolution_failure=False)
        if found is _MISSING and not key.startswith(EXTENSIBLE) and key.split("/")[0] not in groups:
            return unknown(key, known)
    return str(error).splitlines()[0]


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
