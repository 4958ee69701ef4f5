"""Command lines become jobs before Hydra runs any; mistakes are told in words."""

import re

import pytest
from omegaconf import OmegaConf

from cnnlab.claims.claim import read_claim
from cnnlab.cli.compose import compose_command, compose_jobs, compose_run, deferred
from cnnlab.cli.preflight import check_settings
from cnnlab.cli.resolvers import register_resolvers
from cnnlab.common.errors import InputError

BASIC = "hydra/sweeper=basic"


@pytest.fixture(autouse=True)
def _resolvers():
    register_resolvers()


def test_one_job_without_a_sweep():
    (job,) = compose_jobs("train", ["model=single5x5", "seed=4"])
    assert job.model.kernel_size == 5 and job.seed == 4 and "hydra" not in job


def test_sgd_without_momentum_is_plain_since_nesterovs_needs_one():
    jobs = compose_jobs("train", ["-m", BASIC, "optimizer.momentum=0,0.9"])
    assert [job.optimizer.nesterov for job in jobs] == [False, True]


@pytest.mark.parametrize("chosen", ["file", "default", "none", "disabled", "stdout"])
def test_every_choice_of_logging_has_the_handlers_that_it_names(chosen):
    logging = compose_command("train", [f"hydra/job_logging={chosen}"]).config.hydra.job_logging
    assert set((logging.root or {}).get("handlers", [])) <= set(logging.get("handlers", {}))


def test_the_log_is_train_log_whatever_the_job_is_called():
    logging = compose_command("train", ["hydra.job.name=mine"]).config.hydra.job_logging
    assert logging.root.handlers == ["file"]
    assert OmegaConf.to_container(logging.handlers, resolve=False)["file"]["filename"].endswith("/train.log")


def test_a_sweep_is_every_combination():
    jobs = compose_jobs("train", ["-m", BASIC, "model=stacked3x3,single5x5", "init=he,zeros", "seed=range(3)"])
    assert len(jobs) == 12 and {j.seed for j in jobs} == {0, 1, 2}
    assert {(j.model.kernel_size, j.init._target_.rpartition(".")[2]) for j in jobs} == {
        *((3, "he_normal_"), (3, "zeros_"), (5, "he_normal_"), (5, "zeros_"))
    }


def test_a_sweep_may_stand_in_a_yaml_of_ones_own(tmp_path):
    (tmp_path / "experiment").mkdir()
    (tmp_path / "experiment" / "mine.yaml").write_text(
        "# @package _global_\nhydra: {sweeper: {params: {seed: '0,1', init: 'he,xavier'}}}\ntrainer: {epochs: 2}\n"
    )
    jobs = compose_jobs("train", ["-m", "--config-dir", str(tmp_path), BASIC, "experiment=mine"])
    assert len(jobs) == 4 and {j.trainer.epochs for j in jobs} == {2}


def test_the_labs_sweeper_checks_its_jobs_itself_and_what_they_share_is_checked_first():
    assert compose_jobs("train", ["-m", "init=he,xavir"]) is None
    with pytest.raises(InputError, match="'trainer.epoch' is no setting"):
        compose_jobs("train", ["-m", "init=he,xavier", "trainer.epoch=3"])


def test_the_command_line_wins_over_a_sweep_in_a_yaml(tmp_path):
    (tmp_path / "experiment").mkdir()
    (tmp_path / "experiment" / "mine.yaml").write_text(
        "# @package _global_\nhydra: {sweeper: {params: {seed: '0,1'}}}\n"
    )
    jobs = compose_jobs("train", ["-m", "--config-dir", str(tmp_path), BASIC, "experiment=mine", "seed=7"])
    assert [job.seed for job in jobs] == [7]


def test_a_setting_of_a_swept_choice_waits_for_the_choice():
    arguments = ["-m", "--config-dir", "a=b", "init=normal,uniform", "init.std=0.1", "optimizer.lr=0.1", "x=[1"]
    assert deferred(arguments) == [*arguments[:4], "init.std=choice(0.1)", *arguments[5:]]
    twice = ["-m", "--config-dir", "mine", "--config-name", "mine", "seed=0,1"]
    assert deferred(twice) == twice
    assert deferred(["-m", "model=a,b", "model.channels=[8,16]"])[2] == "model.channels=choice([8,16])"
    for still in (["init=normal", "init.std=0.1"], ["-m", "init=normal,uniform", "init.std=0.1,0.2"], ["init.std"]):
        assert deferred(still) == still


def test_only_a_sweep_can_be_listed():
    with pytest.raises(InputError, match="To sweep, put -m first"):
        compose_jobs("train", ["sweep.dry_run=true"])


@pytest.mark.parametrize("flag", ["--hydra-help", "--cfg=job", "--info"])
def test_questions_to_hydra_are_no_jobs(flag):
    assert compose_jobs("train", [flag]) is None


