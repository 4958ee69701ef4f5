"""Configs that differ, and those that only ask for more steps."""

import pytest

from cnnlab.common.errors import InputError
from cnnlab.runs.changes import differences, extends, only_moved, read_config, same_places

BASE = "seed: 1\ntrainer:\n  max_steps: {steps}\n  epochs: {epochs}\noptimizer:\n  lr: {lr}\n"


def _config(steps="null", epochs=12, lr=0.1) -> str:
    return BASE.format(steps=steps, epochs=epochs, lr=lr)


def test_what_differs_is_named_with_both_values():
    assert differences(_config(lr=0.05), _config()) == "optimizer.lr is 0.05 there and 0.1 now"
    many = differences("a: 1\nb: 1\nc: 1\nd: 1\n", "a: 2\nb: 2\nc: 2\ne: {f: 2}\n")
    assert many.endswith("and 2 more") and many.startswith("a is 1 there and 2 now")
    assert differences(_config(), _config()) == ""
    assert differences(None, _config()) == "its config is not known"


@pytest.mark.parametrize(
    ("now", "longer"),
    [
        ({}, False),
        ({"epochs": 13}, True),
        ({"epochs": 11}, False),
        ({"steps": 100}, False),  # how many steps 12 epochs have is not known
        ({"epochs": 13, "lr": 0.2}, False),
    ],
)
def test_more_epochs(now, longer):
    assert extends(_config(), _config(**now)) == longer


@pytest.mark.parametrize(("steps", "longer"), [(101, True), (100, False), (99, False), ("null", False)])
def test_more_steps(steps, longer):
    assert extends(_config(steps=100), _config(steps=steps)) == longer


def test_images_that_lie_elsewhere_are_no_other_settings():
    here, there = "dataset:\n  root: data\n", "dataset:\n  root: moved\n"
    assert only_moved(_config() + here, _config() + there) and only_moved(_config(), _config())
    assert not only_moved(_config() + here, _config(lr=0.2) + there)
    assert extends(_config(steps=100) + here, _config(steps=200) + there)
    assert not extends(_config() + here, _config() + there)


def test_images_of_one_place_may_be_written_in_full(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    full, short, other = (
        f"seed: 1\ndataset: {{root: {root}}}\n" for root in (tmp_path / "photos", "photos", "other/photos")
    )
    assert same_places(full, "/elsewhere", short) and same_places(short, str(tmp_path), short)
    assert not same_places(short, "/elsewhere", short) and not same_places(full, "/elsewhere", other)
    assert same_places(_config(), "/elsewhere", _config()) and not same_places(_config(lr=1), ".", _config())


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "it is empty"),
        (b"seed: 1\nother: [\n", "line 3: "),
        (b"seed: \xff\n", "not UTF-8"),
        (b"- 1\n", "holds no settings by name"),
    ],
)
def test_a_config_that_was_cut_or_edited_badly_is_told(tmp_path, content, says):
    file = tmp_path / "config.yaml"
    assert read_config(file) is None
    file.write_text(_config())
    assert read_config(file) == _config()
    file.write_bytes(content)
    with pytest.raises(InputError, match=rf"config.yaml is damaged \(.*{says}") as told:
        read_config(file)
    assert f"resume={tmp_path}" in str(told.value)
