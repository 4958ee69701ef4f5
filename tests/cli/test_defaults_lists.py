"""Configs of one's own that Hydra refuses without saying where."""

import pytest

from cnnlab.cli.compose import compose_run
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
