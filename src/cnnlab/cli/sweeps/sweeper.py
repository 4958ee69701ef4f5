"""The lab's sweeper: composes every job once, runs what is missing, tunes first where asked, and ends with a report."""

import logging
import re
import shlex
import sys
import threading
from collections.abc import Collection, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from itertools import islice
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from hydra._internal.core_plugins.basic_launcher import BasicLauncher
from hydra.core.plugins import Plugins
from hydra.core.utils import JobReturn
from hydra.errors import InstantiationException
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf

from cnnlab.claims.claim import check_levels, read_claim
from cnnlab.cli.compose import COMMAND_SECTIONS, cleaned, exit_with, without_sections
from cnnlab.cli.folders import check_can_be_made, interpolated, named_folder, typed_of_hydra
from cnnlab.cli.overrides import parser_of
from cnnlab.cli.refusal import Refusal
from cnnlab.cli.schema import SWEEP_RULES
from cnnlab.cli.sweeps.frozen import FrozenJob, FrozenLoader, freeze, with_setting
from cnnlab.cli.sweeps.plan import SEED, Plan, make_plan
from cnnlab.cli.sweeps.record import check_claim, check_names, unfinished, write_record
from cnnlab.cli.sweeps.tuning import choose
from cnnlab.common.checks import check_rules
from cnnlab.common.errors import InputError
from cnnlab.common.garbage import import_uncollected
from cnnlab.runs.attempts import set_aside
from cnnlab.runs.status import FINISHED, can_be_taken_up, real_status


