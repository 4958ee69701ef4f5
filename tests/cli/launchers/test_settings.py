"""Mistakes in a launcher's settings, and libraries that are not installed, are told in a few lines."""

import subprocess
import sys

import pytest
from omegaconf import OmegaConf

from cnnlab.cli.launchers.settings import MAPPING, check_settings, plain_settings, require
from cnnlab.cli.refusal import Refusal
from cnnlab.common.checks import whole


def test_settings_lose_their_containers_and_keep_their_values():
    given = OmegaConf.create({"one": 1, "lines": ["a", "${one}"], "more": {"x": "y"}})
    plain = plain_settings(dict(given))
    assert plain == {"one": 1, "lines": ["a", 1], "more": {"x": "y"}}
    assert type(plain["lines"]) is list and type(plain["more"]) is dict


def test_a_setting_out_of_range_is_named_as_it_is_typed():
    check_settings({"jobs": 1, "more": {"a": 1}}, {"jobs": whole(1), "more": MAPPING})
    with pytest.raises(Refusal, match="hydra.launcher.jobs=0 is not allowed.\nAllowed: an integer >= 1"):
        check_settings({"jobs": 0}, {"jobs": whole(1)})
    with pytest.raises(Refusal, match="Allowed: a mapping"):
        check_settings({"more": ["a"]}, {"more": MAPPING})


def test_a_missing_library_says_what_to_install(monkeypatch):
    assert require("json", "slurm") is sys.modules["json"]
    monkeypatch.setitem(sys.modules, "submitit", None)
    with pytest.raises(Refusal, match=r"pip install 'cnnlab\[slurm\]'"):
        require("submitit", "slurm")


def test_what_every_command_imports_for_the_launchers_is_light():
    code = "import sys, hydra_plugins.cnnlab_clusters; print(*{'torch', 'submitit', 'ray'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == ""
