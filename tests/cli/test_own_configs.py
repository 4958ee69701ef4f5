"""Configs of one's own that Hydra refuses without saying where."""

import re

import pytest
import yaml

from cnnlab.cli.compose import compose_jobs, compose_run
from cnnlab.cli.resolvers import CONFIGS
from cnnlab.common.errors import InputError


def written(folder, name, defaults):
    path = folder / "experiment" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"# @package _global_\ndefaults:\n  - {defaults}\ntrainer: {{max_steps: 1}}\n")
    return path


@pytest.mark.parametrize("word, value", [("off", "False"), ("on", "True"), ("5", "5"), ("0.5", "0.5")])
def test_a_choice_that_yaml_takes_for_something_else_is_named_with_its_file(word, value, tmp_path):
    path = written(tmp_path, "quiet.yaml", f"override /telemetry: {word}")
    with pytest.raises(InputError) as error:
        compose_run("train", ["experiment=quiet"], tmp_path)
    first, second = str(error.value).splitlines()
    assert first == f"{path}: its defaults choose {value} for override /telemetry, which is no name."
    assert second.endswith('override /telemetry: "off"')


def test_in_quotes_it_is_a_name(tmp_path):
    written(tmp_path, "quiet.yaml", 'override /telemetry: "off"')
    config, _, _ = compose_run("train", ["experiment=quiet"], tmp_path)
    assert config.telemetry.every == 0 or not any(config.telemetry.statistics.values())


def test_a_list_without_such_a_choice_is_not_blamed(tmp_path):
    written(tmp_path, "good.yaml", "override /telemetry: light")
    written(tmp_path, "bad.yaml", "override /telemetry: lihgt")
    with pytest.raises(InputError, match="lihgt"):
        compose_run("train", ["experiment=bad"], tmp_path)


@pytest.mark.filterwarnings("ignore:Support for .yml files")
def test_a_yml_is_told_to_be_renamed(tmp_path):
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "mine.yml").write_text("defaults: [stacked3x3]\n")
    with pytest.raises(InputError, match=r"must end with .yaml.\nRename mine.yml to mine.yaml"):
        compose_run("train", ["model=mine"], tmp_path)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a: [\n", "line 2: expected the node content"),
        ("channels: 1\n\tb: 2\n", "YAML allows no tabs"),
        ("a: 1\na: 2\n", "line 2: the key 'a' is given twice"),
        ("1\n", "holds a number"),
        ("a: !!python/object:os.system x\n", "could not determine a constructor"),
        ("? [a]\n: 1\n", "a key is a list or a mapping"),
        ("null: 1\n", 'Put it in quotes: "None"'),
        ("a: &x [*x]\n", "aliases"),
        ("\x00", "special characters are not allowed"),
        ("lr: 010\n", "line 1: 010 is 8 in YAML"),
        ("a:\n  time: 1:30\n", "line 2: 1:30 is 90 in YAML"),
        ("optimizer.lr: 1\n", "optimizer:\n    lr: ..."),
        ("defaults: {override /model: plain}\n", "its defaults are a mapping, and should be a list"),
        ("defaults: plain\n", "its defaults are a text, and should be a list"),
    ],
)
def test_a_file_that_is_no_config_is_named_with_what_is_wrong(text, says, tmp_path):
    path = tmp_path / "optimizer" / "odd.yaml"
    path.parent.mkdir()
    path.write_text(text)
    with pytest.raises(InputError) as error:
        compose_run("train", ["optimizer=odd"], tmp_path)
    assert str(path) in str(error.value) and says in str(error.value) and str(error.value).count("\n") < 5


def test_aliases_that_multiply_are_told_before_they_fill_the_memory(tmp_path):
    (tmp_path / "model").mkdir()
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 12)]
    (tmp_path / "model" / "bomb.yaml").write_text("\n".join(lines))
    with pytest.raises(InputError, match="more than 100,000 values"):
        compose_run("train", ["model=bomb"], tmp_path)


def test_a_few_aliases_are_fine(tmp_path):
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "mine.yaml").write_text("defaults: [stacked3x3, _self_]\nhead: &h [32]\nchannels: [4, 8]\n")
    assert compose_run("train", ["model=mine"], tmp_path)[0].model.head == [32]


def test_a_file_that_is_wrong_and_not_chosen_disturbs_nothing(tmp_path):
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "odd.yaml").write_text("a: [")
    assert compose_run("train", ["model=plain"], tmp_path)[0].model.channels


def test_the_file_that_is_chosen_is_blamed_and_no_other(tmp_path):
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "another.yaml").write_text("a: [")
    with pytest.raises(InputError, match="'modle' is no setting"):
        compose_run("train", ["modle=plain"], tmp_path)
    (tmp_path / "model" / "chosen.yaml").write_text("b: {")
    with pytest.raises(InputError, match="chosen.yaml, line"):
        compose_run("train", ["model=chosen"], tmp_path)


def test_a_config_that_has_the_name_of_one_of_cnnlabs_is_not_passed_over(tmp_path):
    (tmp_path / "model").mkdir()
    path = tmp_path / "model" / "plain.yaml"
    path.write_text("defaults: [stacked3x3, _self_]\nchannels: [4]\n")
    with pytest.raises(InputError, match=f"{path} would not be used"):
        compose_run("train", ["model=plain"], tmp_path)
    path.write_bytes((CONFIGS / "model" / "plain.yaml").read_bytes())  # a copy, in which nothing was changed
    assert compose_run("train", ["model=plain"], tmp_path)[0].model.channels == [32, 32, 32]


