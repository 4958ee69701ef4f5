"""What Hydra cannot compose is told by the name of what was typed, with what to type instead."""

import re

import pytest

from cnnlab.cli.compose import compose_run
from cnnlab.common.errors import InputError


def told(*typed, folder=None) -> str:
    with pytest.raises(InputError) as error:
        compose_run("train", typed, folder)
    assert str(error.value).count("\n") < 5
    return str(error.value)


@pytest.mark.parametrize(
    ("typed", "first"),
    [
        ("model=null", "model=null: a choice is one name."),
        ("telemetry=false", "telemetry=false: a choice is one name."),
        ("model=5.5", "model=5.5: a choice is one name."),
        ("model=[0]", "model=[0]: a choice is one name; several are for a sweep, -m model=0."),
        ("model=[plain,vgg]", "model=[plain,vgg]: a choice is one name; several are for a sweep, -m model=plain,vgg."),
        ("experiment=nothing", "experiment=nothing: there is no such experiment."),
        (
            "experiment=he_suit_relu",
            "experiment=he_suit_relu: there is no such experiment. Did you mean 'he_suits_relu'?",
        ),
        ("optimizer=SGD", "optimizer=SGD: there is no such optimizer. Did you mean 'sgd'?"),
        ("init=init/hee", "init=init/hee: there is no such init. Did you mean 'he'?"),
        ("hydra/launcher=slrm", "hydra/launcher=slrm: there is no such hydra/launcher. Did you mean 'slurm'?"),
        ("sweep.dryrun=true", "'sweep.dryrun' is no setting. Did you mean 'sweep.dry_run'?"),
        ("experiments=x", "'experiments' is no setting. Did you mean 'experiment'?"),
        ("sweep=1", "sweep=1 is not allowed: sweep is a section of settings."),
        ("claim=1", "claim=1 is not allowed: claim is a section of settings."),
        ("hydra.run.dir=null", "hydra.run.dir=null: it cannot be without a value. Give one, or leave it out."),
        ("hydra.job.env_set.FOO=bar", "Could not override 'hydra.job.env_set.FOO'."),
    ],
)
def test_a_mistake_on_the_command_line_is_told_as_it_was_typed(typed, first):
    assert told(typed).splitlines()[0] == first


def test_what_may_be_added_to_a_setting_of_hydra_is_typed_with_a_plus():
    assert told("hydra.job.env_set.FOO=bar").endswith("type +hydra.job.env_set.FOO=bar")


def written(folder, path, text):
    file = folder / path
    file.parent.mkdir(exist_ok=True)
    file.write_text(text)
    return file


GLOBAL = "# @package _global_\n"


@pytest.mark.parametrize(
    ("path", "text", "says"),
    [
        ("experiment/x.yaml", f"{GLOBAL}defaults: [{{model: plain}}]\n", "    - override /model: plain"),
        ("model/x.yaml", "defaults: [{model: plain}]\n", "    - plain"),
        ("experiment/x.yaml", f"{GLOBAL}defaults: [{{override model: plain}}]\n", "`- override /model: plain`"),
        ("experiment/x.yaml", f"{GLOBAL}defaults: [{{/model: plain}}]\n", "`- override /model: plain`"),
        ("experiment/x.yaml", "defaults: [{override /model: plain}]\n", "  # @package _global_"),
        ("experiment/x.yaml", f"{GLOBAL}defaults: [x]\n", "in a circle"),
        ("experiment/x.yaml", f"{GLOBAL}hydra: {{sweep: {{params: 1}}}}\n", "Key 'params' not in 'SweepDir'"),
    ],
)
def test_a_mistake_in_a_defaults_list_is_told_with_what_to_write(path, text, says, tmp_path):
    written(tmp_path, path, text)
    assert says in told(path.removesuffix("/x.yaml") + "=x", folder=tmp_path)


def test_a_section_that_the_indentation_emptied_is_told_in_place_of_its_setting(tmp_path):
    written(tmp_path, "experiment/x.yaml", f"{GLOBAL}trainer:\nmax_steps: 3\n")
    assert told("experiment=x", "trainer.batch_size=8", folder=tmp_path).startswith("trainer is null, and should be")


def test_a_file_is_no_choice_and_the_command_with_its_folder_is_shown(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine").mkdir()
    written(tmp_path / "mine", "model/small.yaml", "defaults: [plain]\n")
    for typed in ("model=mine/model/small.yaml", "model=mine/model/small"):
        assert told(typed).endswith("type --config-dir mine model=small")
    assert compose_run("train", ["model=small"], "mine")[0].model.kernel_size == 3
    # the folder of the group in place of the one above it
    assert re.search(
        "Move .*small.yaml there, or give --config-dir the folder above", told("model=small", folder="mine/model")
    )


def test_a_setting_that_a_choice_lacks_is_told_with_the_choice():
    assert told("init=he", "init.std=0.1").startswith("'init.std' is no setting of init=he.")
    assert told("optimizer.betas=0.1").startswith("'optimizer.betas' is no setting. Did you mean"), "none was typed"


def test_several_experiments_may_be_chosen(tmp_path):
    written(tmp_path, "experiment/x.yaml", f"{GLOBAL}seed: 5\n")
    written(tmp_path, "experiment/y.yaml", f"{GLOBAL}trainer: {{max_steps: 2}}\n")
    config, _, _ = compose_run("train", ["experiment=[x,y]"], tmp_path)
    assert (config.seed, config.trainer.max_steps) == (5, 2)


@pytest.mark.parametrize(
    "typed",
    [
        "optimizer=adam",
        "optimizer=nothing",
        "scheduler=cosine",
        "augmentation=flip_translate",
        "telemetry=full",
        "experiment=he_suits_relu",
        "optimizer.lr=0.1",
        "trainer.max_steps=20",
    ],
)
def test_what_is_for_training_alone_is_no_mistake_of_spelling_to_the_summary(typed):
    with pytest.raises(InputError) as error:
        compose_run("summary", ["model=single5x5", typed, "seed=1"])
    words = f"summary does not take {typed}.\nLeave it out, and give the rest alone: model=single5x5 seed=1."
    assert str(error.value) == words


def test_several_of_them_are_told_at_once():
    with pytest.raises(InputError) as error:
        compose_run("kernels", ["model=vgg", "dataset=mnist"])
    assert str(error.value) == "kernels does not take model=vgg, dataset=mnist.\nLeave them out."
    assert "'model.chanels' is no setting. Did you mean 'model.channels'" in told("model.chanels=[4]")
