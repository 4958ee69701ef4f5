"""Values that Hydra's grammar reads as something else, or not at all."""

import shlex

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser

from cnnlab.cli.overrides import as_text, flags, parse, parsed_or_none, quoted_paths
from cnnlab.common.errors import InputError

ODD = ["my photos (2024)", "狗", "a=b", "it's", 'say "hi"', "[8"]
TEXTS = [*ODD, "x,y", "tr\\", 'b\\"', "C:\\new\\", "a:b", "null", "3"]


@pytest.mark.parametrize("text", TEXTS)
def test_quoted_it_is_exactly_this_text(text):
    (found,) = OverridesParser.create().parse_overrides([as_text("dataset.root", text)])
    assert found.value() == text and isinstance(found.value(), str)


@pytest.mark.parametrize("text", ODD)
def test_what_cannot_be_read_is_shown_as_a_shell_would_take_it(text):
    with pytest.raises(InputError, match="Cannot read") as error:
        parse(OverridesParser.create(), ["seed=1", f"dataset.root={text}", "model=plain"])
    lines = str(error.value).splitlines()
    assert lines[0] == f"Cannot read 'dataset.root={text}'." and len(lines) in (3, 4)
    (typed,) = shlex.split(lines[-1])
    assert OverridesParser.create().parse_override(typed).value() == text


def test_without_a_value_there_is_nothing_to_quote():
    with pytest.raises(InputError) as error:
        parse(OverridesParser.create(), ["seed"])
    assert str(error.value) == "Cannot read 'seed'. Write key=value without spaces, e.g. seed=1."


def refused(*typed) -> str:
    with pytest.raises(InputError) as error:
        parse(OverridesParser.create(), typed)
    return str(error.value)


def test_what_the_shell_has_split_is_shown_in_quotes():
    for before, typed in (([], "model.channels=[8, 16]"), (["seed=1"], "optimizer={lr: 0.1}"), ([], "seed=0, 1, 2")):
        first, last = refused(*before, *typed.split(" "), "model=plain").splitlines()
        assert "the shell splits at spaces" in first and last == f"  '{typed}'"


@pytest.mark.parametrize("value", ["[8,16,]", "(8,16)", "0,1,", "{a:1"])
def test_how_values_are_listed_is_said_where_a_list_is_meant(value):
    assert "Values are separated by single commas, and a list is [8,16]." in refused(f"model.channels={value}")


def test_an_override_in_a_list_is_told_to_be_quoted():
    assert 'what has a = is quoted: ["init=he"]' in refused("hydra.sweeper.arms={a: [init=he]}")


def test_a_home_folder_is_written_out_since_no_shell_does_it_here(monkeypatch):
    monkeypatch.setenv("HOME", "/home/me")
    assert refused("dataset.root=~/photos").endswith("  'dataset.root=\"/home/me/photos\"'")


@pytest.mark.parametrize("typed", ["--seed=1", "-seed=1"])
def test_a_setting_with_dashes_is_told_to_have_none(typed):
    with pytest.raises(InputError, match=f"{typed} is no flag. Settings are typed without dashes, as in seed=1"):
        flags([typed, "model=plain"])
    with pytest.raises(InputError, match="--lr is no flag"):
        flags(["--lr", "0.1"])


def test_a_flag_without_its_value_is_told_and_hydras_own_are_read():
    with pytest.raises(InputError, match="--config-dir/-cd: expected one argument"):
        flags(["--config-dir"])
    read = flags(["-m", "--config-dir", "mine", "seed=0,1"])
    assert read.multirun and read.config_dir == "mine" and read.overrides == ["seed=0,1"]


def test_flags_and_mistakes_are_no_overrides():
    assert parsed_or_none("--config-dir") is None and parsed_or_none("a=(") is None
    found = parsed_or_none("a=1,2")
    assert found is not None and found.is_sweep_override()


def test_a_path_that_is_there_need_not_be_quoted(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = ["plain_optimizer=adamw_seed0", "init=he,seed=0", 'it\'s (a) "b" 狗']
    for name in names:
        (tmp_path / name).mkdir()
    typed = [f"run={name}" for name in names]
    found = OverridesParser.create().parse_overrides(quoted_paths(typed))
    assert [(o.key_or_group, o.value()) for o in found] == [("run", name) for name in names]
    (tmp_path / "3").mkdir()
    for same in (["seed=3"], ["run=no=folder"], ["-m", "init=he,xavier"], [f"--x={names[0]}"], [names[0]], ["run="]):
        assert quoted_paths(same) == same
