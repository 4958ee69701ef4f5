"""What holds with either Hydra; `make test-hydra-next` runs it with the other one."""

from omegaconf import OmegaConf

from cnnlab.cli.build import construct


def test_a_section_may_name_code_at_any_depth():
    inner = {"_target_": "collections.Counter", "text": ["a"]}
    section = OmegaConf.create({"_target_": "builtins.dict", "one": inner, "more": [inner], "name": "${one.text.0}"})
    assert construct("model", section) == {"one": {"text": ["a"]}, "more": [{"text": ["a"]}], "name": "a"}
