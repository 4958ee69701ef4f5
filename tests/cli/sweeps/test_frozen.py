"""Jobs are composed once, and every launcher gets what was composed."""

import cloudpickle
import pytest
from omegaconf import OmegaConf

from cnnlab.cli.compose import compose_run
from cnnlab.cli.overrides import parser_of
from cnnlab.cli.sweeps.frozen import FrozenLoader, freeze, with_setting
from cnnlab.cli.sweeps.plan import make_plan
from cnnlab.common.errors import InputError


def _freeze(composed, *arguments, tune=None, arms=None, folder="s"):
    loader, master = composed(*arguments, folder=folder)
    plan = make_plan(parser_of(loader), arguments, arms, tune, None)
    return loader, master, list(freeze(loader, master, [*plan.tuning, *plan.measuring], tuned=bool(tune)))


def test_a_frozen_config_is_that_of_the_single_run(composed):
    _, _, jobs = _freeze(composed, "model=single5x5", "init=he,xavier", "seed=0,3")
    assert [job.name for job in jobs] == [f"init={i},seed={s}" for s in (0, 3) for i in ("he", "xavier")]
    for job in jobs:
        config, _, _ = compose_run("train", job.lines)
        assert job.text == OmegaConf.to_yaml(config, resolve=True)
    assert len({job.hash for job in jobs}) == 4


def test_every_launcher_is_handed_the_frozen_config(composed):
    loader, master, jobs = _freeze(composed, "init=he,xavier", "trainer.max_steps=3")
    frozen = FrozenLoader(loader)
    frozen.freeze(jobs)
    for job in jobs:
        config = cloudpickle.loads(cloudpickle.dumps(frozen)).load_sweep_config(master, job.lines)
        assert config.init._target_ == job.config.init._target_ and config.hydra.sweep.subdir == job.name
        assert list(config.hydra.overrides.task) == job.lines and config.hydra.runtime.choices.init in job.name
        config.seed = 9
    assert all(job.config.seed == 0 for job in jobs)


def test_what_distinguishes_the_runs_is_told_from_what_they_share(composed):
    arms = {"a": ["model=single5x5"], "b": ["model=stacked3x3"]}
    _, _, jobs = _freeze(composed, "trainer.max_steps=3", "init=he,xavier", arms=arms)
    excluded = set(jobs[0].config.hydra.job.config.override_dirname.exclude_keys)
    assert "trainer.max_steps" in excluded and not excluded & {"init", "seed"}
    assert [job.name for job in jobs] == [f"{arm},init={i},seed=0" for arm in "ab" for i in ("he", "xavier")]


def test_sections_for_the_command_are_no_part_of_a_run(composed):
    _, _, (job, _) = _freeze(composed, "init=he,xavier")
    assert "sweep" not in job.config and "sweep:" not in (job.text or "")


@pytest.mark.parametrize("tune", [{"optimizer.lr": "0.1,0.2"}, {"optimizer": "sgd,adamw"}])
def test_a_measured_run_takes_the_tuned_setting(composed, tune):
    _, master, jobs = _freeze(composed, "init=he", "seed=4,5", tune={**tune, "seed": "100"})
    tuning, measuring = jobs[:2], jobs[2:]
    assert [job.name.startswith("tune/") for job in jobs] == [True, True, False, False]
    assert all(job.text is None and job.hash is None for job in measuring)
    settled = with_setting(measuring[1], tuning[1], master)
    ((key, values),) = tune.items()
    config, _, _ = compose_run("train", ["init=he", "seed=5", f"{key}={values.split(',')[1]}"])
    assert settled.text == OmegaConf.to_yaml(config, resolve=True) and settled.name == measuring[1].name
    assert settled.config.hydra.sweep.subdir == measuring[1].name


def test_a_choice_that_does_not_exist_is_named(composed):
    with pytest.raises(InputError, match="Did you mean 'xavier'"):
        _freeze(composed, "init=he,xavir")