class LabSweeper(Sweeper):
    """`arms`, `tune`, `params`, `paired`: as in `configs/hydra/sweeper/lab.yaml`.

    Works with any launcher. One may offer `warm()`, which begins what it must wait for anyway; `check(check, configs)`,
    which calls `check(configs)` in a process that is warm; `parallel(config)`, the
    number of jobs at a time, and `threads` of each; `detaches`: its jobs go on without this command.
    """

    config: DictConfig  # pyright: ignore[reportIncompatibleVariableOverride]  (set by `setup`, never None after it)
    launcher: Any

    def __init__(self, arms: Any, tune: Any, params: Any, paired: bool) -> None:
        self.arms, self.tune, self.params, self.paired = map(_plain, (arms, tune, params, paired))

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        self.config, self.task = config, task_function
        self.loader, self.frozen = hydra_context.config_loader, FrozenLoader(hydra_context.config_loader)
        self.hydra_context = HydraContext(self.frozen, hydra_context.callbacks)
        try:
            self.launcher = Plugins.instance().instantiate_launcher(self.hydra_context, task_function, config)
        except InstantiationException as error:
            if isinstance(error.__cause__, Refusal):  # which Hydra would quote
                exit_with(error.__cause__)
            raise
        self.launched = 0
        self.reasons: dict[str, str] = {}

    def sweep(self, arguments: list[str]) -> None:
        """Run the jobs of these overrides, as far as they are not finished; ends with exit code 1 if any failed."""
        try:
            with interpolated():
                self._sweep(arguments)
        except InputError as error:
            exit_with(error)
        except KeyboardInterrupt:
            sys.stderr.write(f"Interrupted. The same command goes on with the sweep:\n  {_command()}\n")
            raise

    def _sweep(self, arguments: Sequence[str]) -> None:
        options = self.config.sweep
        check_rules(_plain(options), SWEEP_RULES, "sweep.")
        self._check_options()
        sweep = named_folder(str(self.config.hydra.sweep.dir), "hydra.sweep.dir")
        check_can_be_made(sweep, "hydra.sweep.dir")
        typed = cleaned(self.loader, arguments, self.config.hydra.job.config_name)
        lines = [line for line in typed if re.split("[.=]", line.lstrip("+"))[0] not in COMMAND_SECTIONS]
        plan = make_plan(parser_of(self.loader), lines, self.arms, self.tune, self.params)
        self.claim = _claim(_plain(self.config.claim) or {}, plan)
        composed = freeze(self.loader, self.config, [*plan.tuning, *plan.measuring], tuned=bool(plan.grid))
        jobs = list(islice(composed, 1))
        self._check_settings(jobs)  # a mistake for all jobs, which is most of them, costs no process
        if hasattr(self.launcher, "warm") and not options.dry_run:
            self.launcher.warm()  # its imports go on while the other jobs are composed
        jobs += composed
        self._check_settings(jobs)
        if not options.dry_run:
            # 1.5 s of pandas, statsmodels and matplotlib, while this process would only wait.
            threading.Thread(target=_import_report, daemon=True).start()
        check_names(jobs)
        self._check([without_sections(job.config) for job in jobs], here=options.dry_run)
        tuning, measuring = jobs[: len(plan.tuning)], jobs[len(plan.tuning) :]
        todo = self._unfinished(sweep, jobs)
        if options.dry_run:
            self._list(sweep, jobs, {job.name for job in todo})
            return
        check_claim(sweep, self.claim)
        with _alone(sweep):
            measuring = self._tuned(sweep, plan, tuning, measuring)
            self._run(sweep, [job for job in self._unfinished(sweep, measuring) if job.text is not None])
        self._finish(sweep, [*tuning, *measuring])

    def _check_settings(self, jobs: Sequence[FrozenJob]) -> None:
        """What the command's check begins with, and takes no torch, in this process."""
        self.task.of_sweep["settings"]([without_sections(job.config) for job in jobs])  # type: ignore[attr-defined]

    def _check(self, configs: Sequence[DictConfig], here: bool) -> None:
        """`here`: in this process even if the launcher has one that imported what it takes."""
        check = self.task.check  # type: ignore[attr-defined]
        if hasattr(self.launcher, "check") and not here:
            self.launcher.check(check, configs)
        else:
            check(configs)

    def _unfinished(self, sweep: Path, jobs: Sequence[FrozenJob]) -> list[FrozenJob]:
        return unfinished(sweep, jobs, elsewhere=getattr(self.launcher, "detaches", False))

    def _list(self, sweep: Path, jobs: Sequence[FrozenJob], todo: Collection[str]) -> None:
        """Print the jobs; those to run with what they would cost, from steps measured once per design."""
        from cnnlab.views.sweep_table import print_jobs

        threads, costs, seconds = getattr(self.launcher, "threads", None), {}, {}
        for job in jobs:
            if job.name in todo:
                design = tuple((key, value) for key, value in job.planned.overrides.items() if key != SEED)
                if design not in costs:
                    config = without_sections(job.config)
                    costs[design] = self.task.of_sweep["estimate"](config, threads)  # type: ignore[attr-defined]
                seconds[job.name] = costs[design]
        parallel = self.launcher.parallel(jobs[0].config) if hasattr(self.launcher, "parallel") else None
        print_jobs(sweep, [job.name for job in jobs], seconds, parallel)

    def _tuned(
        self, sweep: Path, plan: Plan, tuning: Sequence[FrozenJob], measuring: Sequence[FrozenJob]
    ) -> list[FrozenJob]:
        """The measured jobs, with the best settings of the tuning stage, which runs first; sweep.json has both."""

        def record(jobs: Sequence[FrozenJob], chosen: Sequence[Mapping[str, Any]]) -> None:
            write_record(sweep, _command(), plan, self.paired, self.claim, [*tuning, *jobs], list(map(dict, chosen)))

        record(measuring, [])
        if not tuning:
            return list(measuring)
        self._run(sweep, self._unfinished(sweep, tuning))
        chosen = choose(sweep, plan, tuning)
        settled = [self._settle(job, tuning, chosen) for job in measuring]
        self._unfinished(sweep, settled)  # refuses runs that were measured with another setting
        record(settled, chosen)
        return settled

    def _settle(self, job: FrozenJob, tuning: Sequence[FrozenJob], chosen: Sequence[Mapping[str, Any]]) -> FrozenJob:
        best = next((c["setting"] for c in chosen if c["labels"] == job.planned.labels), None)
        tried = (t for t in tuning if t.planned.labels == job.planned.labels and t.planned.setting == best)
        return job if best is None else with_setting(job, next(tried), self.config)

    def _run(self, sweep: Path, jobs: Sequence[FrozenJob]) -> None:
        """Launch these jobs; what they did is in their run folders, whatever the launcher returns."""
        from cnnlab.views.sweep_table import LiveTable

        if not jobs:
            return
        for job in jobs:
            run = real_status(sweep / job.name)
            if run["status"] != "running" and not can_be_taken_up(sweep / job.name, job.hash):
                set_aside(sweep / job.name, sweep)
        self.frozen.freeze(jobs)
        in_this_process = isinstance(self.launcher, BasicLauncher)
        with nullcontext() if in_this_process else LiveTable(sweep, [job.name for job in jobs]):
            try:
                returned = self.launcher.launch([job.lines for job in jobs], self.launched)
            except SystemExit as stop:
                if not in_this_process:
                    raise
                self.reasons[""] = f"a job called sys.exit({stop.code}), which ended Hydra's basic launcher"
                returned = []
        self.launched += len(jobs)
        for job, result in zip(jobs, returned, strict=False):
            self.reasons[job.name] = _reason(result)

    def _finish(self, sweep: Path, jobs: Sequence[FrozenJob]) -> None:
        from cnnlab.views.sweep_table import print_ended

        if not self.config.sweep.wait:
            print(f"Submitted. To see how the runs fare: python -m cnnlab.report {shlex.quote(str(sweep))}")
            return
        states = print_ended(sweep, [job.name for job in jobs], self.reasons)
        if any(status in FINISHED for status in states.values()):
            from cnnlab.views.report.sweep_report import publish

            publish(sweep)
        missing = [name for name, status in states.items() if status not in FINISHED]
        if missing:
            raise InputError(
                f"{len(missing)} of {len(jobs)} runs did not finish. The same command runs only what is missing:\n"
                f"  {_command()}"
            )

    def _check_options(self) -> None:
        named = next((o for o in typed_of_hydra(self.config.hydra) if o.startswith("hydra.sweep.subdir=")), None)
        if named is not None:
            raise InputError(
                f"{named}: this sweeper names the run folders itself, to find them again.\n"
                "Leave it out, or choose Hydra's own: hydra/sweeper=basic."
            )
        if not self.config.sweep.wait and not getattr(self.launcher, "detaches", False):
            raise InputError(
                "sweep.wait=false submits to a cluster and leaves; this launcher's jobs end with the command.\n"
                "Use hydra/launcher=slurm, or leave it out."
            )
        if not self.config.sweep.wait and self.tune:
            raise InputError(
                "sweep.wait=false cannot tune: what is measured depends on how the tuning runs end.\n"
                "Leave it out, or switch tuning off with hydra.sweeper.tune=null."
            )


