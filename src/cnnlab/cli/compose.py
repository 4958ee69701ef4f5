"""Composes the configs of a command line before Hydra runs any job.

Hydra creates a job's folder before it calls the job's code, and in a sweep finds a mistake in job 7 only after
jobs 0 to 6 have run. So all configs are composed here first, once, and passed to the entry point's check.
"""

import os
import shlex
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple, NoReturn

from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra._internal.hydra import Hydra
from hydra._internal.utils import create_config_search_path
from hydra.core.config_loader import ConfigLoader
from hydra.core.config_search_path import SearchPathQuery
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.types import Override
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from cnnlab.cli.folders import check_can_be_made, check_hydra, check_own, has_folder, interpolated, run_folder
from cnnlab.cli.hydra_job import read_request
from cnnlab.cli.in_words import EXTENSIBLE, in_words, is_of_claim
from cnnlab.cli.overrides import as_text, flags, parse, parsed_or_none, parser_of
from cnnlab.cli.own_configs import check_given
from cnnlab.cli.resolvers import CONFIGS, register_resolvers
from cnnlab.cli.schema import unknown
from cnnlab.common.errors import InputError
from cnnlab.runs.request import Request

# For the command, not for its jobs: how to run a sweep, what it is to decide, which run to go on with.
COMMAND_SECTIONS = ("sweep", "claim", "resume")
LAB_SWEEPER = "hydra_plugins.cnnlab.LabSweeper"
SWEEPER_KEYS = ("_target_", "arms", "tune", "params", "paired")


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
    args = flags(arguments)
    if args.hydra_help or args.cfg or args.info is not None or args.shell_completion:
        return Command()
    if args.multirun and "TORCHELASTIC_RUN_ID" in os.environ:
        raise InputError(
            "A sweep (-m) under torchrun hangs: every rank would start its own sweep. Run it without torchrun."
        )
    name = args.config_name or config_name
    with with_configs(args.config_dir) as hydra:
        loader = hydra.config_loader
        lines = cleaned(loader, args.overrides, name)
        if not args.multirun:
            job = _compose(loader, name, _not_swept(config_name, loader, lines))
            handed = job.hydra.mode is None and not args.config_path and not args.experimental_rerun
            if handed:
                job.hydra.mode = RunMode.RUN  # before its section becomes read-only
            _check_not_a_sweep(config_name, job)
            with interpolated():
                folder = run_folder(job)
                if has_folder(job.hydra):
                    check_can_be_made(folder, "hydra.run.dir")
            return Command([without_sections(job)], job if handed else None, args.config_dir)
        parsed = parse(parser_of(loader), lines)
        _check_of_command(parsed)
        single = [line for line, o in zip(lines, parsed, strict=True) if not o.is_sweep_override()]
        sweep = [*lines, f"hydra.mode={RunMode.MULTIRUN.name}"]
        master = in_words(loader, name, single, lambda: loader.load_configuration(name, sweep, RunMode.MULTIRUN))
        check_hydra(master)
        command = Command(None, None if args.config_path else master, args.config_dir)
        sweeper = master.hydra.sweeper
        if sweeper._target_ == LAB_SWEEPER:
            if odd := next((key for key in sweeper if key not in SWEEPER_KEYS), None):
                raise InputError(unknown(f"hydra.sweeper.{odd}", [f"hydra.sweeper.{key}" for key in SWEEPER_KEYS[1:]]))
            return command
        if typed := next((o.key_or_group for o in parsed if is_of_claim(o.key_or_group)), None):
            raise InputError(f"{typed}: a claim is judged by cnnlab's own sweeper alone.\nLeave out hydra/sweeper=...")
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
        lines = _not_swept(config_name, loader, cleaned(loader, overrides, config_name))
        config = _compose(loader, config_name, lines)
    if not of_sweep:
        _check_not_a_sweep(config_name, config)
    job = without_sections(config)
    with interpolated():
        return job, read_request(job, config.hydra), run_folder(config)


def compose_job(loader: ConfigLoader, master: DictConfig, overrides: list[str]) -> DictConfig:
    """One job of the sweep whose config is `master`, with Hydra's section. Raises InputError."""
    name = master.hydra.job.config_name
    job = in_words(loader, name, overrides, lambda: loader.load_sweep_config(master, overrides))
    check_given(loader, job)
    return job


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


def is_of_others(config: DictConfig) -> bool:
    """Whether it is of a sweep by another sweeper than cnnlab's own, which tells what it did."""
    return config.hydra.mode == RunMode.MULTIRUN and config.hydra.sweeper._target_ != LAB_SWEEPER


