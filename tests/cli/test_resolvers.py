"""What the YAML files compute, and values once they are composed."""

import pytest
from omegaconf import OmegaConf

from cnnlab.cli.resolvers import CONFIGS, register_resolvers, resolved, slug
from cnnlab.common.errors import InputError


def test_folder_names_are_safe_short_and_different():
    assert slug("model=a/b,init=[1, 2]") == "model=a-b,init=1,-2"
    long = [slug(f"{'x' * 300}{i}") for i in range(2)]
    assert len(set(long)) == 2 and max(map(len, long)) <= 120


def test_a_name_that_just_fits_stays_and_one_letter_more_is_cut():
    assert slug("x" * 120) == "x" * 120
    assert slug("x" * 121).startswith("x" * 100) and len(slug("x" * 121)) == 120
    assert len(slug("seed=1", limit=10)) == 6 and len(slug("optimizer.lr=0.1", limit=10)) == 10


@pytest.mark.parametrize(
    "text, value",
    [
        ("${gain:relu}", 2**0.5),
        ("${gain:tanh}", 5 / 3),
        ("${gain:none}", 1.0),
        ("${positive:0}", False),
        ("${positive:0.9}", True),
        ("${positive:high}", False),
        ("${positive:null}", False),
        ("${positive:'09'}", False),
        ("${slug:'data/my pictures'}", "data-my-pictures"),
    ],
)
def test_a_yaml_computes(text, value):
    register_resolvers()
    assert OmegaConf.create({"x": text}).x == pytest.approx(value)


@pytest.mark.parametrize(
    "compare, theory, name", [([], False, "plain"), (["a", "b"], False, "a_b"), ([], True, "plain_he")]
)
def test_a_sheets_folder_names_what_it_depends_on(compare, theory, name):
    register_resolvers()
    text = "${designs:${compare},${model}}${initialized:${theory},he}"
    config = OmegaConf.create({"compare": compare, "theory": theory, "model": "plain", "folder": text})
    assert config.folder == name


@pytest.mark.parametrize(
    "overrides, arms, name",
    [
        (["init=he,xavier", "seed=0,1"], None, "init"),
        (["init=he,xavier,zeros", "seed=0,1,2"], None, "init"),
        (["dataset=mnist", "model=a,b", "init=he,xavier"], None, "model,init,dataset=mnist"),
        (["experiment=kernel_size", "trainer.epochs=2", "sweep.dry_run=true"], None, "kernel_size,trainer.epochs=2"),
        (["init=normal,uniform", "init.std=choice(0.1)", "seed=3"], None, "init,init.std=0.1"),
        (["init=glob(xavier*)", "+optimizer.lr=range(1,3)"], None, "init,optimizer.lr"),
        (["seed=0,1"], None, "seed"),
        (["seed=0,1"], {"stacked": [], "single": []}, "stacked,single"),
        (["model.channels=[8],[8,16]", "model.head=[]"], None, "model.channels,model.head="),
        # Not the folder of the runs that decide it.
        (["experiment=he_suits_relu", "claim.guess=holds"], None, "he_suits_relu"),
        (["experiment=he_suits_relu", "claim=null"], None, "he_suits_relu,claim=null"),
    ],
)
def test_the_same_question_has_the_same_folder(overrides, arms, name):
    register_resolvers()
    text = "${sweep_name:${overrides},${sweeper}}"
    config = OmegaConf.create({"overrides": overrides, "sweeper": {"arms": arms}, "name": text})
    assert config.name == name


def test_registering_again_is_no_mistake():
    for _ in range(2):
        register_resolvers()
    assert OmegaConf.create({"x": "${slug:a b}"}).x == "a-b"


def test_a_job_becomes_plain_values():
    job = OmegaConf.create({"trainer": {"batch_size": 64, "sizes": [1, "${..batch_size}"]}, "seed": None})
    values = resolved(job)
    assert values == {"trainer": {"batch_size": 64, "sizes": [1, 64]}, "seed": None}
    assert type(values["trainer"]) is dict and type(values["trainer"]["sizes"]) is list


@pytest.mark.parametrize("text, words", [("${nope}", "'nope' not found"), ("${oc.env:CNNLAB_NOPE}", "CNNLAB_NOPE")])
def test_an_interpolation_that_leads_nowhere_is_told_in_one_line(text, words):
    with pytest.raises(InputError, match=words) as error:
        resolved(OmegaConf.create({"x": text}))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ([], "vgg_he_mnist_seed3"),
        (["model=vgg", "seed=3", "dataset.root=/data/x", "telemetry.every=9"], "vgg_he_mnist_seed3"),
        (["model.kernel_size=5", "+optimizer.eps=1e-3"], "vgg_he_mnist_model.kernel_size=5_optimizer.eps=0.001_seed3"),
        (["model.channels=[8,16]"], "vgg_he_mnist_model.channels=8,16_seed3"),
        (["claim=null"], "vgg_he_mnist_seed3"),
    ],
)
def test_a_run_is_named_by_its_design_what_was_typed_besides_and_its_seed(typed, name):
    register_resolvers()
    choices = {"model": "vgg", "init": "he", "dataset": "mnist", "hydra/launcher": "local"}
    text = "${run_name:${choices},${overrides},${seed}}"
    config = OmegaConf.create({"name": text, "choices": choices, "overrides": typed, "seed": 3})
    assert config["name"] == name


def test_a_long_name_of_a_run_still_has_its_seed():
    register_resolvers()
    choices = {"model": "vgg", "init": "he", "dataset": "mnist"}
    typed = [f"model.setting{i}=value" for i in range(20)]
    text = "${run_name:${choices},${overrides},${seed}}"
    name = OmegaConf.create({"name": text, "choices": choices, "overrides": typed, "seed": 3})["name"]
    assert name.startswith("vgg_he_mnist_model.setting0=value_") and name.endswith("_seed3") and len(name) <= 120


@pytest.mark.parametrize(
    ("text", "threads"), [("3", 3), ("2,1", 2), (" 4 ", 4), ("", 1), ("0", 1), ("many", 1), ("-2", 1), (None, 1)]
)
def test_threads_are_those_of_the_environment_where_it_says_a_number(text, threads, monkeypatch):
    register_resolvers()
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    if text is not None:
        monkeypatch.setenv("OMP_NUM_THREADS", text)
    assert OmegaConf.load(CONFIGS / "hydra" / "launcher" / "local.yaml").threads == threads
