"""Turns a config of `python -m cnnlab.summary` into designs, and into theory's prediction for one network."""

import json
import shlex
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from omegaconf import DictConfig, OmegaConf

from cnnlab.cli.compose import compose_jobs
from cnnlab.cli.preflight import check_targets
from cnnlab.cli.resolvers import resolved
from cnnlab.cli.schema import SUMMARY_RULES, check_values
from cnnlab.common.checks import check_rules
from cnnlab.common.errors import InputError, NotApplicable
from cnnlab.common.words import shown
from cnnlab.runs.request import Request

# The default trainer.batch_size: the gradient's scale depends on it.
THEORY_IMAGES = 64
SEEDS = "0,1,2,3,4,5"  # of the sweep that is advised


def check_designs(jobs: Sequence[DictConfig]) -> None:
    """A dry run of all but the measurement and the files, so that a mistake leaves no folder behind."""
    for job in jobs:
        check_rules(resolved(job), SUMMARY_RULES)
        _check_together(job)
    composed = {name: compose_jobs("summary", [*sys.argv[1:], f"model={name}"]) for job in jobs for name in job.compare}
    for number, job in enumerate(jobs):
        models = {name: (composed[name] or [])[number] for name in job.compare} or {"model": job}
        for config in models.values():
            _check_design(config)
        make_designs(job, {name: config.model for name, config in models.items()}, measure=False)
        if job.theory:
            initialized(job)


def _check_together(job: DictConfig) -> None:
    chosen = next((a for a in sys.argv[1:] if a.startswith("model=")), None)
    if job.match and not job.compare:
        raise InputError(f"match={job.match} needs designs to match, e.g. compare=[stacked3x3,single5x5].")
    if job.compare and chosen:
        raise InputError(f"compare=[{','.join(job.compare)}] already names the models; leave out {chosen}.")
    if job.compare and job.theory:
        raise InputError(
            "theory=true works on one network, not on a comparison. For one sheet per model:\n"
            f"  python -m cnnlab.summary -m model={','.join(job.compare)} theory=true"
        )


def _check_design(config: DictConfig) -> None:
    sections = OmegaConf.masked_copy(config, ["model", "init", "dataset", "seed"])
    check_values(resolved(sections))
    check_targets(sections)


def models_of(config: DictConfig) -> dict[str, DictConfig]:
    """By name: the model configs that the running job compares, or the single one it selected."""
    from hydra import compose
    from hydra.core.hydra_config import HydraConfig

    hydra = HydraConfig.get()
    if not config.compare:
        return {hydra.runtime.choices["model"]: config.model}
    overrides = hydra.overrides.task
    return {name: compose(hydra.job.config_name, [*overrides, f"model={name}"]).model for name in config.compare}


def make_designs(job: DictConfig, configs: Mapping[str, DictConfig], measure: bool) -> tuple[Any, int]:
    """The `Designs` and the number of classes; images are read only if the config does not determine their shape."""
    from cnnlab.cli.build import build_data, make_network
    from cnnlab.datasets.shapes import shape_of
    from cnnlab.designs.make import Model, make

    known = shape_of(resolved(job.dataset))
    if known is None:
        data = build_data(job.dataset)
        known = data.shape, len(data.classes)

    def build(knobs: Mapping[str, Any]) -> Any:
        return make_network(OmegaConf.create(dict(knobs)), *known)

    models = {name: Model(resolved(config), build) for name, config in configs.items()}
    return make(models, known[0], job.match, measure), known[1]


def training_command(request: Request, changes: Mapping[str, Mapping[str, Any]], folder: str) -> str:
    """The sweep that trains what this command compared, a model an arm. `changes`: of each model, by matching.
    `folder`: the name of the sweep's."""
    typed = {line.lstrip("+").partition("=")[0]: line for line in request.lines}
    typed = {key: line for key, line in typed.items() if key not in {*SUMMARY_RULES, "seed"}}
    matched = {f"model.{knob}" for change in changes.values() for knob in change}
    common = [line for key, line in typed.items() if key not in matched]
    arms = []
    for name, change in changes.items():
        # A setting that one arm has for itself is given for each.
        single = {key: line for key, line in typed.items() if key in matched}
        single |= {f"model.{knob}": f"model.{knob}={shown(value)}" for knob, value in change.items()}
        arms.append(f"{name}: {json.dumps([f'model={name}', *single.values()])}")
    own = [] if request.config_dir is None else ["--config-dir", request.config_dir]
    sweep = [f"hydra.sweeper.arms={{{', '.join(arms)}}}", *common, f"seed={SEEDS}"]
    return shlex.join(["python", "-m", "cnnlab.train", "-m", *own, *sweep, f"hydra.sweep.dir=outputs/sweeps/{folder}"])


def initialized(job: DictConfig) -> tuple[Any, Any]:
    """The network as training would start it, and the first training images (N, C, H, W), normalized."""
    from cnnlab.cli.build import build_data, build_network
    from cnnlab.datasets.base import normalize

    data = build_data(job.dataset)
    batch = normalize(data.train.images[:THEORY_IMAGES], data.mean, data.std)
    return build_network(job, data, batch), batch


def theory_of(job: DictConfig, init: str) -> Any:
    """The `TheoryReport` of the network that `job` describes."""
    from cnnlab.cli.build import build_expectation, gain_of
    from cnnlab.theory.theory_report import TheoryReport

    network, batch = initialized(job)
    try:
        return TheoryReport(init, len(batch), build_expectation(job, network, batch), remark=gain_of(job, init))
    except NotApplicable as reason:
        return TheoryReport(init, len(batch), None, str(reason))
