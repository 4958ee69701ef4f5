"""How often a command composes, and that what Hydra then does is what it did when it composed itself."""

import json
from pathlib import Path

import pytest
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra.core.hydra_config import HydraConfig
from omegaconf import OmegaConf

import cnnlab.cli.entry as module
from cnnlab.cli.compose import compose_command, with_configs
from cnnlab.cli.handed import HandedLoader, run_handed
from cnnlab.cli.resolvers import register_resolvers


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    register_resolvers()


@pytest.fixture
def composed(monkeypatch):
    """The modes of what Hydra composed."""
    modes, own = [], ConfigLoaderImpl.load_configuration

    def counted(loader, config_name, overrides, run_mode, *rest, **named):
        modes.append(run_mode.name)
        return own(loader, config_name, overrides, run_mode, *rest, **named)

    monkeypatch.setattr(ConfigLoaderImpl, "load_configuration", counted)
    return modes


def _run(monkeypatch, *arguments: str) -> list[tuple]:
    """(the job's config, the overrides, the mode, the folder) of each job."""
    ran = []

    def task(config) -> None:
        hydra = HydraConfig.get()
        told = list(hydra.overrides.task), hydra.mode.name, hydra.runtime.output_dir
        ran.append((OmegaConf.to_container(config), *told))

    monkeypatch.setattr("sys.argv", ["train", *arguments])
    module.entry("train", task, lambda jobs: None, settings=lambda jobs: None)
    return ran


SWEEP = ("-m", "hydra/sweeper=basic", "hydra/launcher=basic", "seed=1,2", "hydra.sweep.dir=here", "model=single5x5")


def test_a_run_is_composed_once(composed, monkeypatch):
    _run(monkeypatch, "seed=3")
    assert composed == ["RUN"]


def test_a_sweep_is_composed_once_besides_its_jobs(composed, monkeypatch):
    _run(monkeypatch, *SWEEP)
    assert composed.count("MULTIRUN") == 1


@pytest.mark.parametrize(
    "arguments", [("seed=3", "init=xavier", "hydra.run.dir=here"), ("-cn", "train", "hydra.run.dir=here"), SWEEP]
)
def test_hydra_does_what_it_does_when_it_composes_itself(arguments, monkeypatch):
    handed = _run(monkeypatch, *arguments)
    monkeypatch.setattr(module, "compose_command", lambda *given: compose_command(*given)._replace(config=None))
    assert handed == _run(monkeypatch, *arguments) and len(handed) == arguments.count("-m") + 1


def test_another_sweeper_says_nothing_so_the_command_tells_where_its_runs_are(monkeypatch, capsys):
    _run(monkeypatch, *SWEEP)
    told = capsys.readouterr().out.splitlines()[-1]
    assert told == "The runs are in here. To compare them: python -m cnnlab.report here"


def test_what_is_checked_is_what_runs(monkeypatch):
    ((config, overrides, mode, folder),) = _run(monkeypatch, "++seed=3")
    assert (config["seed"], overrides, mode) == (3, ["seed=3"], "RUN")
    assert Path(folder).is_dir() and "seed3" in folder


def test_a_mode_that_the_config_names_is_hydras_business(monkeypatch):
    assert compose_command("train", ["hydra.mode=RUN"]).config is None
    ((config, _, mode, _),) = _run(monkeypatch, "hydra.mode=RUN", "seed=4")
    assert (config["seed"], mode) == (4, "RUN")


def test_configs_of_ones_own_are_found(monkeypatch, tmp_path):
    (tmp_path / "own" / "init").mkdir(parents=True)
    (tmp_path / "own" / "init" / "mine.yaml").write_text("_target_: torch.nn.init.ones_\n_partial_: true\nbias: 0\n")
    ((config, _, _, folder),) = _run(monkeypatch, "--config-dir", "own", "init=mine")
    assert config["init"]["_target_"] == "torch.nn.init.ones_" and "mine" in folder


def test_it_is_handed_once_and_composed_from_then_on():
    config = compose_command("train", ["seed=3"]).config
    with with_configs(None) as hydra:
        loader = HandedLoader(hydra.config_loader, config)
        assert loader.load_configuration("anything", [], None) is config
        assert loader.load_configuration("train", ["seed=5"], None).seed == 5


def test_an_error_of_the_job_is_told_as_hydra_tells_it(capsys):
    def broken(config):
        raise ValueError(json.dumps([config.seed]))

    config = compose_command("train", ["seed=3"]).config
    with with_configs(None) as hydra, pytest.raises(SystemExit):
        run_handed(hydra, config, broken)
    assert "ValueError: [3]" in capsys.readouterr().err


@pytest.mark.parametrize("typed", ["optimizer.lr=${oc.env:CNNLAB_NOPE}", "seed=${nope},1", "optimizer.lr=${div:1,2}"])
def test_an_interpolation_of_a_sweep_that_leads_nowhere_is_told_as_that_of_a_run(typed, monkeypatch, capsys, tmp_path):
    with pytest.raises(SystemExit) as stop:
        _run(monkeypatch, "-m", typed, "trainer.max_steps=1", "hydra.sweep.dir=here")
    told = capsys.readouterr().err
    assert stop.value.code == 1 and told.count("\n") == 2 and "Look at the ${...} in what was typed" in told
    assert not list(tmp_path.iterdir())
