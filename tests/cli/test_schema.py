"""The table of settings: what it lets pass, what it refuses, and what it says."""

import pytest

from cnnlab.cli.schema import CONVNET, check_complete, check_shapes, check_values, unknown
from cnnlab.common.errors import InputError

GOOD = {
    "seed": 0,
    "model": {"_target_": CONVNET, "kernel_size": [3, 5], "pool": "max", "head": "average", "dropout": 0.5},
    "init": {"std": 0.01, "bias": "keep"},
    "optimizer": {"lr": 1},
    "trainer": {"epochs": 3, "max_steps": None, "resident": "auto"},
}


def test_what_is_right_passes():
    check_values(GOOD)


@pytest.mark.parametrize(
    "section, key, value, words",
    [
        ("trainer", "epochs", 1.5, r"trainer.epochs=1.5 is not allowed.\nAllowed: an integer >= 0"),
        ("trainer", "epochs", True, "trainer.epochs=true is not allowed"),
        ("trainer", "device", "gpu", r"trainer.device=gpu is not allowed.\nAllowed: auto | cpu | cuda"),
        ("trainer", "clip", 0, "trainer.clip=0 is not allowed"),
        ("trainer", "batch_sise", 4, "'trainer.batch_sise' is no setting. Did you mean 'trainer.batch_size'"),
        ("optimizer", "lr", "fast", "optimizer.lr=fast is not allowed"),
        ("optimizer", "lr", float("nan"), "optimizer.lr=NaN is not allowed"),
        ("model", "kernel_size", 0, "model.kernel_size=0 is not allowed"),
        ("model", "kernel_size", [], r"model.kernel_size=\[\] is not allowed"),
        ("model", "pool", ["max", "avg"], r"model.pool=\[max,avg\] is not allowed"),
        ("model", "activate", "first", r"model.activate=first is not allowed.\nAllowed: each | last"),
        ("model", "classes", 10, "model.classes cannot be set"),
        ("dataset", "num_classes", 10, "dataset.num_classes cannot be set"),
        ("dataset", "validation", 1.0, "dataset.validation=1.0 is not allowed"),
        ("optimiser", "lr", 1, "'optimiser' is no setting. Did you mean 'optimizer'"),
        ("evaluations", "x", 1, "'evaluations' is no setting. Did you mean 'evaluation'"),
    ],
)
def test_what_is_wrong_is_told_in_at_most_five_lines(section, key, value, words):
    config = {**GOOD, section: {**GOOD.get(section, {}), key: value}}
    with pytest.raises(InputError, match=words) as error:
        check_values(config)
    assert len(str(error.value).splitlines()) <= 5


def test_a_module_of_ones_own_gives_names_its_own_meaning():
    check_values({"model": {"_target_": "mine.Net", "kernel_size": "large"}})


def test_an_interpolation_is_left_to_whoever_gets_it():
    check_values({"trainer": {"batch_size": "${oc.env:BATCH}"}})


def test_unknown_lists_the_section_or_the_sections():
    known = ["seed", "model.pool", "model.head"]
    assert unknown("model.pol", known).endswith("There are: model.pool, model.head.")
    assert unknown("typo", known).endswith("There are: model, seed.")


@pytest.mark.parametrize("typed", ["lr", "trainer.lr", "optimiser.lr"])
def test_the_setting_of_that_name_in_another_section_is_meant(typed):
    known = ["trainer", "trainer.epochs", "optimizer.lr", "optimizer.more.lr", "optimizer"]
    assert f"'{typed}' is no setting. Did you mean 'optimizer.lr'?\n" in unknown(typed, known)


def test_a_setting_without_its_section_is_told_with_it():
    known = ["model.norm", "optimizer.lr", "mine.lr", "hydra.run.dir", "seed"]
    assert "'norm' is no setting. Did you mean 'model.norm'?\n" in unknown("norm", known)
    assert "Did you mean 'optimizer.lr' or 'mine.lr'?\n" in unknown("lr", known)
    assert "Did you mean" not in unknown("dir", known)


@pytest.mark.parametrize(
    ("typed", "meant"), [("model.kernel.size", "model.kernel_size"), ("trainer.batch.size", "trainer.batch_size")]
)
def test_a_dot_too_many_is_no_other_section(typed, meant):
    known = ["model.kernel_size", "trainer.batch_size", "dataset.size"]
    assert f"'{typed}' is no setting. Did you mean '{meant}'?\n" in unknown(typed, known)


def test_settings_of_no_section_are_checked_as_well():
    check_values({"seed": 1, "check": None, "repair": True})
    with pytest.raises(InputError, match=r"check=range is not allowed.\nAllowed: one_batch | range_test, or null"):
        check_values({"check": "range"})
    with pytest.raises(InputError, match=r"repair=1 is not allowed.\nAllowed: true | false"):
        check_values({"repair": 1})
    with pytest.raises(InputError, match="'chek' is no setting. Did you mean 'check'"):
        check_values({"chek": "one_batch"})


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"model": {"channels": [1]}}, "model: the config that was chosen does not say what to build"),
        ({"model": [1]}, "should be indented lines of"),
        ({"dataset": {}}, "dataset: the config that was chosen does not say"),
        ({"optimizer": {"_target_": 5}}, "optimizer: the config that was chosen does not say"),
        ({"init": {"std": 1.0}}, "init: the config that was chosen does not say what the biases"),
        ({"trainer": {"epochs": 1}}, "trainer: the config that was chosen lacks"),
        ({"telemetry": {}}, "telemetry: the config that was chosen lacks every"),
        ({"experiment": {"seed": 1}}, "# @package _global_"),
    ],
)
def test_a_config_without_what_its_group_needs(changes, says):
    with pytest.raises(InputError, match=says) as error:
        check_shapes(changes)
    assert str(error.value).count("\n") < 5


def test_a_config_of_ones_own_in_place_of_the_main_one_has_every_section():
    with pytest.raises(
        InputError, match="lacks check, repair, reproduce, dataset, scheduler.*\n.*train, _self_"
    ) as error:
        check_complete(GOOD)
    assert "seed" not in str(error.value) and "experiment" not in str(error.value)


def test_an_initializer_without_bias_is_told_the_line_to_write():
    fill = {"_target_": "torch.nn.init.normal_", "_partial_": True, "std": 0.05}
    with pytest.raises(InputError, match="Write a line `bias: 0.0` into it"):
        check_shapes({"init": fill})
    check_shapes({"init": {**fill, "bias": 0.0}})