def cleaned(loader: ConfigLoader, lines: Sequence[str], config_name: str) -> list[str]:
    """The overrides of this config without the `+` and `++` that would hide a typo. Raises InputError."""
    overrides = parse(parser_of(loader), lines)
    removed = next((o for o in overrides if o.is_delete() and not o.key_or_group.startswith(EXTENSIBLE)), None)
    if removed is not None:
        raise InputError(
            f"{removed.input_line} would remove a required setting.\nGive it another value, or null where allowed."
        )
    typed = any(is_of_claim(o.key_or_group) for o in overrides)
    claims = typed and "claim" in loader.load_configuration(config_name, [], RunMode.RUN)
    return [_without_plus(o, claims) for o in overrides]


def without_sections(config: DictConfig) -> DictConfig:
    """The job's own settings: neither Hydra's section nor those for the command."""
    return OmegaConf.masked_copy(config, [str(key) for key in config if key not in ("hydra", *COMMAND_SECTIONS)])


def _not_swept(config_name: str, loader: ConfigLoader, lines: list[str]) -> list[str]:
    """`lines`; InputError if they ask for several runs."""
    swept = next((o for o in parse(parser_of(loader), lines) if o.is_sweep_override()), None)
    if swept is not None:
        key, value = swept.key_or_group, swept.get_value_string()
        a_list = "" if "(" in value else f"for one value that is a list, write {key}=[{value}], and "
        raise InputError(
            f"{swept.input_line} asks for several runs. To sweep, put -m before the overrides:\n"
            f"  python -m cnnlab.{config_name} -m {shlex.quote(swept.input_line or '')}\n"
            f"or, {a_list}for a text, quote it twice:\n"
            f"  {shlex.quote(as_text(key, value))}"
        )
    return lines


def _check_of_command(parsed: Sequence[Override]) -> None:
    """InputError where a setting of the whole sweep is swept."""
    for override in parsed:
        key, value = override.key_or_group, override.get_value_string()
        if override.is_sweep_override() and key.partition(".")[0] in COMMAND_SECTIONS:
            listed = key in ("claim.arm", "claim.than", "claim.key")
            advice = f"A list is written {key}=[{value}]." if listed else "Give one value."
            raise InputError(f"{key}={value}: this is about the whole sweep, and has one value.\n{advice}")


def _check_not_a_sweep(config_name: str, job: DictConfig) -> None:
    """InputError for what one run would ignore: settings of a sweep, and of a claim, which several runs decide; not for
    a run of a sweep that goes on, or is reproduced."""
    with interpolated():
        if job.get("reproduce") or os.path.isfile(run_folder(job) / "run.json"):
            return
    sweep = job.get("sweep", {})
    if sweep.get("dry_run") or not sweep.get("wait", True):
        typed = "sweep.dry_run=true lists the jobs of" if sweep.dry_run else "sweep.wait=false is about"
        raise InputError(
            f"{typed} a sweep, and this is a single run. To sweep, put -m first:\n"
            f"  python -m cnnlab.{config_name} -m {typed.partition(' ')[0]} ..."
        )
    claim = job.get("claim") or OmegaConf.create()
    if set(claim) - {"guess"} or claim.get("guess") is not None:
        sentence = f'"{claim.sentence}"' if "sentence" in claim else "A claim"
        raise InputError(
            f"{sentence} is decided by several runs. Put -m first:\n  python -m cnnlab.train -m experiment=NAME"
        )
    sweeper = job.hydra.sweeper
    if sweeper._target_ == LAB_SWEEPER and (ignored := [key for key in ("arms", "tune", "params") if sweeper.get(key)]):
        raise InputError(
            f"hydra.sweeper.{ignored[0]} is about a sweep, and this is a single run. To sweep, put -m first:\n"
            f"  python -m cnnlab.{config_name} -m ...\nFor one run switch it off: hydra.sweeper.{ignored[0]}=null"
        )


def _without_plus(override: Override, claims: bool) -> str:
    """`claims`: whether this command judges claims, of whose settings an experiment may leave some out."""
    line, key = override.input_line or "", override.key_or_group
    if claims and is_of_claim(key):
        return f"++{line.lstrip('+')}"
    return line if key.startswith(("hydra/", *EXTENSIBLE)) else line.lstrip("+")


def _compose(loader: ConfigLoader, config_name: str, overrides: list[str]) -> DictConfig:
    def load() -> DictConfig:
        return loader.load_configuration(config_name, overrides, RunMode.RUN)

    job = in_words(loader, config_name, overrides, load)
    check_given(loader, job)
    return job


def exit_with(error: Exception) -> NoReturn:
    """Print a user error to stderr and exit with 1."""
    sys.stderr.write(f"{error}\n")
    sys.exit(1)
