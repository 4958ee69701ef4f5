"""The jobs of a sweep with their configs, composed once: what is edited while the sweep runs changes nothing."""

import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra.core.config_loader import ConfigLoader
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import DictConfig, OmegaConf, open_dict

from cnnlab.cli.compose import COMMAND_SECTIONS, compose_job, without_sections
from cnnlab.cli.resolvers import slug
from cnnlab.cli.sweeps.plan import MEASURE, SEED, TUNE, PlannedJob
from cnnlab.runs.changes import config_hash


@dataclass(frozen=True)
class FrozenJob:
    """`name`: its run folder in the sweep's. `text`: the resolved config, as in the run folder's config.yaml; None
    as long as its tuned settings are not known. `config`: the same for Hydra, with its own section."""

    planned: PlannedJob
    name: str
    config: DictConfig
    text: str | None

    @property
    def lines(self) -> list[str]:
        return [f"{key}={value}" for key, value in self.planned.overrides.items()]

    @property
    def hash(self) -> str | None:
        return None if self.text is None else config_hash(self.text)

    def entry(self) -> dict[str, Any]:
        """The job in sweep.json."""
        return {
            "name": self.name,
            "stage": self.planned.stage,
            "labels": dict(self.planned.labels),
            "seed": str(self.config[SEED]) if SEED in self.config else None,
            "overrides": self.lines,
            "config_hash": self.hash,
            "config": self.text,
        }


class FrozenLoader(ConfigLoaderImpl):
    """Hands the launcher the frozen config of a job in place of one composed from files, whichever launcher it is."""

    def __init__(self, loader: ConfigLoader):
        super().__init__(loader.get_search_path())
        self.frozen: dict[tuple[str, ...], DictConfig] = {}

    def freeze(self, jobs: Sequence[FrozenJob]) -> None:
        self.frozen = {tuple(job.lines): job.config for job in jobs}

    def load_sweep_config(self, master_config: DictConfig, sweep_overrides: list[str]) -> DictConfig:
        return copy.deepcopy(self.frozen[tuple(sweep_overrides)])


def freeze(loader: ConfigLoader, master: DictConfig, planned: Sequence[PlannedJob], tuned: bool) -> Iterator[FrozenJob]:
    """Compose each job, one after the other as they are asked for; InputError for what cannot be composed.

    Jobs that differ in the seed alone are composed once, since composing takes 75 ms. `tuned`: the measured jobs wait
    for the values of a tuning stage.
    """
    designs: dict[tuple[tuple[str, str], ...], DictConfig] = {}
    for job in planned:
        lines = {key: value for key, value in job.overrides.items() if key != SEED}
        design = tuple(lines.items())
        if design not in designs:
            designs[design] = compose_job(loader, master, [f"{key}={value}" for key, value in design])
        config = copy.deepcopy(designs[design])
        if SEED in job.overrides:
            value = OverridesParser.create().parse_override(f"{SEED}={job.overrides[SEED]}").value()
            OmegaConf.update(config, SEED, value)
        yield _frozen(job, config, master, known=not (tuned and job.stage == MEASURE))


def with_setting(job: FrozenJob, tuning: FrozenJob, master: DictConfig) -> FrozenJob:
    """The measured job with the setting of `tuning`, a job of the tuning stage with the same labels."""
    config = copy.deepcopy(tuning.config)
    OmegaConf.update(config, SEED, job.config[SEED])
    setting = tuning.planned.setting
    planned = PlannedJob(MEASURE, job.planned.labels, {**job.planned.overrides, **setting}, setting)
    return _frozen(planned, config, master, known=True)


def _frozen(planned: PlannedJob, config: DictConfig, master: DictConfig, *, known: bool) -> FrozenJob:
    name = job_name(planned, str(config.get(SEED)))
    fixed = [key for key in planned.overrides if key not in _distinguishing(planned, master)]
    with open_dict(config):
        for section in COMMAND_SECTIONS:
            config.pop(section, None)
    with open_dict(config.hydra):
        config.hydra.sweep.dir, config.hydra.sweep.subdir = str(master.hydra.sweep.dir), name
        config.hydra.mode = master.hydra.mode
        config.hydra.overrides.task = [f"{key}={value}" for key, value in planned.overrides.items()]
        config.hydra.job.config.override_dirname.exclude_keys = fixed
    text = OmegaConf.to_yaml(without_sections(config), resolve=True) if known else None
    return FrozenJob(planned, name, config, text)


def _distinguishing(planned: PlannedJob, master: DictConfig) -> set[str]:
    """The keys that tell this job from others of the sweep: its axes, those of its arm, the seed, tuned ones."""
    arms = (master.hydra.sweeper.get("arms") or {}).values()
    in_arms = {line.lstrip("+").partition("=")[0] for arm in arms for line in arm}
    return {*planned.labels, *in_arms, SEED, *planned.setting}


def job_name(planned: PlannedJob, seed: str) -> str:
    """`stacked,init=he,seed=0`, and in the tuning stage `tune/stacked,init=he,optimizer.lr=0.1,seed=100`."""
    labels = [value if key == "arm" else f"{key}={value}" for key, value in planned.labels.items()]
    setting = [f"{key}={value}" for key, value in planned.setting.items()] if planned.stage == TUNE else []
    name = slug(",".join([*labels, *setting, f"{SEED}={seed}"]))
    return f"{TUNE}/{name}" if planned.stage == TUNE else name