@pytest.mark.parametrize("text", ["seed: 10\n", "seed: 0\n", "lr: 0.10\n", "a: '010'\n", "a: 0x10\n", "a: 1_000\n"])
def test_numbers_that_are_what_they_look_like_are_taken(text, tmp_path):
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "mine.yaml").write_text(f"defaults: [plain, _self_]\n{text}")
    composed = compose_run("train", ["model=mine"], tmp_path)[0].model
    assert all(composed[key] == value for key, value in yaml.safe_load(text).items())


def _open(folder):
    (folder / "model").mkdir()
    path = folder / "model" / "wide.yaml"
    path.write_text("_target_: cnnlab.networks.convnet.ConvNet\nchannels: ???\n")
    return path


@pytest.mark.parametrize("command", ["train", "summary"])
def test_a_setting_that_is_left_open_has_to_be_given(command, tmp_path):
    path = _open(tmp_path)
    with pytest.raises(InputError) as error:
        compose_run(command, ["model=wide"], tmp_path)
    assert str(error.value) == f"model.channels has to be given: model.channels=...\n{path} leaves it open (???)."
    config, _, _ = compose_run(command, ["model=wide", "model.channels=[4]"], tmp_path)
    assert config.model.channels == [4]


def test_it_is_seen_in_a_list_and_where_it_was_typed(tmp_path):
    (tmp_path / "augmentation").mkdir()
    path = tmp_path / "augmentation" / "flips.yaml"
    path.write_text("_target_: a.b\ntransforms:\n  - _target_: a.c\n    p: ???\n")
    with pytest.raises(InputError, match=r"^augmentation.transforms has to be given"):
        compose_run("train", ["augmentation=flips"], tmp_path)
    with pytest.raises(InputError, match=r"^model.channels has to be given: model.channels=\.\.\.$"):
        compose_run("train", ["model.channels=[8,???]"], tmp_path)


def test_a_sweep_may_give_it(tmp_path):
    _open(tmp_path)
    flags = ["--config-dir", str(tmp_path), "-m", "model=wide", "hydra/sweeper=basic"]
    jobs = compose_jobs("train", [*flags, "model.channels=[4],[8]"])
    assert [list(job.model.channels) for job in jobs] == [[4], [8]]
    with pytest.raises(InputError, match="model.channels has to be given"):
        compose_jobs("train", [*flags, "seed=0,1"])


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("\ufeff# @package _global_\ndefaults: [{override /model: plain}]\n", "x.yaml, line 1: .* without BOM"),
        ("# Mine.\n# @package _global_\ntrainer: {epochs: 1}\n", "x.yaml, line 2: .* read only where .* Move it"),
        ("defaults: [{override /model: plain}]\n", "x.yaml does not begin with the line .* # @package _global_"),
        ("trainer: {epochs: 1}\n", "x.yaml does not begin with the line .* # @package _global_"),
    ],
)
def test_an_experiment_whose_first_line_is_not_read_is_named(text, says, tmp_path):
    file = tmp_path / "experiment" / "x.yaml"
    file.parent.mkdir()
    file.write_text(text, encoding="utf-8")
    with pytest.raises(InputError) as error:
        compose_run("train", ["experiment=x"], tmp_path)
    assert re.search(says, " ".join(str(error.value).split())), error.value


def test_a_byte_order_mark_alone_and_an_experiment_that_is_another_one_are_no_mistakes(tmp_path):
    written(tmp_path, "base.yaml", "override /model: plain")
    (tmp_path / "experiment" / "same.yaml").write_text("defaults: [base]\n")
    (tmp_path / "trainer").mkdir()
    (tmp_path / "trainer" / "mine.yaml").write_text("\ufeffdefaults: [default]\nepochs: 7\n", encoding="utf-8")
    config, _, _ = compose_run("train", ["experiment=same", "trainer=mine"], tmp_path)
    assert (config.trainer.max_steps, config.trainer.epochs) == (1, 7)


def test_folders_of_hydras_own_setting_are_searched_and_checked_and_kept_for_who_resumes(tmp_path):
    (tmp_path / "trainer").mkdir()
    (tmp_path / "trainer" / "quick.yaml").write_text("defaults: [default]\nmax_steps: 3\n")
    (tmp_path / "trainer" / "broken.yaml").write_text("defaults: [default]\nmax_steps: 010\n")
    place = f"hydra.searchpath=[file://{tmp_path}]"
    config, request, _ = compose_run("train", [place, "trainer=quick"])
    assert config.trainer.max_steps == 3 and request.lines == ("trainer=quick", place)
    with pytest.raises(InputError, match="Did you mean 'quick'") as error:
        compose_run("train", [place, "trainer=quik"])
    assert str(error.value).endswith("There are: broken, default, quick.")
    with pytest.raises(InputError, match="no setting of trainer=quick"):
        compose_run("train", [place, "trainer=quick", "trainer.epoch=1"])
    with pytest.raises(InputError, match="broken.yaml, line 2: 010 is 8"):
        compose_run("train", [place, "trainer=broken"])