def test_a_statistic_of_ones_own_may_be_added():
    (job,) = compose_jobs("train", ["+telemetry.statistics.activation.mine=math.sqrt"])
    assert job.telemetry.statistics.activation.mine == "math.sqrt"


@pytest.mark.parametrize(
    "arguments, words",
    [
        (["modle.kernel_size=3"], "'modle.kernel_size' is no setting. Did you mean 'model.kernel_size'"),
        (["+trainer.epoch=3"], "'trainer.epoch' is no setting. Did you mean 'trainer.epochs'"),
        (["hydra.run.dir=here", "trainer.epoch=3"], "'trainer.epoch' is no setting"),
        (["++trainer.epoch=3"], "'trainer.epoch' is no setting"),
        (["+typo=1"], "'typo' is no setting"),
        (["init=he", "init.std=1"], "'init.std' is no setting"),
        (["model=stackd3x3"], "there is no such model. Did you mean 'stacked3x3'"),
        ([f"model={300 * 'm'}"], "there is no such model"),
        ([f"hydra.run.dir={300 * 'm'}"], "cannot be used: File name too long"),
        (["mdel=stacked3x3"], "'mdel' is no setting. Did you mean 'model'"),
        (["seed=0,1"], "asks for several runs. To sweep, put -m"),
        (["seed"], "Cannot read '"),
        (["-m", BASIC, "model=stacked3x3,nothing"], "model=nothing: there is no such model"),
        (["--config-dir", "/does/not/exist"], "no such folder"),
        (["model.channels=[8"], "Cannot read '"),
    ],
)
def test_mistakes_are_told_in_at_most_five_lines(arguments, words):
    with pytest.raises(InputError, match=words) as error:
        compose_jobs("train", arguments)
    assert len(str(error.value).splitlines()) <= 5


def test_one_run_of_a_claims_sweep_is_composed_only_for_that_sweep():
    with pytest.raises(InputError, match="is decided by several runs"):
        compose_run("train", ["experiment=he_suits_relu"])
    config, request, _ = compose_run("train", ["experiment=he_suits_relu", "seed=3"], of_sweep=True)
    assert config.seed == 3 and "claim" not in config and request.lines == ("experiment=he_suits_relu", "seed=3")


@pytest.mark.parametrize("value", ["${nothing}", "${seed}"])
def test_an_interpolation_that_leads_nowhere_is_told(value):
    with pytest.raises(InputError, match="nterpolation") as error:
        compose_run("train", [f"seed={value}"])
    assert str(error.value).count("\n") < 5


@pytest.mark.parametrize("typed", ["hydra.launcher.jobs=${nothing}", "hydra.sweeper.paired=${oc.env:NOTHING}"])
def test_one_in_what_hydra_builds_of_a_sweep_is_told_before_hydra_meets_it(typed):
    with pytest.raises(InputError, match="Look at the \\${...} in what was typed"):
        compose_jobs("train", ["-m", typed, "seed=0,1"])


def test_only_a_command_with_a_folder_of_its_own_needs_one_that_can_be_written(monkeypatch):
    def refuse(folder, setting):
        raise InputError(f"{setting}={folder} cannot be used")

    monkeypatch.setattr("cnnlab.cli.compose.check_can_be_made", refuse)
    for name in ("report", "dashboard"):
        assert len(compose_jobs(name, []) or []) == 1
        with pytest.raises(InputError, match="hydra.run.dir=. cannot"):
            compose_jobs(name, ["hydra.run.dir=."])
    for name in ("train", "summary", "predict", "kernels"):
        with pytest.raises(InputError, match="hydra.run.dir=outputs/"):
            compose_jobs(name, [])


@pytest.mark.parametrize("typed", ["claim.rule=exact", "+claim.rule=exact", "++claim.rule=exact"])
def test_what_an_experiments_claim_leaves_out_may_be_typed(typed):
    master = compose_command("train", ["-m", "experiment=he_suits_relu", typed, "claim.key=test/loss"]).config
    assert master is not None and read_claim(OmegaConf.to_container(master.claim)).rule == "exact"
    assert master.claim.key == "test/loss"


@pytest.mark.parametrize("command", [["-m"], []])
def test_a_typo_in_a_claim_is_told_with_all_that_it_may_set(command):
    with pytest.raises(InputError, match="Did you mean 'claim.margin'.*\n.*claim.rule") as error:
        compose_jobs("train", [*command, "claim.margn=1"])
    assert str(error.value).count("claim.guess") == 1


@pytest.mark.parametrize(
    ("typed", "advice"),
    [
        ("claim.arm=he,xavier", "A list is written claim.arm=[he,xavier]."),
        ("sweep.wait=true,false", "Give one value."),
        ("claim.guess=holds,inconclusive", "Give one value."),
    ],
)
def test_a_setting_of_the_whole_sweep_is_not_swept(typed, advice):
    with pytest.raises(InputError) as error:
        compose_jobs("train", ["-m", "experiment=he_suits_relu", typed])
    assert str(error.value) == f"{typed}: this is about the whole sweep, and has one value.\n{advice}"