def _claim(content: dict[str, Any], plan: Plan) -> dict[str, Any] | None:
    """What the sweep is to decide, checked before anything runs; None where its experiment says nothing."""
    typed = [key for key, value in content.items() if value is not None]
    if not {"sentence", "than"} & set(typed):
        if typed:
            raise InputError(
                f"claim.{typed[0]} is of an experiment with a claim, and none is chosen.\n"
                "Choose one, e.g. experiment=he_suits_relu; `ls configs/experiment` lists them."
            )
        return None
    levels = {axis: list(dict.fromkeys(job.labels[axis] for job in plan.measuring)) for axis in plan.axes}
    check_levels(read_claim(content), levels)
    return content


def _import_report() -> None:
    logging.getLogger("matplotlib").setLevel(logging.WARNING)  # it tells of its font cache, even before a mistake
    import_uncollected("cnnlab.views.report.sweep_report")


def _plain(value: Any) -> Any:
    return OmegaConf.to_container(value, resolve=True) if OmegaConf.is_config(value) else value


def _command() -> str:
    """As typed, to be typed again."""
    module = getattr(sys.modules["__main__"].__spec__, "name", None)
    start = f"python -m {module}" if module else Path(sys.argv[0]).name
    return shlex.join([*start.split(), *sys.argv[1:]])


def _reason(result: JobReturn) -> str:
    value = result._return_value
    return f"{type(value).__name__}: {value}" if isinstance(value, BaseException) else ""


@contextmanager
def _alone(sweep: Path) -> Any:
    """No second command in the same folder; released by the system if this process is killed."""
    sweep.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(sweep / ".lock", timeout=0):
            yield
    except Timeout:
        raise InputError(
            f"Another command is running the sweep in {sweep}.\nWait for it, or give another hydra.sweep.dir."
        ) from None