@pytest.mark.parametrize(
    ("command", "typed", "says"),
    [
        ("summary", ["-m", "model=stacked3x3,vgg"], "'claim.margin' is no setting"),
        ("predict", ["-m", "image=a.png,b.png"], "'claim.margin' is no setting"),
        ("report", [], "'claim.margin' is no setting"),
        ("train", ["-m", "hydra/sweeper=basic"], "a claim is judged by cnnlab's own sweeper alone"),
    ],
)
def test_what_judges_no_claim_has_no_settings_of_one(command, typed, says):
    with pytest.raises(InputError, match=says):
        compose_jobs(command, [*typed, "claim.margin=0.1"])


def test_another_commands_config_is_told_as_such():
    """And not as an interpolation, which nobody typed."""
    (job,) = compose_jobs("train", ["-cn", "summary"])
    with pytest.raises(InputError, match="The config lacks check"):
        check_settings([job])


def test_a_number_may_come_from_the_environment(monkeypatch):
    monkeypatch.setenv("CNNLAB_TEST_SEED", "7")
    (job,) = compose_jobs("train", ['seed="${oc.decode:${oc.env:CNNLAB_TEST_SEED}}"'])
    check_settings([job])
    assert job.seed == 7


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        ("sweep.dry_run=true", "sweep.dry_run=true lists the jobs of a sweep"),
        ("sweep.wait=false", "sweep.wait=false is about a sweep"),
        ("claim.guess=holds", "A claim is decided by several runs"),
        ("+experiment=he_suits_relu", '"He initialization suits ReLU, better than Xavier." is decided by several runs'),
    ],
)
def test_what_one_run_would_ignore_is_refused(typed, says):
    for compose in (lambda: compose_jobs("train", [typed]), lambda: compose_run("train", [typed])):
        with pytest.raises(InputError, match="Put -m first|To sweep, put -m first") as error:
            compose()
        assert str(error.value).startswith(says)


def test_an_experiments_claim_can_be_switched_off():
    typed = ["experiment=two_3x3_need_fewer_weights", "claim=null"]
    off = [f"hydra.sweeper.{key}=null" for key in ("arms", "tune", "params")]
    (job,) = compose_jobs("train", [*typed, *off]) or ()
    assert "claim" not in job and job.trainer.max_steps == 0
    master = compose_command("train", ["-m", *typed]).config
    assert master is not None and master.claim is None


def test_the_command_that_is_suggested_can_be_pasted():
    with pytest.raises(InputError) as error:
        compose_jobs("train", ["init=glob(he*)"])
    assert "  python -m cnnlab.train -m 'init=glob(he*)'\n" in str(error.value) and "[glob" not in str(error.value)
    with pytest.raises(InputError, match=re.escape("write optimizer.lr=[0,1]")):
        compose_jobs("train", ["optimizer.lr=0,1"])


def test_a_named_sweep_is_no_single_run(tmp_path):
    (tmp_path / "experiment").mkdir()
    text = "# @package _global_\nhydra: {sweeper: {params: {seed: '0,1'}}}\n"
    (tmp_path / "experiment" / "mine.yaml").write_text(text)
    with pytest.raises(InputError, match="hydra.sweeper.params is about a sweep"):
        compose_run("train", ["experiment=mine"], tmp_path)
    config, _, _ = compose_run("train", ["experiment=mine", "hydra.sweeper.params=null", "seed=3"], tmp_path)
    assert config.seed == 3
    (tmp_path / "experiment" / "mine.yaml").write_text(text.replace("params", "parms"))
    with pytest.raises(InputError, match="Did you mean 'hydra.sweeper.params'"):
        compose_jobs("train", ["-m", "--config-dir", str(tmp_path), "experiment=mine"])


def test_one_run_of_a_sweep_goes_on_or_is_reproduced(tmp_path):
    (tmp_path / "run").mkdir()
    for typed in (f"hydra.run.dir={tmp_path / 'run'}", f"reproduce={tmp_path / 'run'}"):
        (tmp_path / "run" / "run.json").unlink(missing_ok=True)
        if typed.startswith("hydra"):
            with pytest.raises(InputError, match="is decided by several runs"):
                compose_jobs("train", ["experiment=he_suits_relu", typed])
        (tmp_path / "run" / "run.json").write_text("{}")
        for jobs in (
            compose_jobs("train", ["experiment=he_suits_relu", "seed=3", typed]),
            [compose_run("train", ["experiment=he_suits_relu", "seed=3", typed])[0]],
        ):
            assert jobs is not None and [job.seed for job in jobs] == [3]
